#include "lathe/ml/core/cholesky.h"

#include <algorithm>
#include <vector>

#include <Eigen/Cholesky>

#include "lathe/ml/core/kernel_tiles.h"
#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/scratch.h"

namespace lathe {
namespace {

// Up to here Eigen's factorisation takes no longer than ours: 0.6 ms.
constexpr Index small = 240;
constexpr Index block = 72;  // whole panels at every level: 3 of 24, 6 of 12, 18 of 4
constexpr Index rows_at_once = 64;

// Packs `rows` rows from `from` on, `cols` columns, into panels with room for `capacity`.
void pack_plain(const double* from, Index stride, Index rows, Index cols, double* out) {
  const Index panel = kernels::tile_table().panel;
  const Index panels = (cols + panel - 1) / panel;
  parallel_for(panels, [&](Index p) {
    const Index width = std::min(panel, cols - p * panel);
    double* to = out + p * panel * block;
    for (Index r = 0; r < rows; ++r) {
      std::copy_n(from + r * stride + p * panel, width, to + r * width);
    }
  });
}

Matrix small_inverse(const Matrix& R) {
  return R.triangularView<Eigen::Upper>().solve(Matrix::Identity(R.rows(), R.cols()));
}

bool factor_small(Matrix& A) {
  const Eigen::LLT<Matrix, Eigen::Upper> cholesky(A);
  if (cholesky.info() != Eigen::Success) return false;
  A = cholesky.matrixU();
  return A.diagonal().minCoeff<Eigen::PropagateNaN>() > 0.0;  // Eigen takes NaN for a pivot
}

Index whole_steps(Index cols) {
  const Index step = kernels::tile_table().step;
  return (cols + step - 1) / step * step;
}

// Block row after block row: the diagonal block, the row to the right of it (through the block's
// inverse, so that it is a product), and what that takes from the rows below.
bool factor_blocks(Matrix& work, Index d) {
  const kernels::TileTable& table = kernels::tile_table();
  const Index stride = work.cols();
  Matrix packed = large_matrix(block, stride);
  Matrix inverse_packed(block, block);
  for (Index k = 0; k < d; k += block) {
    const Index size = std::min(block, d - k);
    Matrix diagonal = work.block(k, k, size, size);
    if (!factor_small(diagonal)) return false;
    work.block(k, k, size, size) = diagonal;
    const Index rest = stride - (k + size);
    if (k + size >= d) break;
    double* right = work.data() + k * stride + k + size;
    const Matrix inverse = small_inverse(diagonal);
    pack_plain(right, stride, size, rest, packed.data());
    pack_plain(inverse.data(), size, size, size, inverse_packed.data());
    const Index panels = (rest + table.panel - 1) / table.panel;
    const Index block_panels = size / table.panel;
    parallel_for(panels, [&](Index j) {
      const Index first = k + size + j * table.panel;
      work.block(k, first, size, std::min(table.panel, stride - first)).setZero();
      table.cross(inverse_packed.data(), block, size, 0, block_panels, packed.data(), block, rest,
                  j, size, false, false, right, stride);
    });
    pack_plain(right, stride, size, rest, packed.data());
    double* below = work.data() + (k + size) * stride + k + size;
    parallel_for(panels, [&](Index i) {
      const Index j = panels - 1 - i;  // the longest first
      table.cross(packed.data(), block, rest, 0, j + 1, packed.data(), block, rest, j, size, true,
                  true, below, stride);
    });
  }
  return true;
}

// Columns [begin, begin + width) of the inverse, from the bottom up, in one packed strip.
void invert_strip(const Matrix& R, const std::vector<Matrix>& diagonal_inverses, Index begin,
                  Index width, Matrix& result) {
  const kernels::TileTable& table = kernels::tile_table();
  const Index cols = whole_steps(width);
  const Index panels = (cols + table.panel - 1) / table.panel;
  const Index height = begin + width;
  Scratch strip_buffer(height, cols);
  double* strip = strip_buffer.matrix().data();
  const auto pack_rows = [&](const Matrix& rows, Index first, double* out, Index capacity) {
    for (Index p = 0; p < panels; ++p) {
      const Index w = std::min(table.panel, cols - p * table.panel);
      for (Index r = 0; r < rows.rows(); ++r) {
        double* to = out + p * table.panel * capacity + (first + r) * w;
        for (Index c = 0; c < w; ++c) {
          const Index column = p * table.panel + c;
          to[c] = column < rows.cols() ? rows(r, column) : 0.0;
        }
      }
    }
  };
  Matrix packed(block, cols);
  for (Index k = begin / block; k >= 0; --k) {
    const Index first = k * block;
    const Index size = std::min(block, R.rows() - first);
    const Matrix& inverse = diagonal_inverses[static_cast<std::size_t>(k)];
    Matrix part = Matrix::Zero(size, width);
    if (first == begin) {
      part = inverse.leftCols(width);
    } else {
      Matrix sum = Matrix::Zero(size, width);
      for (Index inner = first + size; inner < height; inner += block) {
        const Index length = std::min(block, height - inner);
        for (Index p = 0; p < panels; ++p) {
          const Index w = std::min(table.panel, cols - p * table.panel);
          table.multiply(R.data() + first * R.cols() + inner, R.cols(), size, length,
                         strip + inner * w, height, cols, p, sum.data(), width, width);
        }
      }
      pack_rows(-sum, 0, packed.data(), block);
      for (Index p = 0; p < panels; ++p) {
        table.multiply(inverse.data(), inverse.cols(), size, size, packed.data(), block, cols, p,
                       part.data(), width, width);
      }
    }
    pack_rows(part, first, strip, height);
    result.block(first, begin, size, width) = part;
  }
}

}  // namespace

bool factor_cholesky(Matrix& A) {
  const Index d = A.rows();
  if (d <= small) return factor_small(A);
  const Index padded = whole_steps(d);
  if (padded == d) {
    if (!factor_blocks(A, d)) return false;
  } else {
    Matrix work = large_matrix(padded, padded);
    parallel_blocks(padded, rows_at_once, [&](Index, Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        work.row(i).tail(padded - i).setZero();
        if (i < d) work.row(i).segment(i, d - i) = A.row(i).tail(d - i);
      }
    });
    if (!factor_blocks(work, d)) return false;
    parallel_blocks(d, rows_at_once, [&](Index, Index begin, Index end) {
      for (Index i = begin; i < end; ++i) A.row(i).tail(d - i) = work.row(i).segment(i, d - i);
    });
  }
  parallel_blocks(d, rows_at_once, [&](Index, Index begin, Index end) {
    for (Index i = begin; i < end; ++i) A.row(i).head(i).setZero();
  });
  return true;
}

Matrix inverse_upper(const Matrix& R) {
  const Index d = R.rows();
  if (d <= small) return small_inverse(R);
  std::vector<Matrix> diagonal_inverses(static_cast<std::size_t>((d + block - 1) / block));
  parallel_blocks(d, block, [&](Index k, Index begin, Index end) {
    diagonal_inverses[static_cast<std::size_t>(k)] =
        small_inverse(R.block(begin, begin, end - begin, end - begin));
  });
  Matrix result = large_matrix(d, d);
  result.setZero();
  const Index strips = static_cast<Index>(diagonal_inverses.size());
  parallel_for(strips, [&](Index k) {
    const Index begin = (strips - 1 - k) * block;  // the longest first
    invert_strip(R, diagonal_inverses, begin, std::min(block, d - begin), result);
  });
  return result;
}

}  // namespace lathe
