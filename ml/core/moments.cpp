#include "lathe/ml/core/moments.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lathe/ml/core/double_double.h"
#include "lathe/ml/core/kernel_moments.h"
#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

// Beyond these, unit is not 1: squares of what lies within, and their sums, stay well in range.
constexpr int plain_exponent = 200;
// In the unit of columns that are summed up again the greatest cell has this exponent: squares and
// their sums are just in range, so that those of cells whose weight is small are too.
constexpr int wide_exponent = 480;
// Squares lose the digits by which those about the shift exceed those about the mean: by a factor
// of `most_lost` the deviation keeps 13 digits, for rounding costs a square 4 2^-53 of its size.
constexpr double most_lost = 0x1p8;
// Beyond this squares are little but their rounding, which tells not how far off the mean may be.
constexpr double mean_lost = 0x1p40;
constexpr double least_squares = 0x1p-900;  // products below may have lost digits
constexpr int most_repeats = 3;
constexpr Index least_rows = 512;  // of a block
constexpr Index most_blocks = 64;
constexpr Index chunk_cols = 512;
constexpr Index most_folded_cols = 64;
constexpr Index register_cols = 8;

// Rows that are laid side by side, so that narrow columns fill whole registers.
Index folded_rows(const MatrixView& X, std::span<const double> weight) {
  const bool contiguous = X.outerStride() == X.cols();
  if (!contiguous || !weight.empty() || X.cols() > most_folded_cols) return 1;
  return register_cols / std::gcd(X.cols(), register_cols);
}

// The sums of a block of rows: fields (kernel_moments.h) are rows, so that each is contiguous. With
// `copies` rows laid side by side, sums of column j are in columns j, j + d, j + 2 d ...
struct Block {
  const double* first;
  Index rows;
  Index copies;
  const double* weight;  // of its rows; null where there are none
  Matrix sums;
};

class Accumulation {
 public:
  Accumulation(const MatrixView& X, std::span<const double> weight)
      : X_(X),
        inverse_unit_(Vector::Ones(X.cols())),
        lost_(Vector::Zero(X.cols())),
        weight_(weight.begin(), weight.end()) {
    // Weights count by their ratios only; a power of two keeps their products in range.
    const double most = weight.empty() ? 1.0 : *std::max_element(weight.begin(), weight.end());
    if (most > 0.0) weight_unit_ = std::ldexp(1.0, std::clamp(std::ilogb(most), -1000, 1000));
    for (double& w : weight_) w /= weight_unit_;
    cut();
  }

  Moments moments() {
    Moments m;
    add_up(false);
    take_ranges(m);
    if (take_units(m)) add_up(true);  // the sums of such columns may have overflowed
    std::vector<Index> columns(static_cast<std::size_t>(X_.cols()));
    std::iota(columns.begin(), columns.end(), Index{0});
    take_moments(m, columns);
    for (int repeat = 0; repeat < most_repeats; ++repeat) {
      std::erase_if(columns, [&](Index j) { return !(lost_[j] > most_lost); });
      if (columns.empty()) break;
      take_shifts(m, columns);
      add_up(true);
      take_moments(m, columns);
    }
    return m;
  }

 private:
  void cut();
  void add_up(bool scaled);
  void take_ranges(Moments& m) const;
  bool take_units(Moments& m);
  void take_shifts(Moments& m, const std::vector<Index>& columns);
  double heaviest_cell(Index j) const;
  void take_moments(Moments& m, const std::vector<Index>& columns);
  void take_moments(Moments& m, Index j);

  // body(block, column of its sums) for all sums of column j, in row order.
  template <class Body>
  void each_sum(Index j, Body body) const {
    for (const Block& block : blocks_) {
      for (Index copy = 0; copy < block.copies; ++copy) body(block, j + copy * X_.cols());
    }
  }

  const MatrixView& X_;
  Vector inverse_unit_;
  Vector shift_;  // of all blocks, in units; empty where each takes its own
  Vector lost_;   // of each column: squares about the shifts, beyond those about the mean, by these
  std::vector<double> weight_;  // in units
  double weight_unit_ = 1.0;
  std::vector<Block> blocks_;
};

void Accumulation::cut() {
  const Index folded = folded_rows(X_, weight_);
  Index size = std::max(least_rows, (X_.rows() + most_blocks - 1) / most_blocks);
  size = (size + folded - 1) / folded * folded;
  const auto add = [&](Index begin, Index rows, Index copies) {
    if (rows == 0) return;
    blocks_.push_back({X_.data() + begin * X_.outerStride(), rows / copies, copies,
                       weight_.empty() ? nullptr : weight_.data() + begin,
                       Matrix(kernels::n_column_sums, X_.cols() * copies)});
  };
  for (Index begin = 0; begin < X_.rows(); begin += size) {
    const Index rows = std::min(size, X_.rows() - begin);
    const Index whole = rows / folded * folded;
    add(begin, whole, folded);
    add(begin + whole, rows - whole, 1);
  }
}

void Accumulation::add_up(bool scaled) {
  const auto& table = kernels::moments_table();
  const Index chunks = (X_.cols() + chunk_cols - 1) / chunk_cols;
  parallel_for(static_cast<Index>(blocks_.size()) * chunks, [&](Index task) {
    Block& block = blocks_[static_cast<std::size_t>(task / chunks)];
    const Index begin = task % chunks * chunk_cols;
    const Index end = std::min(X_.cols(), begin + chunk_cols);
    const auto laid = [&](const Vector& v) -> RowVector {
      return v.segment(begin, end - begin).transpose().replicate(1, block.copies);
    };
    const RowVector units = laid(inverse_unit_);
    const RowVector shifts = shift_.size() > 0 ? laid(shift_) : RowVector();
    table.column_sums(block.first + begin, block.rows, (end - begin) * block.copies,
                      X_.outerStride() * block.copies, block.weight,
                      scaled ? units.data() : nullptr, shift_.size() > 0 ? shifts.data() : nullptr,
                      block.sums.data() + begin, block.sums.cols());
  });
}

void Accumulation::take_ranges(Moments& m) const {
  const Index d = X_.cols();
  m.count.assign(static_cast<std::size_t>(d), 0);
  m.min.setZero(d);
  m.max.setZero(d);
  for (Index j = 0; j < d; ++j) {
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    std::int64_t count = 0;
    each_sum(j, [&](const Block& block, Index column) {
      count += static_cast<std::int64_t>(block.sums(kernels::sum_count, column));
      least = std::min(least, block.sums(kernels::sum_min, column));
      most = std::max(most, block.sums(kernels::sum_max, column));
    });
    m.count[static_cast<std::size_t>(j)] = count;
    if (count == 0) continue;
    m.min[j] = least;
    m.max[j] = most;
  }
  m.weight.setZero(d);
  m.mean.setZero(d);
  m.mean_rest.setZero(d);
  m.spread.setZero(d);
}

// Whether any column needs another unit than 1.
bool Accumulation::take_units(Moments& m) {
  m.unit.setOnes(X_.cols());
  for (Index j = 0; j < X_.cols(); ++j) {
    const double most = std::max(std::abs(m.min[j]), std::abs(m.max[j]));
    if (most == 0.0) continue;
    const int exponent = std::ilogb(most);
    if (std::abs(exponent) <= plain_exponent) continue;
    m.unit[j] = std::ldexp(1.0, std::clamp(exponent, -1000, 1000));
    inverse_unit_[j] = 1.0 / m.unit[j];
  }
  return (m.unit.array() != 1.0).any();
}

// The mean as it is known, or a cell that cannot be far from it, beside the deviation.
void Accumulation::take_shifts(Moments& m, const std::vector<Index>& columns) {
  shift_.setZero(X_.cols());
  for (const Index j : columns) {
    const int exponent = std::ilogb(std::max(std::abs(m.min[j]), std::abs(m.max[j])));
    m.unit[j] = std::ldexp(1.0, std::clamp(exponent - wide_exponent, -1000, 1000));
    inverse_unit_[j] = 1.0 / m.unit[j];
    shift_[j] = (lost_[j] < mean_lost ? m.mean[j] : heaviest_cell(j)) * inverse_unit_[j];
  }
}

// No farther from the mean than the deviation times the root of the number of cells.
double Accumulation::heaviest_cell(Index j) const {
  double most = 0.0;
  double cell = 0.0;
  for (Index i = 0; i < X_.rows(); ++i) {
    const double weight = weight_.empty() ? 1.0 : weight_[static_cast<std::size_t>(i)];
    if (std::isnan(X_(i, j)) || weight <= most) continue;
    most = weight;
    cell = X_(i, j);
  }
  return cell;
}

void Accumulation::take_moments(Moments& m, const std::vector<Index>& columns) {
  parallel_blocks(static_cast<Index>(columns.size()), 16, [&](Index, Index begin, Index end) {
    for (Index c = begin; c < end; ++c) take_moments(m, columns[static_cast<std::size_t>(c)]);
  });
}

// Each block may have its own shift; all are brought to that of the first in double-double, where
// nothing that cancels is lost, but for what squares have lost before (lost_).
void Accumulation::take_moments(Moments& m, Index j) {
  DoubleDoubleSum total;  // of weights, in weight_unit_
  DoubleDouble deviation;
  DoubleDouble square;
  double from_shifts = 0.0;  // squares of the distances of means from shifts
  bool any = false;
  double base = 0.0;
  each_sum(j, [&](const Block& block, Index column) {
    const auto field = [&](kernels::ColumnSum f) { return block.sums(f, column); };
    const DoubleDouble weight =
        two_sum(field(kernels::sum_weight), field(kernels::sum_weight_rest));
    if (field(kernels::sum_count) == 0.0) return;
    if (!any) base = field(kernels::sum_shift);
    any = true;
    total.add(weight.hi);
    total.add(weight.lo);
    const DoubleDouble step = two_sum(field(kernels::sum_shift), -base);
    const DoubleDouble moved = step * weight;
    const DoubleDouble own =
        two_sum(field(kernels::sum_deviation), field(kernels::sum_deviation_rest));
    from_shifts += own.hi / weight.hi * own.hi;
    deviation = deviation + (moved + own);
    square = square + (two_sum(field(kernels::sum_square), field(kernels::sum_square_rest)) +
                       step * (moved + own + own));
  });
  m.weight[j] = total.total().value() * weight_unit_;
  if (!any) return;
  if (m.min[j] == 0.0 && m.max[j] == 0.0) {
    m.unit[j] = std::ldexp(1.0, -1000);  // so that a merge keeps the other's unit
    return;
  }
  const DoubleDouble correction = deviation / total.total();
  const DoubleDouble mean = DoubleDouble(base) + correction;
  m.mean[j] = mean.hi * m.unit[j];
  m.mean_rest[j] = mean.lo * m.unit[j];
  const DoubleDouble squares = square - deviation * correction;
  m.spread[j] = std::max(0.0, (squares / total.total()).value());
  if (m.min[j] == m.max[j]) {
    lost_[j] = 0.0;
  } else {
    lost_[j] = squares.hi > least_squares ? from_shifts / squares.hi
                                          : std::numeric_limits<double>::infinity();
  }
}

// total + rest gains x, exactly but for the rounding of rest itself (Knuth's TwoSum).
inline void add(double& total, double& rest, double x) {
  const DoubleDouble sum = two_sum(total, x);
  total = sum.hi;
  rest += sum.lo;
}

}  // namespace

Moments column_moments(const MatrixView& X, std::span<const double> weight) {
  return Accumulation(X, weight).moments();
}

Vector Moments::variance(double ddof) const {
  Vector result(cols());
  for (Index j = 0; j < cols(); ++j) {
    const double denominator = weight[j] - ddof;
    result[j] = denominator > 0.0 ? spread[j] * (weight[j] / denominator) * unit[j] * unit[j] : 0.0;
  }
  return result;
}

Vector Moments::deviation(double ddof) const {
  Vector result(cols());
  for (Index j = 0; j < cols(); ++j) {
    const double denominator = weight[j] - ddof;
    result[j] =
        denominator > 0.0 ? std::sqrt(spread[j] * (weight[j] / denominator)) * unit[j] : 0.0;
  }
  return result;
}

void Moments::merge(const Moments& other) {
  for (Index j = 0; j < cols(); ++j) {
    const auto column = static_cast<std::size_t>(j);
    if (other.count[column] == 0) continue;
    if (count[column] == 0) {
      min[j] = other.min[j];
      max[j] = other.max[j];
      unit[j] = other.unit[j];
    }
    // From the heavier part, the step to the common mean is the shorter one.
    const bool first = weight[j] >= other.weight[j];
    const Moments& base = first ? *this : other;
    const Moments& rest = first ? other : *this;
    const double common = std::max(unit[j], other.unit[j]);
    const double total = weight[j] + other.weight[j];
    const double share = rest.weight[j] / total;

    double step = rest.mean[j] / common;
    double step_rest = (rest.mean_rest[j] - base.mean_rest[j]) / common;
    add(step, step_rest, -base.mean[j] / common);
    step += step_rest;
    const double base_ratio = base.unit[j] / common;
    const double rest_ratio = rest.unit[j] / common;
    const double joint = base.spread[j] * base_ratio * base_ratio * (1.0 - share) +
                         rest.spread[j] * rest_ratio * rest_ratio * share +
                         step * step * (share * (1.0 - share));
    double joint_mean = base.mean[j] / common;
    double joint_rest = base.mean_rest[j] / common;
    add(joint_mean, joint_rest, step * share);
    double rounded = 0.0;  // so that mean is the nearest double again
    add(joint_mean, rounded, joint_rest);

    mean[j] = joint_mean * common;
    mean_rest[j] = rounded * common;
    spread[j] = joint;
    unit[j] = common;
    weight[j] = total;
    count[column] += other.count[column];
    min[j] = std::min(min[j], other.min[j]);
    max[j] = std::max(max[j], other.max[j]);
  }
}

}  // namespace lathe
