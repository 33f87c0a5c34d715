#include "lathe/ml/cluster/scored_centres.h"

#include <algorithm>
#include <cmath>

#include "lathe/ml/cluster/lloyd.h"

namespace lathe {
namespace {

// What a difference of two scores may be off, and what nearest_centre() takes for a tie, beside
// |x|^2 + |c|^2. With u = 2^-53: taking x and c about the origin moves a squared distance by 8 u of
// that, and d + 2 multiply-adds and the norm move a score by (2 d + 2) u; half a squared distance
// is at most the whole of it.
double share_of(Index d) {
  return (nearby(d) - 1.0) + 0x1p-53 * (8.0 * static_cast<double>(d) + 32.0);
}

}  // namespace

ScoredCentres::ScoredCentres(const ClusterRows& rows, Index k)
    : origin_(rows.mean), packed_(kernels::score_table().packed_size(k, rows.cols())) {
  // About the means only where that keeps digits: without, a subtraction is saved for each number.
  const RowVector spread = (rows.greatest - rows.mean).cwiseMax(rows.mean - rows.least);
  const bool close = (rows.mean.cwiseAbs().array() > 4.0 * spread.array()).any();
  if (!close) origin_.setZero();
  reach_ = (rows.greatest - origin_)
               .cwiseAbs()
               .cwiseMax((rows.least - origin_).cwiseAbs())
               .squaredNorm();
  const Index d = rows.cols();
  tiles_ = {packed_.data(), close ? origin_.data() : nullptr, k, d, 0.0, share_of(d), tiny, 0.0};
}

void ScoredCentres::pack(const Matrix& centres) {
  tiles_.largest = kernels::score_table().pack(centres.data(), tiles_.k, tiles_.d, tiles_.origin,
                                               packed_.data());
  tiles_.margin = tiles_.share * (reach_ + tiles_.largest) * (1.0 + 0x1p-20) + tiles_.tiny;
}

}  // namespace lathe
