#include "lathe/ml/decomposition/top_eigen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "lathe/ml/core/random.h"
#include "lathe/ml/decomposition/eigen_filter.h"
#include "lathe/ml/decomposition/filtered_krylov.h"
#include "lathe/ml/decomposition/orthonormal.h"

namespace lathe {
namespace {

// A random block of more columns than are wanted, filtered and turned to its Ritz vectors.
std::optional<EigenPairs> subspace_iteration(const Matrix& S, Index k) {
  constexpr int most_rounds = 12;
  const double most_favour = std::log(1e6);
  const Index p = S.rows();
  const Index block = (k + std::max<Index>(12, k / 2) + 7) / 8 * 8;
  Random random(0, "eigen.start");
  Matrix Q(p, block);
  for (double& q : Q.reshaped()) q = random.normal();
  Q = product(S, Q);
  orthonormalise(Q);
  double residual = std::numeric_limits<double>::infinity();
  for (int round = 0; round < most_rounds; ++round) {
    Matrix SQ = product(S, Q);
    const EigenPairs ritz = ritz_pairs(Q, SQ);
    const double largest = ritz.values[0];
    if (!(largest > 0.0)) return std::nullopt;
    Q = product(Q, ritz.vectors);
    SQ = product(SQ, ritz.vectors);
    const Vector values = ritz.values.head(k);
    const double before =
        std::exchange(residual, residual_of(Q.leftCols(k), SQ.leftCols(k), values));
    if (converged(residual, before, p)) return EigenPairs{values, Q.leftCols(k)};
    const Filter filter(ritz.values[block - 1], largest, values[k - 1], most_favour);
    // As many as should be needed, since turning to the Ritz vectors takes longer than a product.
    const double each = std::max(filter.growth(values[k - 1]), 1e-3);
    const double needed = std::log(residual / residual_wanted(p)) / each;
    const int filters = static_cast<int>(std::clamp(std::ceil(needed), 1.0, 4.0));
    for (int i = 0; i < filters; ++i) {
      if (i > 0) SQ = product(S, Q);
      Q = filter.of(S, Q, SQ);
      orthonormalise(Q);
    }
  }
  return std::nullopt;
}

}  // namespace

EigenPairs top_eigenpairs(const Matrix& S, Index k) {
  constexpr Index small = 128;  // Eigen takes less than 2 ms here
  if (S.rows() <= small || 6 * k > S.rows()) return all_eigenpairs(S);
  // A power of two, so that no square leaves the range of doubles and no digit changes.
  constexpr int far = 300;
  const double most = S.diagonal().maxCoeff();
  if (const int exponent = most > 0.0 ? std::ilogb(most) : 0; std::abs(exponent) > far) {
    EigenPairs pairs = top_eigenpairs(S * std::ldexp(1.0, -exponent), k);
    for (double& value : pairs.values) value = std::ldexp(value, exponent);
    return pairs;
  }
  if (std::optional<EigenPairs> pairs = filtered_krylov(S, k)) return *std::move(pairs);
  if (std::optional<EigenPairs> pairs = subspace_iteration(S, k)) return *std::move(pairs);
  return all_eigenpairs(S);
}

}  // namespace lathe
