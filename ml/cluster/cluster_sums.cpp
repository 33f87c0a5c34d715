#include "lathe/ml/cluster/cluster_sums.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "lathe/ml/core/kernel_cluster_table.h"

namespace lathe {
namespace {

struct Grids {
  double high = 0.0;  // v + high - high rounds v to the first grid
  double low = 0.0;
};

// For n numbers of at most `reach`: sums on the first grid stay below 2^52 of its steps, and so do
// sums of what it leaves, at most half a step each, on the second.
Grids grids(Index n, double reach) {
  if (!(reach > 0.0)) return {};
  const int log_n = std::ilogb(static_cast<double>(n)) + 1;
  const int top = std::ilogb(reach) + 1 + log_n;
  const int second = std::max(top - 51 + log_n, -1070 + 52);
  return {std::ldexp(1.5, std::max(top + 1, second + 1)), std::ldexp(1.5, second + 1)};
}

using Order = std::array<std::size_t, Changes::most>;

// Of long rows, those that go to one cluster are made neighbours: its sums stay in registers
// (move_columns).
Order order_of(const Changes& changes, Index d) {
  Order order;
  const auto end = order.begin() + changes.n;
  std::iota(order.begin(), end, std::size_t{0});
  if (d < 256) return order;
  std::sort(order.begin(), end,
            [&](std::size_t a, std::size_t b) { return changes.to[a] < changes.to[b]; });
  return order;
}

struct Range {
  RowVector least, greatest;
};

// Of the rows that count: one that does not may be so far away that the others would have no digits
// on the grids.
Range range_of_weighted(const ClusterRows& rows) {
  if (std::find(rows.weight.begin(), rows.weight.end(), 0.0) == rows.weight.end()) {
    return {rows.least, rows.greatest};
  }
  Range range{rows.greatest, rows.least};
  for (Index i = 0; i < rows.rows(); ++i) {
    if (rows.weight_of(i) == 0.0) continue;
    range.least = range.least.cwiseMin(rows.X.row(i));
    range.greatest = range.greatest.cwiseMax(rows.X.row(i));
  }
  return range;
}

}  // namespace

ClusterSums::ClusterSums(const ClusterRows& rows, Index k)
    : rows_(rows),
      k_(k),
      stride_((2 * rows.cols() + 3 + 7) / 8 * 8),
      origin_(rows.cols()),
      high_grid_(rows.cols()),
      low_grid_(rows.cols()),
      total_(Vector::Zero(k * stride_)) {
  if (!rows.weight.empty()) {  // so that no product leaves the range of doubles
    const double heaviest = *std::max_element(rows.weight.begin(), rows.weight.end());
    weight_unit_ = std::ldexp(1.0, std::min(-std::ilogb(heaviest) - 1, 1000));
  }
  // About 0, or about the mean where the numbers lie closely around it: x - origin is exact in both
  // cases, so a cluster of one row has that row as its mean.
  const auto [least, greatest] = range_of_weighted(rows);
  for (Index j = 0; j < rows.cols(); ++j) {
    const double about_mean = std::max(greatest[j] - rows.mean[j], rows.mean[j] - least[j]);
    const bool close = std::abs(rows.mean[j]) > 4.0 * about_mean;
    origin_[j] = close ? rows.mean[j] : 0.0;
    const double reach = close ? about_mean : std::max(std::abs(greatest[j]), std::abs(least[j]));
    const Grids g = grids(rows.rows(), reach);
    high_grid_[j] = g.high;
    low_grid_[j] = g.low;
  }
  const Grids g = grids(rows.rows(), 1.0);
  weight_high_ = g.high;
  weight_low_ = g.low;
}

void ClusterSums::clear() {
  total_.setZero();
  for (const auto& part : idle_) part->setZero();
}

void ClusterSums::merge() {
  for (const auto& part : idle_) {
    total_ += *part;
    part->setZero();
  }
}

double ClusterSums::count(Index cluster) const {
  return total_[cluster * stride_ + 2 * rows_.cols() + 2];
}

RowVector ClusterSums::mean(Index cluster, std::span<const std::int32_t> labels) const {
  const double* numbers = total_.data() + cluster * stride_;
  const Index d = rows_.cols();
  const double weight = this->weight(numbers);
  if (weight < 0x1p-20) return light_mean(cluster, labels);
  RowVector mean(d);
  for (Index j = 0; j < d; ++j) mean[j] = origin_[j] + (numbers[j] + numbers[d + j]) / weight;
  return mean;
}

// With x and c about the mean m: sum w |x - c|^2 = sum w |x|^2 + sum_j (W_j c_j - 2 S_j) c_j.
std::optional<double> ClusterSums::inertia(const Matrix& centres) const {
  const Index d = rows_.cols();
  const double squares = rows_.total_squares * weight_unit_;
  double total = squares;
  double digits = squares + rows_.offset_squares * weight_unit_;  // what was added up, by size
  for (Index c = 0; c < k_; ++c) {
    const double* numbers = total_.data() + c * stride_;
    const double weight = this->weight(numbers);
    double part = 0.0;
    for (Index j = 0; j < d; ++j) {
      const double sum = numbers[j] + numbers[d + j];
      const double shift = weight * (origin_[j] - rows_.mean[j]);
      const double centre = centres(c, j) - rows_.mean[j];
      part += (weight * centre - 2.0 * (sum + shift)) * centre;
      digits += (weight * std::abs(centre) + std::abs(sum) + std::abs(shift)) * std::abs(centre);
    }
    total += part;
  }
  constexpr double most_lost = 64.0;  // six bits: an error below 1e-13
  if (!(total * most_lost > digits)) return std::nullopt;
  return total / weight_unit_;
}

RowVector ClusterSums::light_mean(Index cluster, std::span<const std::int32_t> labels) const {
  RowVector mean = RowVector::Zero(rows_.cols());
  double total = 0.0;
  for (Index i = 0; i < rows_.rows(); ++i) {
    const double weight = rows_.weight_of(i);
    if (labels[static_cast<std::size_t>(i)] != cluster || weight == 0.0) continue;
    total += weight;
    mean += (rows_.X.row(i) - mean) * (weight / total);
  }
  return mean;
}

void ClusterSums::change(Vector& numbers, const Changes& changes) const {
  std::array<const double*, Changes::most> rows;
  std::array<double*, Changes::most> from;
  std::array<double*, Changes::most> to;
  std::array<double, Changes::most> weight;
  std::size_t n = 0;
  const Order order = order_of(changes, rows_.cols());
  for (std::size_t place = 0; place < static_cast<std::size_t>(changes.n); ++place) {
    const std::size_t c = order[place];
    const Index i = changes.row[c];
    if (changes.from[c] == changes.to[c] || rows_.weight_of(i) == 0.0) continue;
    rows[n] = rows_.row(i);
    weight[n] = rows_.weight_of(i) * weight_unit_;
    from[n] = changes.from[c] < 0 ? nullptr : numbers.data() + changes.from[c] * stride_;
    to[n] = numbers.data() + changes.to[c] * stride_;
    if (from[n] != nullptr) count(from[n], weight[n], -1.0);
    count(to[n], weight[n], 1.0);
    ++n;
  }
  // Otherwise the next columns of long rows, which may not have been read yet: without that 20000 x
  // 784 took 22 ms instead of 8, one thread.
  const Index columns = rows_.cols() > 64 ? 64 : 0;
  const Index ahead = changes.ahead > 0 ? changes.ahead * rows_.X.outerStride() : columns;
  kernels::cluster_sum_table().move_rows(
      rows.data(), static_cast<Index>(n), ahead, rows_.cols(), origin_.data(), high_grid_.data(),
      low_grid_.data(), rows_.weight.empty() ? nullptr : weight.data(), from.data(), to.data());
}

// Without weights the number of rows is their weight.
void ClusterSums::count(double* sums, double weight, double sign) const {
  sums += 2 * rows_.cols();
  sums[2] += sign;
  if (rows_.weight.empty()) return;
  const double high = (weight + weight_high_) - weight_high_;
  const double low = ((weight - high) + weight_low_) - weight_low_;
  sums[0] += sign * high;
  sums[1] += sign * low;
}

double ClusterSums::weight(const double* sums) const {
  sums += 2 * rows_.cols();
  return rows_.weight.empty() ? sums[2] : sums[0] + sums[1];
}

ClusterSums::Part::Part(ClusterSums& sums) : sums_(sums) {
  {
    const std::lock_guard lock(sums_.mutex_);
    if (!sums_.idle_.empty()) {
      numbers_ = std::move(sums_.idle_.back());
      sums_.idle_.pop_back();
    }
  }
  if (!numbers_) numbers_ = std::make_unique<Vector>(Vector::Zero(sums_.total_.size()));
}

ClusterSums::Part::~Part() {
  const std::lock_guard lock(sums_.mutex_);
  sums_.idle_.push_back(std::move(numbers_));
}

}  // namespace lathe
