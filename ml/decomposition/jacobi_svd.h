// Singular values and right singular vectors to high relative accuracy. Internal to decompositions.
#pragma once

#include "lathe/ml/core/types.h"

namespace lathe {

struct RightSingular {
  Vector values;   // p = min(n, d) of them, descending
  Matrix vectors;  // p x d, orthonormal rows; also where values are 0
};

// Of A (n x d). Householder QR of A, or a pivoted one of its transpose with sorted rows where n <
// d; a pivoted QR of the factor; then one-sided Jacobi rotations on the transposed second factor
// (Drmac and Veselic 2008). Every value has about 1e-15 of the largest, and keeps its own digits
// where columns differ in scale alone. O(n d p) time, and about 10 sweeps of O(p^3); one copy more
// of A at a time, and O(p^2) memory.
RightSingular right_singular(Matrix A);

}  // namespace lathe
