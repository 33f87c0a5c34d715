// Dense products by packed register tiles (kernel_tiles.h), several times faster than Eigen's in a
// build for any processor, with the same bits for any number of threads. `shift`, where it is not
// empty, is subtracted from each row of the large matrix as it is read: centring without a copy,
// and without cancellation. For fits, not for predictions: the bits are those of one instruction
// level.
#pragma once

#include <span>

#include "lathe/ml/core/types.h"

namespace lathe {

// out = (A - 1 shift) B. A: n x k, B: k x m, out: n x m. Row i of out depends on row i of A alone.
// O(k m) memory.
void multiply(const MatrixView& A, const MatrixView& B, MatrixRef out, const RowVector& shift = {});

// (A - 1 shift)' diag(weight) B: d x m of A: n x d, B: n x m; no weights: 1 each. O(d m) memory
// besides the result.
Matrix transposed_product(const MatrixView& A, const MatrixView& B, const RowVector& shift = {},
                          std::span<const double> weight = {});

// (X - 1 shift) (X - 1 shift)', each row times `root` of it where given: n x n of X: n x d, for
// n < d. O(n^2 + n) memory.
Matrix row_gram(const MatrixView& X, const RowVector& shift = {},
                std::span<const double> root = {});

// Of the rows of (A - 1 shift) B scale in groups of `group` rows: how large the products of each
// column are at most, and at least those of the largest, to what floats tell. Each product that
// multiply() gives is meant, with or without the shift there: its rounding is allowed for too. The
// columns of B have length 1; |(A - 1 shift) scale| is at most 1. In half the time of multiply().
struct RoughLargest {
  Index group;
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> most;  // groups x columns
  Vector error;                                                                // of each group
};
RoughLargest rough_largest(const MatrixView& A, const MatrixView& B, const RowVector& shift,
                           double scale);

}  // namespace lathe
