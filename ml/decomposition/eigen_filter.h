// What the iterations for the largest eigenvalues share. Internal to decompositions.
#pragma once

#include "lathe/ml/core/types.h"
#include "lathe/ml/decomposition/top_eigen.h"

namespace lathe {

// All eigenpairs of a symmetric matrix, by Eigen's solver.
EigenPairs all_eigenpairs(const Matrix& S);

Matrix product(const MatrixView& A, const MatrixView& B);

// Rayleigh-Ritz: the best approximations within the orthonormal columns of Q; SQ is S Q. The
// vectors are in terms of those columns.
EigenPairs ritz_pairs(const MatrixView& Q, const MatrixView& SQ);

// The largest |S v - t v|, as a share of the largest value.
double residual_of(const MatrixView& vectors, const MatrixView& S_vectors, const Vector& values);

// What a residual of a p x p matrix must reach, or stop falling a little above.
double residual_wanted(Index p);
bool converged(double residual, double before, Index p);

// The polynomial t of a degree that is small on [0, cut] and grows fastest above (Chebyshev),
// scaled so that it is 1 at the largest eigenvalue.
struct Filter {
  double cut;
  double largest;
  int degree;

  // The degree whose favour of the largest over `value`, a logarithm, is at most `favour`.
  Filter(double filter_cut, double largest_value, double value, double favour);

  // By how much `value` grows beside what is in [0, cut], as a logarithm.
  double growth(double value) const;

  // t(S) Q; SQ is S Q.
  Matrix of(const Matrix& S, const Matrix& Q, const Matrix& SQ) const;
};

}  // namespace lathe
