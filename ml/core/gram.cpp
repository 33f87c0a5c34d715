#include "lathe/ml/core/gram.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <optional>

#include "lathe/ml/core/gram_columns.h"
#include "lathe/ml/core/kernel_tiles.h"
#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/scratch.h"

namespace lathe {
namespace {

constexpr Index few_columns = 520;  // up to here each thread sums whole matrices
constexpr Index partial_numbers = 1 << 19;

// The sums S of the products of columns, packed as Number.
template <class Number>
class Products {
 public:
  explicit Products(const GramColumns& columns) : columns_(columns) {}

  static const kernels::PackedTiles<Number>& tiles() {
    if constexpr (rough) {
      return kernels::tile_table().floats;
    } else {
      return kernels::tile_table();
    }
  }

  // Row-major, columns.packed() square; on and above the diagonal only.
  Matrix sum() const;

 private:
  static Number* numbers(double* room) { return reinterpret_cast<Number*>(room); }
  void add_small(Matrix& S) const;
  void add_large(Matrix& S) const;

  static constexpr Index per_double = sizeof(double) / sizeof(Number);
  static constexpr bool rough = per_double > 1;
  static constexpr Index small_block = rough ? 256 : 128;  // rows packed at a time, by one thread
  static constexpr Index large_block = 384;                // by all

  const GramColumns& columns_;
  const kernels::PackedTiles<Number>& table_ = tiles();
};

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
void Products<Number>::add_small(Matrix& S) const {
  const Index n = columns_.rows();
  const Index cols = columns_.packed();
  const Index most = std::clamp<Index>(partial_numbers / (cols * cols), 8, 64);
  // Parts of one size, so that threads end together.
  const Index share = ((n + most - 1) / most + 7) / 8 * 8;
  const Index part_size = std::max(8 * small_block, share);
  const Index parts = (n + part_size - 1) / part_size;
  // Huge pages for the large, a buffer that is there already for the small.
  const bool large = parts * S.size() > partial_numbers;
  Matrix fresh = large ? large_matrix(parts, S.size()) : Matrix();
  Scratch kept(large ? 0 : parts, S.size());
  double* all = large ? fresh.data() : kept.matrix().data();
  parallel_blocks(n, part_size, [&](Index part, Index begin, Index end) {
    Scratch packed(small_block / per_double, cols);
    Number* block = numbers(packed.matrix().data());
    double root[small_block];
    double* C = all + part * cols * cols;
    std::fill_n(C, cols * cols, 0.0);
    for (Index row = begin; row < end; row += small_block) {
      const Index rows = std::min(small_block, end - row);
      table_.pack(columns_.source(row, 0, rows, root), 0, rows, cols, block, small_block);
      // Without these, packing waits for memory: 15 ms at 1000000 x 20, with them 10.
      const Index ahead = std::min(small_block, end - row - rows) * columns_.row_stride();
      table_.triangle(block, small_block, cols, rows, C, columns_.row(row + rows), ahead);
    }
  });
  add_parts(all, parts, S);
}

// All threads pack a block of rows, then each takes panels of S.
template <class Number>
void Products<Number>::add_large(Matrix& S) const {
  const Index n = columns_.rows();
  const Index cols = columns_.packed();
  const Index panels = (cols + table_.panel - 1) / table_.panel;
  Matrix packed = large_matrix(large_block / per_double, cols);
  Number* block = numbers(packed.data());
  S.setZero();
  for (Index row = 0; row < n; row += large_block) {
    const Index rows = std::min(large_block, n - row);
    parallel_blocks(rows, 32, [&](Index, Index begin, Index end) {
      double root[large_block];
      table_.pack(columns_.source(row, begin, end, root), begin, end, cols, block, large_block);
    });
    parallel_for(panels, [&](Index k) {
      const Index j = panels - 1 - k;  // the longest first
      table_.cross(block, large_block, cols, 0, j + 1, block, large_block, cols, j, rows, true,
                   false, S.data(), cols);
    });
  }
}

template <class Number>
Matrix Products<Number>::sum() const {
  const Index cols = columns_.packed();
  Matrix S = large_matrix(cols, cols);
  if (columns_.rows() == 0) {
    S.setZero();
  } else if (cols <= few_columns) {
    add_small(S);
  } else {
    add_large(S);
  }
  return S;
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

Gram gram_about_means(const GramColumns& columns, bool centred, const Matrix& S) {
  const Index d = columns.of_x();
  const Index t = columns.of_y();
  Gram gram;
  gram.weight = columns.total_weight();
  gram.centred = centred;
  Vector step(columns.all());
  RowVector mean(columns.all());
  RowVector rest(columns.all());
  RowVector scale(columns.all());
  for (Index j = 0; j < columns.all(); ++j) {
    scale[j] = columns.scale(j);
    step[j] = columns.step_to_mean(S, j);
    const DoubleDouble both = columns.mean(S, j);
    mean[j] = both.hi;
    rest[j] = both.lo;
  }
  gram.x_mean = mean.head(d);
  gram.y_mean = mean.tail(t);
  gram.x_mean_rest = rest.head(d);
  gram.y_mean_rest = rest.tail(t);
  gram.x_scale = scale.head(d);
  gram.y_scale = scale.tail(t);
  gram.xx = large_matrix(d, d);
  fill_symmetric(S, 0, gram.weight, step.head(d), gram.xx);
  gram.yy.resize(t, t);
  fill_symmetric(S, d, gram.weight, step.tail(t), gram.yy);
  gram.xy = S.block(0, d, d, t) - gram.weight * step.head(d) * step.tail(t).transpose();
  return gram;
}

}  // namespace

Gram centred_gram(const MatrixView& X, const MatrixView& y, const GramOptions& options) {
  assert(X.rows() == y.rows() || y.cols() == 0);
  GramColumns columns(X, y, options, Products<double>::tiles().step);
  const Products<double> products(columns);
  if (options.centre) columns.take_shift_from_sample();
  Matrix S = products.sum();
  if (options.scale && columns.take_scales(S)) S = products.sum();
  if (columns.move_shift(S)) S = products.sum();
  return gram_about_means(columns, options.centre, S);
}

std::optional<Gram> rough_gram(const MatrixView& X, const MatrixView& y,
                               const GramOptions& options) {
  assert(X.rows() == y.rows() && y.cols() > 0);
  GramColumns columns(X, y, options, Products<float>::tiles().step);
  if (options.centre) columns.take_shift_from_sample();
  columns.take_scales_from_sample();
  const Matrix S = Products<float>(columns).sum();
  if (!columns.fit_floats(S) || columns.move_shift(S)) return std::nullopt;
  Gram gram = gram_about_means(columns, options.centre, S);
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
