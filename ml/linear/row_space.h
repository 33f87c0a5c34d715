// Least squares of least norm with more columns than rows, on the side of the rows.
#pragma once

#include "lathe/ml/linear/refinement.h"

namespace lathe {

struct RowSpaceSolution {
  Refined refined;
  double condition = 1.0;
  Index rank = 0;
};

// The solution is a combination of rows, W = sum g_i (x_i - mean), over a basis of rows; with it
// the problem has full rank, and its factor is R2 R1, where the rows' transpose is Q R1 and R2 is
// the factor of the coordinates of all rows. Both come from the rows' Gram matrix, or where rows
// nearly depend on one another from a pivoted QR of a copy, which picks the basis. O(n^2 d) time,
// O(n^2 + d) memory without the copy. All columns must have one scale, since the norm that is least
// is that of the coefficients. At least one row must have weight.
RowSpaceSolution solve_in_row_space(const ScaledColumns& x, const ScaledColumns& y,
                                    const RowWeights& weights, double penalty);

}  // namespace lathe
