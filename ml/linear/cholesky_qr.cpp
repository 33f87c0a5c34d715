#include "lathe/ml/linear/cholesky_qr.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "lathe/ml/core/cholesky.h"
#include "lathe/ml/core/kernel_tiles.h"
#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/product.h"
#include "lathe/ml/core/scratch.h"

namespace lathe {
namespace {

constexpr Index block = 128;        // rows at a time
constexpr Index few_columns = 520;  // above, a matrix of sums for each of two threads only
constexpr int most_passes = 5;

// The square Gram matrix of Z W, with penalty rows under Z.
class Basis {
 public:
  Basis(const ScaledColumns& columns, const RowWeights& weights, std::span<const double> penalty)
      : columns_(columns), weights_(weights), penalty_(penalty), d_(columns.size()) {
    cols_ = (d_ + table_.step - 1) / table_.step * table_.step;
    panels_ = (cols_ + table_.panel - 1) / table_.panel;
    shift_.assign(static_cast<std::size_t>(cols_), 0.0);
    one_.assign(static_cast<std::size_t>(cols_), 1.0);
  }

  Matrix gram(const Matrix& W) const {
    Matrix padded = Matrix::Zero(d_, cols_);
    padded.leftCols(d_) = W;
    Matrix packed(d_, cols_);
    table_.pack(source(padded.data(), d_), 0, d_, cols_, packed.data(), d_);

    const Index most = d_ > few_columns ? 2 : 16;
    const Index blocks = (columns_.rows + block - 1) / block;
    const Index part_size = block * std::max<Index>(4, (blocks + most - 1) / most);
    const Index parts = (columns_.rows + part_size - 1) / part_size;
    Matrix sums = large_matrix(parts, cols_ * cols_);
    parallel_blocks(columns_.rows, part_size, [&](Index part, Index begin, Index end) {
      double* sum = sums.data() + part * cols_ * cols_;
      std::fill_n(sum, cols_ * cols_, 0.0);
      for (Index row = begin; row < end; row += block) {
        add_rows(packed, row, std::min(block, end - row), sum);
      }
    });
    Matrix total = Eigen::Map<const Matrix>(sums.data(), cols_, cols_);
    for (Index part = 1; part < parts; ++part) {
      total += Eigen::Map<const Matrix>(sums.data() + part * cols_ * cols_, cols_, cols_);
    }
    Matrix G = total.topLeftCorner(d_, d_).selfadjointView<Eigen::Upper>();
    for (Index k = 0; k < d_; ++k) {
      const double p = penalty_[static_cast<std::size_t>(k)];
      if (p > 0.0) G.noalias() += (p * W.row(k).transpose()).lazyProduct(W.row(k));
    }
    return G;
  }

 private:
  // `cols_` columns, as they are.
  kernels::PackSource source(const double* from, Index rows) const {
    kernels::PackSource result{};
    result.X = from;
    result.x_stride = cols_;
    result.x_cols = cols_;
    result.x_end = from + rows * cols_;
    result.shift = shift_.data();
    result.x_scale = one_.data();
    result.y_scale = shift_.data();
    return result;
  }

  void add_rows(const Matrix& packed, Index row, Index rows, double* sum) const {
    Scratch z_rows(rows, d_ + 8);  // rows do not share a place in the cache
    Scratch q_rows(rows, cols_);
    Scratch q_packed(block, cols_);
    auto Z = z_rows.matrix();
    auto Q = q_rows.matrix();
    for (Index i = 0; i < rows; ++i) {
      const double w = weights_[row + i];
      if (w == 0.0) {  // what such a row holds may overflow
        Z.row(i).setZero();
        continue;
      }
      columns_.centred_row(row + i, &Z(i, 0));
      if (w != 1.0) Z.row(i).head(d_) *= std::sqrt(w);
    }
    Q.setZero();
    for (Index j = 0; j < panels_; ++j) {
      const Index length = std::min(d_, (j + 1) * table_.panel);  // W is triangular
      const Index width = std::min(table_.panel, cols_ - j * table_.panel);
      for (Index k = 0; k < length; k += block) {
        table_.multiply(&Z(0, k), Z.outerStride(), rows, std::min(block, length - k),
                        packed.data() + k * width, d_, cols_, j, Q.data(), cols_, cols_);
      }
    }
    double* q = q_packed.matrix().data();
    table_.pack(source(Q.data(), rows), 0, rows, cols_, q, block);
    for (Index j = 0; j < panels_; ++j) {
      table_.cross(q, block, cols_, 0, j + 1, q, block, cols_, j, rows, true, false, sum, cols_);
    }
  }

  const ScaledColumns& columns_;
  const RowWeights& weights_;
  std::span<const double> penalty_;
  Index d_;
  const kernels::TileTable& table_ = kernels::tile_table();
  Index cols_ = 0;
  Index panels_ = 0;
  std::vector<double> shift_;
  std::vector<double> one_;
};

// Cholesky of G, or of G + shift where that fails, by so little that its rounding is covered.
Matrix shifted_factor(const Matrix& G) {
  Matrix R = G;
  if (factor_cholesky(R)) return R;
  const double unit = std::numeric_limits<double>::epsilon();
  R = G;
  R.diagonal().array() += 4.0 * static_cast<double>(G.rows() + 8) * unit * G.trace();
  if (factor_cholesky(R)) return R;
  return {};
}

}  // namespace

Matrix repaired_inverse(const ScaledColumns& columns, const RowWeights& weights,
                        std::span<const double> penalty, Matrix inverse) {
  const Index d = columns.size();
  if (inverse.size() == 0) inverse = Matrix::Identity(d, d);
  const Basis basis(columns, weights, penalty);
  for (int pass = 0; pass < most_passes; ++pass) {
    if (!inverse.allFinite()) return {};
    const Matrix G = basis.gram(inverse);
    const double off = (G - Matrix::Identity(d, d)).norm();
    const Matrix L = shifted_factor(G);
    if (L.size() == 0) return {};
    Matrix next = large_matrix(d, d);
    multiply(inverse, inverse_upper(L), next);
    inverse = next.triangularView<Eigen::Upper>();
    if (off < 0.1) return inverse;
  }
  return {};
}

}  // namespace lathe
