#include "lathe/ml/core/product.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

#include "lathe/ml/core/kernel_tiles.h"
#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/scratch.h"

namespace lathe {
namespace {

constexpr Index inner_block = 128;  // of the summed index: a panel's piece fits the first cache
constexpr Index row_block_size = 64;
constexpr Index small_sum = 1 << 18;  // numbers: each part of the rows has one
constexpr Index partial_numbers = 1 << 19;
constexpr Index least_part = 8;  // blocks of `inner_block` rows

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

Index whole_steps(Index cols) {
  const Index step = kernels::tile_table().step;
  return (cols + step - 1) / step * step;
}

Index panels_of(Index cols) {
  const Index panel = kernels::tile_table().panel;
  return (cols + panel - 1) / panel;
}

// A matrix as `pack` reads it, with the arrays that must outlive the reading.
class Packing {
 public:
  Packing(const MatrixView& A, const RowVector& shift)
      : A_(A),
        shift_(at(whole_steps(A.cols())), 0.0),
        scale_(shift_.size(), 0.0),
        none_(shift_.size(), 0.0) {
    std::copy(shift.begin(), shift.end(), shift_.begin());
    std::fill_n(scale_.begin(), A.cols(), 1.0);
  }

  Index cols() const { return static_cast<Index>(shift_.size()); }

  // Columns from `column` on of rows from `row` on.
  kernels::PackSource from(Index row, Index column = 0) const {
    kernels::PackSource source{};
    source.X = A_.data() + row * A_.outerStride() + column;
    source.x_stride = A_.outerStride();
    source.x_cols = A_.cols() - column;
    source.x_end = A_.data() + (A_.rows() - 1) * A_.outerStride() + A_.cols();
    source.shift = shift_.data() + column;
    source.x_scale = scale_.data() + column;
    source.y_scale = none_.data() + column;
    return source;
  }

 private:
  const MatrixView& A_;
  std::vector<double> shift_;
  std::vector<double> scale_;
  std::vector<double> none_;
};

// All rows of a matrix in panels.
Matrix pack_all(const MatrixView& B) {
  const Packing packing(B, {});
  Matrix packed = large_matrix(B.rows(), packing.cols());
  parallel_blocks(B.rows(), 256, [&](Index, Index begin, Index end) {
    kernels::tile_table().pack(packing.from(0), begin, end, packing.cols(), packed.data(),
                               B.rows());
  });
  return packed;
}

}  // namespace

void multiply(const MatrixView& A, const MatrixView& B, MatrixRef out, const RowVector& shift) {
  assert(A.cols() == B.rows() && out.rows() == A.rows() && out.cols() == B.cols());
  const kernels::TileTable& table = kernels::tile_table();
  if (A.cols() == 0 || B.cols() == 0) {
    out.setZero();
    return;
  }
  const Index k = A.cols();
  const Index cols = whole_steps(B.cols());
  const Matrix packed = pack_all(B);
  parallel_blocks(A.rows(), row_block_size, [&](Index, Index begin, Index end) {
    out.middleRows(begin, end - begin).setZero();
    Scratch moved(row_block_size, inner_block + 8);  // rows do not share a place in the cache
    for (Index first = 0; first < k; first += inner_block) {
      const Index length = std::min(inner_block, k - first);
      const double* rows = A.data() + begin * A.outerStride() + first;
      Index stride = A.outerStride();
      if (shift.size() > 0) {
        const Index moved_stride = moved.matrix().outerStride();
        table.centre(rows, stride, end - begin, length, shift.data() + first, moved.matrix().data(),
                     moved_stride);
        rows = moved.matrix().data();
        stride = moved_stride;
      }
      for (Index j = 0; j < panels_of(cols); ++j) {
        const Index width = std::min(table.panel, cols - j * table.panel);
        // Down the panel to its row `first`.
        const double* panel = packed.data() + first * width;
        table.multiply(rows, stride, end - begin, length, panel, k, cols, j,
                       out.data() + begin * out.outerStride(), out.outerStride(), B.cols());
      }
    }
  });
}

Matrix transposed_product(const MatrixView& A, const MatrixView& B, const RowVector& shift,
                          std::span<const double> weight) {
  assert(A.rows() == B.rows());
  const kernels::TileTable& table = kernels::tile_table();
  const Index n = A.rows();
  if (n == 0 || A.cols() == 0 || B.cols() == 0) return Matrix::Zero(A.cols(), B.cols());
  const Packing left(A, shift);
  const Packing right(B, {});
  const Index b_panels = panels_of(right.cols());
  // Parts of the rows, or strips of columns of A where the sums would take too much room: they read
  // rows piece by piece and pack B for each strip, a third more time at 10000 x 784 x 60. Strips
  // too where the rows are too few for parts: 784 x 136 x 136 took 0.57 ms, so 0.37.
  const Index size = left.cols() * right.cols();
  const Index blocks = (n + inner_block - 1) / inner_block;
  Index strip = left.cols();
  if (size > small_sum) {
    strip = 4 * table.panel;
  } else if (blocks <= least_part) {
    strip = 24;  // whole panels at each level
  }
  const Index strips = (left.cols() + strip - 1) / strip;
  const Index most = strips > 1 ? 1 : std::clamp<Index>(partial_numbers / size, 8, 64);
  const Index part_size =
      inner_block * std::max<Index>(strips > 1 ? 1 : least_part, (blocks + most - 1) / most);
  const Index parts = (n + part_size - 1) / part_size;
  std::vector<Matrix> sums(at(parts));
  for (Matrix& sum : sums) sum = large_matrix(left.cols(), right.cols());

  parallel_for(parts * strips, [&](Index task) {
    const Index part = task / strips;
    const Index column = task % strips * strip;
    const Index a_cols = std::min(strip, left.cols() - column);
    Matrix& sum = sums[at(part)];
    sum.middleRows(column, a_cols).setZero();
    Scratch a_block(inner_block, a_cols);
    Scratch b_block(inner_block, right.cols());
    double* a = a_block.matrix().data();
    double* b = b_block.matrix().data();
    const Index end = std::min(n, (part + 1) * part_size);
    for (Index row = part * part_size; row < end; row += inner_block) {
      const Index rows = std::min(inner_block, end - row);
      kernels::PackSource b_source = right.from(row);
      if (!weight.empty()) b_source.root = weight.data() + row;
      table.pack(left.from(row, column), 0, rows, a_cols, a, inner_block);
      table.pack(b_source, 0, rows, right.cols(), b, inner_block);
      for (Index j = 0; j < b_panels; ++j) {
        table.cross(a, inner_block, a_cols, 0, panels_of(a_cols), b, inner_block, right.cols(), j,
                    rows, false, false, sum.data() + column * right.cols(), right.cols());
      }
    }
  });
  for (Index part = 1; part < parts; ++part) sums[0] += sums[at(part)];
  return sums[0].topLeftCorner(A.cols(), B.cols());
}

Matrix row_gram(const MatrixView& X, const RowVector& shift, std::span<const double> root) {
  const kernels::TileTable& table = kernels::tile_table();
  const Index n = X.rows();
  const Index cols = whole_steps(n);
  const Index panels = panels_of(cols);
  constexpr Index block = 256;  // columns of X at a time
  const RowVector zero = shift.size() > 0 ? shift : RowVector::Zero(X.cols());
  const double* roots = root.empty() ? nullptr : root.data();
  Matrix packed = large_matrix(block, cols);
  Matrix S = large_matrix(cols, cols);
  S.setZero();
  for (Index first = 0; first < X.cols(); first += block) {
    const Index length = std::min(block, X.cols() - first);
    parallel_for(panels, [&](Index p) {
      table.pack_upright(X.data() + first, X.outerStride(), n, length, zero.data() + first, roots,
                         packed.data(), block, p, p + 1);
    });
    parallel_for(panels, [&](Index k) {
      const Index j = panels - 1 - k;  // the longest first
      table.cross(packed.data(), block, cols, 0, j + 1, packed.data(), block, cols, j, length, true,
                  false, S.data(), cols);
    });
  }
  Matrix product = large_matrix(n, n);
  product = S.topLeftCorner(n, n).selfadjointView<Eigen::Upper>();
  return product;
}

RoughLargest rough_largest(const MatrixView& A, const MatrixView& B, const RowVector& shift,
                           double scale) {
  assert(A.cols() == B.rows() && shift.size() == A.cols());
  const kernels::TileTable& table = kernels::tile_table();
  const Index k = A.cols();
  const Index cols = (B.cols() + table.rough_step - 1) / table.rough_step * table.rough_step;
  std::vector<float> packed(at(k * cols));
  table.rough_pack(B.data(), B.outerStride(), k, B.cols(), packed.data());
  const Index groups = (A.rows() + table.rough_group - 1) / table.rough_group;
  RoughLargest result{table.rough_group, {}, Vector(groups)};
  result.most.resize(groups, cols);
  parallel_blocks(groups, 64, [&](Index, Index begin, Index end) {
    const Index first = begin * table.rough_group;
    const Index rows = std::min(A.rows(), end * table.rough_group) - first;
    Scratch work(table.rough_group, (k + 1) / 2);
    table.rough_largest(A.data() + first * A.outerStride(), A.outerStride(), rows, k, shift.data(),
                        scale, packed.data(), B.cols(),
                        reinterpret_cast<float*>(work.matrix().data()), &result.most(begin, 0),
                        &result.error[begin]);
  });
  // Of a sum of k products in any order with rounded factors (Higham 2002, 3.1), and a little for
  // what underflows; and in doubles, of the row with its shift and of the shift alone.
  const double length = static_cast<double>(k + 4);
  const double of_shift = 4.0 * length * 0x1p-53 * shift.norm() * scale;
  for (double& error : result.error) {
    error = 1.01 * length * 0x1p-24 * std::sqrt(error) + of_shift + length * 0x1p-120;
  }
  return result;
}

}  // namespace lathe
