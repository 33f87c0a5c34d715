// The singular value decomposition of centred rows, as PCA needs it. Internal to decompositions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "lathe/ml/core/types.h"

namespace lathe {

// X - mean = U diag(values) V'
struct Spectrum {
  Vector mean;
  Vector values;               // descending: all p = min(n, d) of them, or at least the wanted ones
  Matrix vectors;              // rows of V', orthonormal, as many as values
  double total_squares = 0.0;  // of all p values
  double error = 0.0;  // of a randomised one: the largest |A v - s u| over the largest value
};

// Whether their products leave neither the range of doubles nor their digits.
inline bool squares_in_range(double squares) { return squares > 1e-270 && squares < 1e270; }

// How many of the values are wanted, of at least one; nothing: that takes all of them to tell.
struct Wanted {
  std::optional<Index> count;
  std::function<Index(const Vector& values, double total_squares)> choose;
};

// Householder QR, then one-sided Jacobi rotations on the factor (jacobi_svd.h). Holds a centred
// copy of X, and QR another.
Spectrum full_spectrum(const MatrixView& X);

// Eigenvectors of the Gram matrix of the smaller side, which is formed without a copy of X. A value
// keeps 16 digits less twice those by which it is below the largest, so the result is nothing if
// the last wanted value is below `least` times the largest, or if X holds NaN or infinity, or its
// squares leave the range of doubles. O(n d p) time, O(p^2) memory besides the vectors
// and a copy of them.
std::optional<Spectrum> gram_spectrum(const MatrixView& X, const Wanted& wanted, double least);

struct RandomizedOptions {
  Index count = 1;
  Index oversamples = 10;
  std::int64_t power = 4;
  std::uint64_t seed = 0;
};

// Subspace iteration from a random start, orthonormalised in each half step (Halko, Martinsson and
// Tropp 2011). Each value is within `error` of a true one and not above it but for rounding.
// O(n d (count + oversamples) power) time, O((n + d) (count + oversamples)) memory. Nothing where
// squares leave the range of doubles.
std::optional<Spectrum> randomized_spectrum(const MatrixView& X, const RandomizedOptions& options);

}  // namespace lathe
