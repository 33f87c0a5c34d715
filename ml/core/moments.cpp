#include "lathe/ml/core/moments.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

constexpr Index chunk_cols = 512;
// Beyond these, unit is not 1: squares of what lies within, and their sums, stay well in range.
constexpr int plain_exponent = 200;

// Sums of one block of rows. Fields are rows, so that each is contiguous over the columns.
struct Block {
  enum Field { count, weight, sum, sum_rest, square, square_rest, min, max, n_fields };
  Matrix fields;

  double* operator[](Field field) { return fields.data() + field * fields.cols(); }
};

// total + rest gains x, exactly but for the rounding of rest itself (Knuth's TwoSum).
inline void add(double& total, double& rest, double x) {
  const double sum = total + x;
  const double part = sum - total;
  rest += (total - (sum - part)) + (x - part);
  total = sum;
}

class Accumulation {
 public:
  Accumulation(const MatrixView& X, std::span<const double> weight)
      : X_(X), weight_(weight), inverse_unit_(Vector::Ones(X.cols())) {
    rows_ = std::max<Index>(512, (X.rows() + 255) / 256);
    blocks_.resize(static_cast<std::size_t>((X.rows() + rows_ - 1) / rows_));
    for (Block& block : blocks_) block.fields.resize(Block::n_fields, X.cols());
    // Weights count by their ratios only; a power of two keeps their products in range.
    const double most = weight.empty() ? 1.0 : *std::max_element(weight.begin(), weight.end());
    if (most > 0.0) weight_unit_ = std::ldexp(1.0, std::clamp(std::ilogb(most), -1000, 1000));
  }

  Moments moments();

 private:
  void sum_rows(Block& block, Index row_begin, Index row_end, Index begin, Index end) const;
  void square_rows(Block& block, Index row_begin, Index row_end, Index begin, Index end) const;
  void take_sums(Moments& m);
  bool take_units(Moments& m);
  void take_squares(Moments& m);

  // body(block, first row, last row, first column, last column) for all of X.
  template <class Body>
  void each_block(Body body) {
    const Index n_blocks = static_cast<Index>(blocks_.size());
    const Index chunks = (X_.cols() + chunk_cols - 1) / chunk_cols;
    parallel_for(n_blocks * chunks, [&](Index task) {
      const Index b = task / chunks;
      const Index begin = task % chunks * chunk_cols;
      body(blocks_[static_cast<std::size_t>(b)], b * rows_, std::min(X_.rows(), (b + 1) * rows_),
           begin, std::min(X_.cols(), begin + chunk_cols));
    });
  }
  double weight_of(Index row) const {
    return weight_.empty() ? 1.0 : weight_[static_cast<std::size_t>(row)] / weight_unit_;
  }

  const MatrixView& X_;
  std::span<const double> weight_;
  double weight_unit_ = 1.0;
  Index rows_;
  std::vector<Block> blocks_;
  Vector inverse_unit_;
  Vector shift_;  // the mean to about its last digit, in units
  Vector total_;  // of weights, in weight_unit_
};

void Accumulation::sum_rows(Block& block, Index row_begin, Index row_end, Index begin,
                            Index end) const {
  for (int field = 0; field < Block::n_fields; ++field) {
    const double start = field == Block::min   ? std::numeric_limits<double>::infinity()
                         : field == Block::max ? -std::numeric_limits<double>::infinity()
                                               : 0.0;
    double* values = block[static_cast<Block::Field>(field)];
    std::fill(values + begin, values + end, start);
  }
  double* count = block[Block::count];
  double* weights = block[Block::weight];
  double* sum = block[Block::sum];
  double* rest = block[Block::sum_rest];
  double* least = block[Block::min];
  double* most = block[Block::max];
  for (Index i = row_begin; i < row_end; ++i) {
    const double w = weight_of(i);
    if (w == 0.0) continue;
    const double* row = X_.data() + i * X_.outerStride();
    for (Index j = begin; j < end; ++j) {
      const double x = row[j];
      const bool present = !std::isnan(x);
      count[j] += present ? 1.0 : 0.0;
      weights[j] += present ? w : 0.0;
      add(sum[j], rest[j], present ? w * (x * inverse_unit_[j]) : 0.0);
      least[j] = x < least[j] ? x : least[j];
      most[j] = x > most[j] ? x : most[j];
    }
  }
}

void Accumulation::square_rows(Block& block, Index row_begin, Index row_end, Index begin,
                               Index end) const {
  for (const auto field : {Block::sum, Block::sum_rest, Block::square, Block::square_rest}) {
    std::fill(block[field] + begin, block[field] + end, 0.0);
  }
  double* sum = block[Block::sum];
  double* sum_rest = block[Block::sum_rest];
  double* square = block[Block::square];
  double* square_rest = block[Block::square_rest];
  for (Index i = row_begin; i < row_end; ++i) {
    const double w = weight_of(i);
    if (w == 0.0) continue;
    const double* row = X_.data() + i * X_.outerStride();
    for (Index j = begin; j < end; ++j) {
      const double x = std::isnan(row[j]) ? shift_[j] : row[j] * inverse_unit_[j];
      // The difference is d + rounded, exactly.
      const double d = x - shift_[j];
      const double part = d - x;
      const double rounded = (x - (d - part)) - (shift_[j] + part);
      add(sum[j], sum_rest[j], w * d);
      sum_rest[j] += w * rounded;
      add(square[j], square_rest[j], w * d * d);
    }
  }
}

// Counts, ranges and the mean from the first pass.
void Accumulation::take_sums(Moments& m) {
  const Index d = X_.cols();
  m.count.assign(static_cast<std::size_t>(d), 0);
  m.min.setZero(d);
  m.max.setZero(d);
  total_.setZero(d);
  shift_.setZero(d);
  for (Index j = 0; j < d; ++j) {
    double sum = 0.0;
    double rest = 0.0;
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    for (Block& block : blocks_) {
      m.count[static_cast<std::size_t>(j)] += static_cast<std::int64_t>(block[Block::count][j]);
      total_[j] += block[Block::weight][j];
      add(sum, rest, block[Block::sum][j]);
      rest += block[Block::sum_rest][j];
      least = std::min(least, block[Block::min][j]);
      most = std::max(most, block[Block::max][j]);
    }
    if (m.count[static_cast<std::size_t>(j)] == 0) continue;
    m.min[j] = least;
    m.max[j] = most;
    // Within the range, so that a constant column deviates by exactly nothing.
    shift_[j] =
        std::clamp((sum + rest) / total_[j], least * inverse_unit_[j], most * inverse_unit_[j]);
  }
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

void Accumulation::take_squares(Moments& m) {
  const Index d = X_.cols();
  m.weight.resize(d);
  m.mean.setZero(d);
  m.mean_rest.setZero(d);
  m.spread.setZero(d);
  for (Index j = 0; j < d; ++j) {
    m.weight[j] = total_[j] * weight_unit_;
    if (m.count[static_cast<std::size_t>(j)] == 0) continue;
    if (m.min[j] == 0.0 && m.max[j] == 0.0) {
      m.unit[j] = std::ldexp(1.0, -1000);  // so that a merge keeps the other's unit
      continue;
    }
    double sum = 0.0;
    double sum_rest = 0.0;
    double square = 0.0;
    double square_rest = 0.0;
    for (Block& block : blocks_) {
      add(sum, sum_rest, block[Block::sum][j]);
      sum_rest += block[Block::sum_rest][j];
      add(square, square_rest, block[Block::square][j]);
      square_rest += block[Block::square_rest][j];
    }
    const double correction = (sum + sum_rest) / total_[j];
    double mean = shift_[j];
    double mean_rest = 0.0;
    add(mean, mean_rest, correction);
    m.mean[j] = mean * m.unit[j];
    m.mean_rest[j] = mean_rest * m.unit[j];
    m.spread[j] = std::max(0.0, (square + square_rest) / total_[j] - correction * correction);
  }
}

Moments Accumulation::moments() {
  Moments m;
  const auto sums = [this](auto&&... where) { sum_rows(where...); };
  each_block(sums);
  take_sums(m);
  if (take_units(m)) {  // the sums of such columns may have overflowed
    each_block(sums);
    take_sums(m);
  }
  each_block([this](auto&&... where) { square_rows(where...); });
  take_squares(m);
  return m;
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
