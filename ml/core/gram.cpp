#include "lathe/ml/core/gram.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "lathe/ml/core/double_double.h"
#include "lathe/ml/core/kernel_tiles.h"
#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/scratch.h"

namespace lathe {
namespace {

constexpr Index sample_rows = 256;  // whose mean is the shift
constexpr Index few_columns = 520;  // up to here each thread sums whole matrices
constexpr Index partial_numbers = 1 << 19;
constexpr Index scanned_rows = 128;  // at least, by one thread
// Diagonals outside are formed anew from scaled columns.
constexpr double least_square = 0x1p-700;
constexpr double most_square = 0x1p+700;
// Of columns of floats: what lies below loses digits to their narrow range, above to infinity.
constexpr double least_float_square = 0x1p-60;
constexpr double most_float_square = 0x1p+60;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// A power of two near 1 / magnitude; beyond 2^1000 the power itself would overflow.
double unit_scale(double magnitude) {
  if (!(magnitude > 0.0) || !std::isfinite(magnitude)) return 1.0;
  return std::ldexp(1.0, std::clamp(-std::ilogb(magnitude), -1000, 1000));
}

// [X, y, 1] as the kernels read it, and the sums S of its products.
// Number: of the packed rows.
template <class Number>
class Pass {
 public:
  Pass(const MatrixView& X, const MatrixView& y, const GramOptions& options);

  void take_shift_from_sample();
  void take_scales_from_sample();
  bool take_scales(const Matrix& S);
  // Whether floats hold all columns: none leaves their range, and what comes to 0 is constant.
  bool in_range(const Matrix& S) const;
  // S: row-major, `cols` square; on and above the diagonal only.
  Matrix products() const;
  // Moves the shift to the mean that S tells; whether it was too far from it to subtract after.
  bool move_shift(const Matrix& S);
  Gram gram(const Matrix& S) const;

 private:
  Index n_columns() const { return d_ + t_; }
  double value(Index row, Index column) const {
    return column < d_ ? X_(row, column) : y_(row, column - d_);
  }
  double weight(Index row) const {
    return options_.weight.empty() ? 1.0 : options_.weight[at(row)];
  }
  static const kernels::PackedTiles<Number>& tiles() {
    if constexpr (rough) {
      return kernels::tile_table().floats;
    } else {
      return kernels::tile_table();
    }
  }
  static Number* numbers(double* room) { return reinterpret_cast<Number*>(room); }
  std::vector<Index> sampled_rows() const;
  bool are_constant(const std::vector<Index>& columns) const;
  kernels::PackSource source(Index row, Index first, Index last, double* root) const;
  double moved(const Matrix& S, Index column) const {
    return options_.centre ? S(column, n_columns()) / total_ : 0.0;
  }
  void small_products(Matrix& S) const;
  void large_products(Matrix& S) const;

  static constexpr Index per_double = sizeof(double) / sizeof(Number);
  static constexpr bool rough = per_double > 1;
  static constexpr Index small_block = rough ? 256 : 128;  // rows packed at a time, by one thread
  static constexpr Index large_block = 384;                // by all

  const MatrixView& X_;
  const MatrixView& y_;
  const GramOptions& options_;
  const kernels::PackedTiles<Number>& table_ = tiles();
  Index d_;
  Index t_;
  Index cols_;                 // packed
  double total_ = 0.0;         // weight
  std::vector<double> shift_;  // in scaled units
  std::vector<double> x_scale_;
  std::vector<double> y_scale_;
};

template <class Number>
Pass<Number>::Pass(const MatrixView& X, const MatrixView& y, const GramOptions& options)
    : X_(X), y_(y), options_(options), d_(X.cols()), t_(y.cols()) {
  const Index used = n_columns() + (options.centre ? 1 : 0);
  cols_ = (used + table_.step - 1) / table_.step * table_.step;
  shift_.assign(at(cols_), 0.0);
  x_scale_.assign(at(cols_), 0.0);
  y_scale_.assign(at(cols_), 0.0);
  std::fill_n(x_scale_.begin(), d_, 1.0);
  std::fill_n(y_scale_.begin() + d_, t_, 1.0);
  if (options.centre) shift_[at(n_columns())] = -1.0;
  if (options.weight.empty()) {
    total_ = static_cast<double>(X.rows());
    return;
  }
  DoubleDoubleSum sum;
  for (const double w : options.weight) sum.add(w);
  total_ = sum.total().value();
}

// Rows all over the data: where columns drift, the first ones would be far from the mean.
template <class Number>
std::vector<Index> Pass<Number>::sampled_rows() const {
  std::vector<Index> rows;
  const Index n = X_.rows();
  const Index count = std::min(n, sample_rows);
  for (Index k = 0; k < count; ++k) {
    const Index row = k * n / count;
    if (weight(row) > 0.0) rows.push_back(row);
  }
  for (Index i = 0; rows.empty() && i < n; ++i) {
    if (weight(i) > 0.0) rows.push_back(i);
  }
  return rows;
}

template <class Number>
void Pass<Number>::take_shift_from_sample() {
  const std::vector<Index> rows = sampled_rows();
  if (rows.empty()) return;
  for (Index j = 0; j < n_columns(); ++j) {
    const double scale = x_scale_[at(j)] + y_scale_[at(j)];
    const double share = 1.0 / static_cast<double>(rows.size());
    double mean = 0.0;
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (const Index i : rows) {
      const double scaled = value(i, j) * scale;
      mean += scaled * share;
      low = std::min(low, scaled);
      high = std::max(high, scaled);
    }
    // Within the range, so that a constant column deviates by exactly nothing.
    mean = std::clamp(mean, low, high);
    shift_[at(j)] = std::isfinite(mean) ? mean : 0.0;
  }
}

// So that the weighted deviations of those rows are at most about 1; then columns whose numbers are
// that near the ends of the range of doubles keep their scale.
template <class Number>
void Pass<Number>::take_scales_from_sample() {
  constexpr double most = 0x1p+900;
  Vector widest = Vector::Zero(n_columns());
  for (const Index i : sampled_rows()) {
    const double root = std::sqrt(weight(i));
    for (Index j = 0; j < n_columns(); ++j) {
      widest[j] = std::max(widest[j], root * std::abs(value(i, j) - shift_[at(j)]));
    }
  }
  for (Index j = 0; j < n_columns(); ++j) {
    const double scale = unit_scale(widest[j]);
    if (!(scale <= most && scale >= 1.0 / most)) continue;
    (j < d_ ? x_scale_ : y_scale_)[at(j)] = scale;
    shift_[at(j)] *= scale;
  }
}

template <class Number>
bool Pass<Number>::in_range(const Matrix& S) const {
  std::vector<Index> zero;
  for (Index j = 0; j < n_columns(); ++j) {
    if (S(j, j) == 0.0) {
      zero.push_back(j);
    } else if (!(S(j, j) >= least_float_square && S(j, j) <= most_float_square)) {
      return false;
    }
  }
  return zero.empty() || are_constant(zero);
}

// Whether rows of positive weight deviate from the shift by exactly nothing.
template <class Number>
bool Pass<Number>::are_constant(const std::vector<Index>& columns) const {
  std::vector<char> constant(at((X_.rows() + scanned_rows - 1) / scanned_rows), 1);
  parallel_blocks(X_.rows(), scanned_rows, [&](Index part, Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      if (weight(i) == 0.0) continue;
      for (const Index j : columns) {
        const double scale = x_scale_[at(j)] + y_scale_[at(j)];
        if (value(i, j) * scale != shift_[at(j)]) constant[at(part)] = 0;
      }
    }
  });
  return std::all_of(constant.begin(), constant.end(), [](char c) { return c != 0; });
}

// Whether any column's square sum is out of range and another scale helps; by a pass for the
// largest deviation from the shift.
template <class Number>
bool Pass<Number>::take_scales(const Matrix& S) {
  std::vector<Index> columns;
  for (Index j = 0; j < n_columns(); ++j) {
    if (!(S(j, j) >= least_square && S(j, j) <= most_square)) columns.push_back(j);
  }
  if (columns.empty()) return false;
  const Index count = static_cast<Index>(columns.size());
  const Index size = std::max<Index>(scanned_rows, (X_.rows() + 31) / 32);
  const Index parts = (X_.rows() + size - 1) / size;
  Matrix widest = Matrix::Zero(parts, count);   // weighted
  Matrix largest = Matrix::Zero(parts, count);  // rows without weight too: none may overflow
  parallel_blocks(X_.rows(), size, [&](Index part, Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const double root = std::sqrt(weight(i));
      for (Index k = 0; k < count; ++k) {
        const Index j = columns[at(k)];
        // Halves, so that a range over all doubles does not overflow.
        const double half = std::abs(0.5 * value(i, j) - 0.5 * shift_[at(j)]);
        widest(part, k) = std::max(widest(part, k), half * root);
        largest(part, k) = std::max(largest(part, k), half);
      }
    }
  });
  bool changed = false;
  for (Index k = 0; k < count; ++k) {
    const Index j = columns[at(k)];
    const double most = 0x1p+1000 * unit_scale(largest.col(k).maxCoeff());
    const double scale = std::min(unit_scale(widest.col(k).maxCoeff()), most);
    (j < d_ ? x_scale_ : y_scale_)[at(j)] = scale;
    shift_[at(j)] *= scale;
    changed = changed || scale != 1.0;
  }
  return changed;
}

// The rows from `row` on; `root` is for the roots of the weights of rows [first, last) of them.
template <class Number>
kernels::PackSource Pass<Number>::source(Index row, Index first, Index last, double* root) const {
  kernels::PackSource from{};
  from.X = X_.data() + row * X_.outerStride();
  from.x_stride = X_.outerStride();
  from.x_cols = d_;
  from.x_end = X_.data() + (X_.rows() - 1) * X_.outerStride() + d_;
  from.y = t_ > 0 ? y_.data() + row * y_.outerStride() : nullptr;
  from.y_stride = t_ > 0 ? y_.outerStride() : 0;
  from.y_cols = t_;
  from.shift = shift_.data();
  from.x_scale = x_scale_.data();
  from.y_scale = y_scale_.data();
  if (!options_.weight.empty()) {
    for (Index i = first; i < last; ++i) root[i] = std::sqrt(options_.weight[at(row + i)]);
    from.root = root;
  }
  return from;
}

// The upper triangle of the sum of `parts` matrices like S, which stand in `all`: pair by pair,
// since one after the other these few additions would round more than all the rest.
void add_parts(double* all, Index parts, Matrix& S) {
  const Index size = S.cols();
  const auto part = [&](Index k, Index i) {
    return Eigen::Map<Vector>(all + k * S.size() + i * size + i, size - i);
  };
  const auto add_row = [&](Index i) {
    for (Index step = 1; step < parts; step *= 2) {
      for (Index k = 0; k + step < parts; k += 2 * step) part(k, i) += part(k + step, i);
    }
    S.row(i).tail(size - i) = part(0, i).transpose();
  };
  if (parts * S.size() > partial_numbers) {
    parallel_blocks(size, 16, [&](Index, Index begin, Index end) {
      for (Index i = begin; i < end; ++i) add_row(i);
    });
  } else {
    for (Index i = 0; i < size; ++i) add_row(i);
  }
}

// Each part of the rows sums a matrix of its own; they are added in one order.
template <class Number>
void Pass<Number>::small_products(Matrix& S) const {
  const Index most = std::clamp<Index>(partial_numbers / (cols_ * cols_), 8, 64);
  // Parts of one size, so that threads end together.
  const Index share = ((X_.rows() + most - 1) / most + 7) / 8 * 8;
  const Index part_size = std::max(8 * small_block, share);
  const Index parts = (X_.rows() + part_size - 1) / part_size;
  // Huge pages for the large, a buffer that is there already for the small.
  const bool large = parts * S.size() > partial_numbers;
  Matrix fresh = large ? large_matrix(parts, S.size()) : Matrix();
  Scratch kept(large ? 0 : parts, S.size());
  double* all = large ? fresh.data() : kept.matrix().data();
  parallel_blocks(X_.rows(), part_size, [&](Index part, Index begin, Index end) {
    Scratch packed(small_block / per_double, cols_);
    Number* block = numbers(packed.matrix().data());
    double root[small_block];
    double* C = all + part * cols_ * cols_;
    std::fill_n(C, cols_ * cols_, 0.0);
    for (Index row = begin; row < end; row += small_block) {
      const Index rows = std::min(small_block, end - row);
      table_.pack(source(row, 0, rows, root), 0, rows, cols_, block, small_block);
      // Without these, packing waits for memory: 15 ms at 1000000 x 20, with them 10.
      const Index ahead = std::min(small_block, end - row - rows) * X_.outerStride();
      table_.triangle(block, small_block, cols_, rows, C,
                      X_.data() + (row + rows) * X_.outerStride(), ahead);
    }
  });
  add_parts(all, parts, S);
}

// All threads pack a block of rows, then each takes panels of S.
template <class Number>
void Pass<Number>::large_products(Matrix& S) const {
  const Index panels = (cols_ + table_.panel - 1) / table_.panel;
  Matrix packed = large_matrix(large_block / per_double, cols_);
  Number* block = numbers(packed.data());
  S.setZero();
  for (Index row = 0; row < X_.rows(); row += large_block) {
    const Index rows = std::min(large_block, X_.rows() - row);
    parallel_blocks(rows, 32, [&](Index, Index begin, Index end) {
      double root[large_block];
      table_.pack(source(row, begin, end, root), begin, end, cols_, block, large_block);
    });
    parallel_for(panels, [&](Index k) {
      const Index j = panels - 1 - k;  // the longest first
      table_.cross(block, large_block, cols_, 0, j + 1, block, large_block, cols_, j, rows, true,
                   false, S.data(), cols_);
    });
  }
}

template <class Number>
Matrix Pass<Number>::products() const {
  Matrix S = large_matrix(cols_, cols_);
  if (X_.rows() == 0) {
    S.setZero();
  } else if (cols_ <= few_columns) {
    small_products(S);
  } else {
    large_products(S);
  }
  return S;
}

template <class Number>
bool Pass<Number>::move_shift(const Matrix& S) {
  bool far = false;
  for (Index j = 0; options_.centre && j < n_columns(); ++j) {
    const double step = moved(S, j);
    // A square sum that is mostly the shift's would lose digits to it.
    if (total_ * step * step > 0.75 * S(j, j) && S(j, j) > 0.0) far = true;
  }
  for (Index j = 0; far && j < n_columns(); ++j) shift_[at(j)] += moved(S, j);
  return far;
}

// Copies the upper triangle of S less the shift's share, and mirrors it in squares that fit the
// cache.
void fill_symmetric(const Matrix& S, Index begin, double total, const Vector& step, Matrix& out) {
  const Index d = out.rows();
  constexpr Index square = 64;
  parallel_blocks(d, square, [&](Index, Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const double factor = total * step[i];
      for (Index j = i; j < d; ++j) out(i, j) = S(begin + i, begin + j) - factor * step[j];
      if (out(i, i) < 0.0) out(i, i) = 0.0;
    }
  });
  parallel_blocks(d, square, [&](Index, Index first, Index last) {
    for (Index left = 0; left < last; left += square) {
      for (Index i = first; i < last; ++i) {
        for (Index j = left; j < std::min(left + square, i); ++j) out(i, j) = out(j, i);
      }
    }
  });
}

template <class Number>
Gram Pass<Number>::gram(const Matrix& S) const {
  Gram gram;
  gram.weight = total_;
  gram.centred = options_.centre;
  Vector step(n_columns());
  RowVector mean(n_columns());
  RowVector rest(n_columns());
  RowVector scale(n_columns());
  for (Index j = 0; j < n_columns(); ++j) {
    scale[j] = j < d_ ? x_scale_[at(j)] : y_scale_[at(j)];
    step[j] = moved(S, j);
    const DoubleDouble sum = two_sum(shift_[at(j)], step[j]);
    mean[j] = sum.hi / scale[j];
    rest[j] = sum.lo / scale[j];
  }
  gram.x_mean = mean.head(d_);
  gram.y_mean = mean.tail(t_);
  gram.x_mean_rest = rest.head(d_);
  gram.y_mean_rest = rest.tail(t_);
  gram.x_scale = scale.head(d_);
  gram.y_scale = scale.tail(t_);
  gram.xx = large_matrix(d_, d_);
  fill_symmetric(S, 0, total_, step.head(d_), gram.xx);
  gram.yy.resize(t_, t_);
  fill_symmetric(S, d_, total_, step.tail(t_), gram.yy);
  gram.xy = S.block(0, d_, d_, t_) - total_ * step.head(d_) * step.tail(t_).transpose();
  return gram;
}

// The mean of both, from the heavier one: the shorter step.
void merge_means(RowVector& mean, RowVector& rest, const RowVector& other,
                 const RowVector& other_rest, double share) {
  for (Index j = 0; j < mean.size(); ++j) {
    const DoubleDouble from(mean[j], rest[j]);
    const DoubleDouble step = DoubleDouble(other[j], other_rest[j]) - from;
    const DoubleDouble sum = from + step * share;
    mean[j] = sum.hi;
    rest[j] = sum.lo;
  }
}

// What scaling by `from` becomes scaling by `to`.
void rescale(Gram& gram, const RowVector& x_scale, const RowVector& y_scale) {
  const RowVector x = x_scale.cwiseQuotient(gram.x_scale);
  const RowVector y = y_scale.cwiseQuotient(gram.y_scale);
  gram.xx = x.asDiagonal() * gram.xx * x.asDiagonal();
  gram.xy = x.asDiagonal() * gram.xy * y.asDiagonal();
  gram.yy = y.asDiagonal() * gram.yy * y.asDiagonal();
  gram.x_scale = x_scale;
  gram.y_scale = y_scale;
}

RowVector step_between(const RowVector& mean, const RowVector& rest, const RowVector& other,
                       const RowVector& other_rest, const RowVector& scale) {
  RowVector step(mean.size());
  for (Index j = 0; j < step.size(); ++j) {
    step[j] =
        (DoubleDouble(other[j], other_rest[j]) - DoubleDouble(mean[j], rest[j])).value() * scale[j];
  }
  return step;
}

}  // namespace

void Gram::merge(const Gram& other) {
  assert(centred == other.centred && xx.rows() == other.xx.rows() && yy.rows() == other.yy.rows());
  if (other.weight == 0.0) return;
  if (weight == 0.0) {
    *this = other;
    return;
  }
  const RowVector x_common = x_scale.cwiseMin(other.x_scale);
  const RowVector y_common = y_scale.cwiseMin(other.y_scale);
  if (x_common != x_scale || y_common != y_scale) rescale(*this, x_common, y_common);
  if (x_common != other.x_scale || y_common != other.y_scale) {
    Gram scaled = other;
    rescale(scaled, x_common, y_common);
    return merge(scaled);
  }
  xx += other.xx;
  xy += other.xy;
  yy += other.yy;
  const double total = weight + other.weight;
  if (centred) {
    const RowVector x = step_between(x_mean, x_mean_rest, other.x_mean, other.x_mean_rest, x_scale);
    const RowVector y = step_between(y_mean, y_mean_rest, other.y_mean, other.y_mean_rest, y_scale);
    const double factor = weight * (other.weight / total);
    xx.noalias() += (factor * x.transpose()).lazyProduct(x);
    xy.noalias() += (factor * x.transpose()).lazyProduct(y);
    yy.noalias() += (factor * y.transpose()).lazyProduct(y);
    merge_means(x_mean, x_mean_rest, other.x_mean, other.x_mean_rest, other.weight / total);
    merge_means(y_mean, y_mean_rest, other.y_mean, other.y_mean_rest, other.weight / total);
  }
  weight = total;
}

Gram centred_gram(const MatrixView& X, const MatrixView& y, const GramOptions& options) {
  assert(X.rows() == y.rows() || y.cols() == 0);
  Pass<double> pass(X, y, options);
  if (options.centre) pass.take_shift_from_sample();
  Matrix S = pass.products();
  if (options.scale && pass.take_scales(S)) S = pass.products();
  if (pass.move_shift(S)) S = pass.products();
  return pass.gram(S);
}

std::optional<Gram> rough_gram(const MatrixView& X, const MatrixView& y,
                               const GramOptions& options) {
  assert(X.rows() == y.rows() && y.cols() > 0);
  Pass<float> pass(X, y, options);
  if (options.centre) pass.take_shift_from_sample();
  pass.take_scales_from_sample();
  const Matrix S = pass.products();
  if (!pass.in_range(S) || pass.move_shift(S)) return std::nullopt;
  Gram gram = pass.gram(S);
  const Gram of_y = centred_gram(y, options);
  gram.xy *= of_y.x_scale.cwiseQuotient(gram.y_scale).asDiagonal();
  gram.yy = of_y.xx;
  gram.y_mean = of_y.x_mean;
  gram.y_mean_rest = of_y.x_mean_rest;
  gram.y_scale = of_y.x_scale;
  return gram;
}

Gram centred_gram(const MatrixView& X, const GramOptions& options) {
  return centred_gram(X, Matrix(X.rows(), 0), options);
}

double rough_error(Index d) {
  constexpr double unit = 0x1p-24;
  constexpr double block = 384.0;
  return unit * (0.25 * block + 2.0 * std::sqrt(static_cast<double>(d)));
}

}  // namespace lathe
