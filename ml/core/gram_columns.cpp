#include "lathe/ml/core/gram_columns.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

constexpr Index sample_rows = 256;   // whose mean is the shift
constexpr Index scanned_rows = 128;  // at least, by one thread
// Diagonals outside are formed anew from scaled columns.
constexpr double least_square = 0x1p-700;
constexpr double most_square = 0x1p+700;
// Of columns of floats: what lies below loses digits to their narrow range, above to infinity.
constexpr double least_float_square = 0x1p-60;
constexpr double most_float_square = 0x1p+60;

// A power of two near 1 / magnitude; beyond 2^1000 the power itself would overflow.
double unit_scale(double magnitude) {
  if (!(magnitude > 0.0) || !std::isfinite(magnitude)) return 1.0;
  return std::ldexp(1.0, std::clamp(-std::ilogb(magnitude), -1000, 1000));
}

}  // namespace

GramColumns::GramColumns(const MatrixView& X, const MatrixView& y, const GramOptions& options,
                         Index step)
    : X_(X), y_(y), options_(options), d_(X.cols()), t_(y.cols()) {
  const Index used = all() + (options.centre ? 1 : 0);
  packed_ = (used + step - 1) / step * step;
  shift_.assign(at(packed_), 0.0);
  x_scale_.assign(at(packed_), 0.0);
  y_scale_.assign(at(packed_), 0.0);
  std::fill_n(x_scale_.begin(), d_, 1.0);
  std::fill_n(y_scale_.begin() + d_, t_, 1.0);
  if (options.centre) shift_[at(all())] = -1.0;
  if (options.weight.empty()) {
    total_ = static_cast<double>(X.rows());
    return;
  }
  DoubleDoubleSum sum;
  for (const double w : options.weight) sum.add(w);
  total_ = sum.total().value();
}

// Rows all over the data: where columns drift, the first ones would be far from the mean.
std::vector<Index> GramColumns::sampled_rows() const {
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

void GramColumns::take_shift_from_sample() {
  const std::vector<Index> rows = sampled_rows();
  if (rows.empty()) return;
  for (Index j = 0; j < all(); ++j) {
    const double unit = scale(j);
    const double share = 1.0 / static_cast<double>(rows.size());
    double mean = 0.0;
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (const Index i : rows) {
      const double scaled = value(i, j) * unit;
      mean += scaled * share;
      low = std::min(low, scaled);
      high = std::max(high, scaled);
    }
    // Within the range, so that a constant column deviates by exactly nothing.
    mean = std::clamp(mean, low, high);
    shift_[at(j)] = std::isfinite(mean) ? mean : 0.0;
  }
}

// Of a column whose scale was 1.
void GramColumns::set_scale(Index column, double scale) {
  (column < d_ ? x_scale_ : y_scale_)[at(column)] = scale;
  shift_[at(column)] *= scale;
}

// So that the weighted deviations of those rows are at most about 1; then columns whose numbers are
// that near the ends of the range of doubles keep their scale.
void GramColumns::take_scales_from_sample() {
  constexpr double most = 0x1p+900;
  Vector widest = Vector::Zero(all());
  for (const Index i : sampled_rows()) {
    const double root = std::sqrt(weight(i));
    for (Index j = 0; j < all(); ++j) {
      widest[j] = std::max(widest[j], root * std::abs(value(i, j) - shift_[at(j)]));
    }
  }
  for (Index j = 0; j < all(); ++j) {
    const double scale = unit_scale(widest[j]);
    if (!(scale <= most && scale >= 1.0 / most)) continue;
    set_scale(j, scale);
  }
}

bool GramColumns::fit_floats(const Matrix& S) const {
  std::vector<Index> zero;
  for (Index j = 0; j < all(); ++j) {
    if (S(j, j) == 0.0) {
      zero.push_back(j);
    } else if (!(S(j, j) >= least_float_square && S(j, j) <= most_float_square)) {
      return false;
    }
  }
  return zero.empty() || are_constant(zero);
}

// Whether rows of positive weight deviate from the shift by exactly nothing.
bool GramColumns::are_constant(const std::vector<Index>& columns) const {
  std::vector<char> constant(at((X_.rows() + scanned_rows - 1) / scanned_rows), 1);
  parallel_blocks(X_.rows(), scanned_rows, [&](Index part, Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      if (weight(i) == 0.0) continue;
      for (const Index j : columns) {
        const double unit = scale(j);
        if (value(i, j) * unit != shift_[at(j)]) constant[at(part)] = 0;
      }
    }
  });
  return std::all_of(constant.begin(), constant.end(), [](char c) { return c != 0; });
}

// Whether any column's square sum is out of range and another scale helps; by a pass for the
// largest deviation from the shift.
bool GramColumns::take_scales(const Matrix& S) {
  std::vector<Index> columns;
  for (Index j = 0; j < all(); ++j) {
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
    set_scale(j, scale);
    changed = changed || scale != 1.0;
  }
  return changed;
}

kernels::PackSource GramColumns::source(Index row, Index first, Index last, double* root) const {
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

bool GramColumns::move_shift(const Matrix& S) {
  bool far = false;
  for (Index j = 0; options_.centre && j < all(); ++j) {
    const double step = step_to_mean(S, j);
    // A square sum that is mostly the shift's would lose digits to it.
    if (total_ * step * step > 0.75 * S(j, j) && S(j, j) > 0.0) far = true;
  }
  for (Index j = 0; far && j < all(); ++j) shift_[at(j)] += step_to_mean(S, j);
  return far;
}

DoubleDouble GramColumns::mean(const Matrix& S, Index column) const {
  const DoubleDouble sum = two_sum(shift_[at(column)], step_to_mean(S, column));
  const double unit = scale(column);
  return {sum.hi / unit, sum.lo / unit};
}

}  // namespace lathe
