#include "lathe/ml/cluster/scored_centres.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "lathe/ml/cluster/lloyd.h"

namespace lathe {
namespace {

constexpr Index few = 6;  // rows, for which a block of doubles does not pay

// Scores are of rows about the mean and times this, a power of two, so that it rounds nothing.
double score_scale(const ClusterRows& rows) {
  const double variance = rows.total_variance / static_cast<double>(rows.cols());
  return variance > 0.0 && std::isfinite(variance) ? std::ldexp(1.0, -std::ilogb(variance) / 2)
                                                   : 1.0;
}

// What a score may be off, beside |x|^2 + |c|^2. With u half an epsilon: x, c and the norm are
// rounded, which moves a score by 3 u / 2 of that, and d + 1 multiply-adds, of two roundings each
// where the level has no fused ones, by 2 (d + 1) u. A norm is off by less than that too. And then
// some, for what is squared of all this.
template <class Number>
double score_error(Index d) {
  const double u = 0.5 * static_cast<double>(std::numeric_limits<Number>::epsilon());
  return u * (2.0 * static_cast<double>(d) + 8.0) * (1.0 + 0x1p-6);
}

// Beyond, products might overflow, and errors are not small.
template <class Number>
bool can_score(Index d, double largest_norm) {
  const double limit = std::is_same_v<Number, float> ? 1e30 : 1e280;
  return d <= (1 << 16) && largest_norm <= limit;
}

}  // namespace

template <class Number>
void ScoredCentres::Scores<Number>::prepare(const kernels::ScoreKernel<Number>& kernel,
                                            const RowVector& origin, double scale, Index k) {
  const Index d = origin.size();
  packed.resize(kernel.packed_size(k, d));
  norms.resize(k);
  const double least = static_cast<double>(std::numeric_limits<Number>::min());
  tiles = {packed.data(),
           origin.data(),
           scale,
           k,
           d,
           norms.data(),
           score_error<Number>(d),
           nearby(d) - 1.0,
           std::max(tiny * scale * scale, least * static_cast<double>(d + 8)),
           0.0};
}

template <class Number>
void ScoredCentres::Scores<Number>::pack(const kernels::ScoreKernel<Number>& kernel,
                                         const Matrix& centres, double reach) {
  kernel.pack(centres.data(), tiles, packed.data(), norms.data());
  const double largest = norms.maxCoeff<Eigen::PropagateNaN>();
  usable = can_score<Number>(tiles.d, largest);
  tiles.margin =
      (2.0 * tiles.error + tiles.tie) * (reach + largest) * (1.0 + 0x1p-20) + 2.0 * tiles.tiny;
}

ScoredCentres::ScoredCentres(const ClusterRows& rows, Index k)
    : origin_(rows.mean), rows_(rows.rows()) {
  const double scale = score_scale(rows);
  reach_ = ((rows.greatest - origin_).cwiseMax(origin_ - rows.least) * scale).squaredNorm();
  floats_.prepare(kernels::score_table().floats, origin_, scale, k);
  doubles_.prepare(kernels::score_table().doubles, origin_, scale, k);
}

void ScoredCentres::pack(const Matrix& centres) {
  // Where floats decide too little, they are not asked again: labels do not depend on it.
  trust_floats_ = trust_floats_ && doubts_.exchange(0) <= rows_ / 4;
  floats_.pack(kernels::score_table().floats, centres, reach_);
  doubles_.pack(kernels::score_table().doubles, centres, reach_);
}

Index ScoredCentres::work_size() const {
  const kernels::ScoreTable& table = kernels::score_table();
  return std::max(table.floats.work_size(origin_.size()) / 2 + 1,
                  table.doubles.work_size(origin_.size()));
}

void ScoredCentres::nearest(const double* const* rows, Index n, Index ahead, double* work,
                            std::int32_t* label, double* bounds) const {
  if (trust_floats_ && floats_.usable) {
    kernels::score_table().floats.nearest(rows, n, ahead, floats_.tiles,
                                          reinterpret_cast<float*>(work), label, bounds);
  } else {
    std::fill(label, label + n, -1);
  }
  const auto left = std::count(label, label + n, -1);
  if (left == 0) return;
  doubts_.fetch_add(left, std::memory_order_relaxed);
  if (doubles_.usable && left >= few) again_in_doubles(rows, n, work, label, bounds);
}

void ScoredCentres::again_in_doubles(const double* const* rows, Index n, double* work,
                                     std::int32_t* label, double* bounds) const {
  std::array<Index, piece> open{};
  std::array<const double*, piece> here{};
  Index left = 0;
  for (Index i = 0; i < n; ++i) {
    if (label[i] >= 0) continue;
    open[static_cast<std::size_t>(left)] = i;
    here[static_cast<std::size_t>(left++)] = rows[i];
  }
  std::array<std::int32_t, piece> found{};
  std::array<double, 2 * piece> found_bounds{};
  kernels::score_table().doubles.nearest(here.data(), left, 0, doubles_.tiles, work, found.data(),
                                         bounds != nullptr ? found_bounds.data() : nullptr);
  for (Index r = 0; r < left; ++r) {
    const auto at = static_cast<std::size_t>(r);
    label[open[at]] = found[at];
    if (bounds != nullptr) std::copy_n(&found_bounds[2 * at], 2, bounds + 2 * open[at]);
  }
}

}  // namespace lathe
