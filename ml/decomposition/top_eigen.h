// The largest eigenvalues of a symmetric matrix. Internal to decompositions.
#pragma once

#include "lathe/ml/core/types.h"

namespace lathe {

struct EigenPairs {
  Vector values;   // descending
  Matrix vectors;  // p x values.size(), orthonormal columns
};

// At least the k largest of S (p x p, positive semidefinite but for rounding), each with |S v - t
// v| of a few roundings of the largest. All of them, by Eigen's solver, where p is small or k is
// not; else Rayleigh-Ritz in a block Krylov space of a Chebyshev polynomial of S, all of whose work
// is in tile products; else, which is for eigenvalues of many vectors, Chebyshev-filtered subspace
// iteration (Zhou, Saad, Tiago and Chelikowsky 2006). At p = 784 and k = 50 they take 11, 44 and,
// Eigen's, 400 ms. O(p^2 k) time for each of some 6 products of as many columns, O(p k) memory. The
// same bits for any number of threads.
EigenPairs top_eigenpairs(const Matrix& S, Index k);

}  // namespace lathe
