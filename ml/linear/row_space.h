// Least squares with more columns than rows: the solution of least norm is a combination of the
// centred rows, W = Z'u, and u solves an n by n system (Golub and Van Loan 2013, 5.6).
#pragma once

#include "lathe/ml/linear/refinement.h"

namespace lathe {

struct RowSpaceSolution {
  Refined refined;
  Index rank = 0;
  double condition = 1.0;
};

// `x` and `y` as for refine(), some row of positive weight; all columns of x have one scale, so
// that the least norm is that of the raw columns too; one penalty for all. By Cholesky of the Gram
// matrix of the rows, O(n^2 d) time and O(n^2) memory; where rows nearly depend on one another, by
// CholeskyQR of a copy of them; where they do depend, by a pivoted QR of it.
RowSpaceSolution solve_in_row_space(const ScaledColumns& x, const ScaledColumns& y,
                                    const RowWeights& weights, double penalty);

}  // namespace lathe
