// Cholesky's factorisation and the inverse of a triangle; in blocks over the tile kernels and with
// threads where the matrix is large. The same bits for any number of threads.
#pragma once

#include "lathe/ml/core/types.h"

namespace lathe {

// Replaces the upper triangle of the symmetric A by that of R, R'R = A, and zeros the rest. Reads
// the upper triangle only. False where A is not positive definite to working precision; then A is
// spoilt. d^3 / 3 operations.
bool factor_cholesky(Matrix& A);

// The inverse of an upper triangular R, which must have no zero on its diagonal. d^3 / 3.
Matrix inverse_upper(const Matrix& R);

}  // namespace lathe
