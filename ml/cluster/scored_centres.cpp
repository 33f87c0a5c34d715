#include "lathe/ml/cluster/scored_centres.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "lathe/ml/cluster/lloyd.h"
#include "lathe/ml/core/kernels.h"

namespace lathe {
namespace {

constexpr Index few = 6;  // rows, for which a block of doubles does not pay

// x * scale is rounded beside q, so that no more than 2^-10 is lost of it and of a centre's number.
constexpr double most_offset = 0x1p42;
constexpr double lost_in_rounding = 0.51;

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

// Few rows are farther from the mean than this, as a sample tells; and beside it no number of any
// row is too large for the rough scores. 0 where all of the sample are at the mean.
double sampled_reach(const ClusterRows& rows) {
  constexpr double farther = 1.25;
  double squared = 0.0;
  for (Index i = 0; i < rows.rows(); i += sample_step(rows.rows())) {
    squared =
        std::max(squared, kernels::squared_distance(rows.row(i), rows.mean.data(), rows.cols()));
  }
  if (squared == 0.0) return 0.0;
  const double widest = (rows.greatest - rows.mean).cwiseMax(rows.mean - rows.least).maxCoeff();
  return std::max(farther * std::sqrt(squared),
                  widest * (kernels::rough_reach / kernels::rough_largest));
}

// The farthest corner of the range may be many times as far as any row, and a finer scale leaves
// fewer of them in doubt: at 20000 x 784 with k = 10 1700 instead of 4400, which saved 0.7 ms.
double rough_reach_of(const ClusterRows& rows) {
  const double sampled = sampled_reach(rows);
  return sampled > 0.0 ? std::min(sampled, rows.reach) : rows.reach;
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
           kernels::score_table().tile(k),
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

void ScoredCentres::RoughScores::prepare(const ClusterRows& rows, Index k, double reach) {
  const RowVector& origin = rows.mean;
  const Index d = origin.size();
  tiles.sampled = reach < rows.reach;
  const double scale = kernels::rough_reach / reach;
  possible = d >= 16 && reach > 1e-140 && reach < 1e140 && k <= (1 << 12) && d <= (1 << 16) &&
             origin.cwiseAbs().maxCoeff() * scale <= most_offset;
  if (!possible) return;
  packed.resize(static_cast<std::size_t>(kernels::rough_table().packed_size(k, d)));
  norms.resize(k);
  shift = 0x1.8p52 - (origin.transpose().array() * scale).round();
  tiles.packed = packed.data();
  tiles.shift = shift.data();
  tiles.scale = scale;
  tiles.tile = kernels::score_table().tile(k);
  tiles.k = k;
  tiles.d = d;
  tiles.mask = static_cast<std::int32_t>(std::bit_ceil(static_cast<std::uint64_t>(k))) - 1;
  tiles.error = lost_in_rounding * std::sqrt(static_cast<double>(d));
  tiles.least_error = static_cast<double>(tiles.mask) + 4.0;
}

void ScoredCentres::RoughScores::pack(const Matrix& centres) {
  usable = false;
  if (!possible) return;
  const RowVector origin = (0x1.8p52 - shift.transpose().array());
  for (Index c = 0; c < tiles.k; ++c) {
    norms[c] = (centres.row(c) * tiles.scale - origin).squaredNorm();
  }
  const double longest = std::sqrt(norms.maxCoeff<Eigen::PropagateNaN>());
  if (!(longest > 0.0 && longest <= 2.0 * kernels::rough_reach)) return;
  tiles.ratio = std::min(kernels::rough_reach / longest, 16.0);
  tiles.reach = tiles.ratio * longest;
  tiles.margin = static_cast<std::int32_t>(
      2.0 * (tiles.error * (kernels::rough_reach + 2.0 * tiles.error + tiles.reach) +
             tiles.least_error) +
      1.0);
  kernels::rough_table().pack(centres.data(), tiles, norms.data(), packed.data());
  usable = true;
}

ScoredCentres::ScoredCentres(const ClusterRows& rows, Index k, bool bounded)
    : rows_(rows), origin_(rows.mean) {
  const double scale = score_scale(rows);
  reach_ = rows.reach * scale * (rows.reach * scale);
  rough_.prepare(rows, k, bounded ? rough_reach_of(rows) : rows.reach);
  floats_.prepare(kernels::score_table().floats, origin_, scale, k);
  doubles_.prepare(kernels::score_table().doubles, origin_, scale, k);
}

bool ScoredCentres::pack(const Matrix& centres) {
  // What decides too little is not asked again: labels do not depend on it.
  const bool decided = doubts_.exchange(0) <= rows_.rows() / 4;
  const bool by_sample = rough_.tiles.sampled;
  if (!decided && rough()) {
    trust_rough_ = by_sample;
  } else {
    trust_floats_ &= decided;
  }
  if (trust_rough_) rough_.pack(centres);
  const bool rescaled = by_sample && trust_rough_ && !(decided && rough_.usable);
  if (rescaled) {  // the sample is too short for many rows, or for a centre
    rough_.prepare(rows_, centres.rows(), rows_.reach);
    rough_.pack(centres);
  }
  centres_ = &centres;
  if (!rough()) {
    floats_.pack(kernels::score_table().floats, centres, reach_);
  }
  doubles_.pack(kernels::score_table().doubles, centres, reach_);
  return rescaled;
}

Index ScoredCentres::work_size() const {
  const kernels::ScoreTable& table = kernels::score_table();
  const Index d = origin_.size();
  return std::max({kernels::rough_table().work_size(d) / 2 + 1, table.floats.work_size(d) / 2 + 1,
                   table.doubles.work_size(d)});
}

void ScoredCentres::nearest(const double* const* rows, Index n, Index ahead, double* work,
                            std::int32_t* label, double* bounds,
                            const kernels::KeptRows& kept) const {
  Index left = n;
  if (rough()) {
    left = nearest_roughly(rows, n, ahead, work, label, bounds, kept);
  } else if (trust_floats_ && floats_.usable) {
    kernels::score_table().floats.nearest(rows, n, ahead, floats_.tiles,
                                          reinterpret_cast<float*>(work), label, bounds);
    left = std::count(label, label + n, -1);
  } else {
    std::fill(label, label + n, -1);
  }
  if (left == 0) return;
  doubts_.fetch_add(left, std::memory_order_relaxed);
  if (doubles_.usable && left >= few) again_in_doubles(rows, n, work, label, bounds);
}

Index ScoredCentres::nearest_roughly(const double* const* rows, Index n, Index ahead, double* work,
                                     std::int32_t* label, double* bounds,
                                     const kernels::KeptRows& kept) const {
  std::array<std::int32_t, piece> rivals;
  const Index doubts = kernels::rough_table().nearest(rows, n, ahead, rough_.tiles, kept,
                                                      reinterpret_cast<std::int32_t*>(work), label,
                                                      rivals.data(), bounds);
  if (doubts == 0) return 0;
  Index left = 0;
  for (Index i = 0; i < n; ++i) {
    const std::int32_t rival = rivals[static_cast<std::size_t>(i)];
    if (rival < 0) continue;
    if (label[i] < 0) {
      ++left;
    } else {
      settle(rows[i], rival, label[i], bounds != nullptr ? bounds + 2 * i : nullptr);
    }
  }
  doubts_.fetch_add(doubts - left, std::memory_order_relaxed);
  return left;
}

// Of two centres the one that nearest_centre() finds; all others are clearly farther.
void ScoredCentres::settle(const double* row, std::int32_t rival, std::int32_t& label,
                           double* bounds) const {
  const auto [first, second] = std::minmax(label, rival);
  const Index d = origin_.size();
  const double to_first = kernels::squared_distance(row, centres_->data() + first * d, d);
  const double to_second = kernels::squared_distance(row, centres_->data() + second * d, d);
  const bool moves = to_second < to_first * clearly_nearer;
  label = moves ? second : first;
  if (bounds == nullptr) return;
  bounds[0] = (moves ? to_second : to_first) + tiny;
  bounds[1] = std::min(moves ? to_first : to_second, bounds[1]);
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
