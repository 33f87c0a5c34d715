#include "lathe/ml/decomposition/top_eigen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include <Eigen/Eigenvalues>

#include "lathe/ml/core/product.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/decomposition/orthonormal.h"

namespace lathe {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();

EigenPairs all_eigenpairs(const Matrix& S) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(S);
  return {solver.eigenvalues().reverse(), solver.eigenvectors().rowwise().reverse()};
}

Matrix product(const Matrix& A, const Matrix& B) {
  Matrix result(A.rows(), B.cols());
  multiply(A, B, result);
  return result;
}

// Rayleigh-Ritz: the best approximations within the columns of Q, which is turned to them.
Vector rotate_to_ritz(const Matrix& S, Matrix& Q, Matrix& SQ) {
  SQ = product(S, Q);
  Matrix H = transposed_product(Q, SQ);
  H = (0.5 * (H + H.transpose())).eval();
  const EigenPairs ritz = all_eigenpairs(H);
  Q = product(Q, ritz.vectors);
  SQ = product(SQ, ritz.vectors);
  return ritz.values;
}

// Q becomes t(S) Q for the polynomial t of this degree that is small on [0, cut] and grows fastest
// above. Scaled so that it is 1 at the largest eigenvalue. SQ is S Q.
void filter(const Matrix& S, Matrix& Q, Matrix& SQ, double cut, double largest, int degree) {
  const double half = cut / 2.0;
  double sigma = half / (largest - half);
  const double first_sigma = sigma;
  Matrix before = std::move(Q);
  Matrix now = (SQ - half * before) * (sigma / half);
  for (int step = 1; step < degree; ++step) {
    const double next_sigma = 1.0 / (2.0 / first_sigma - sigma);
    SQ = product(S, now);
    before = (SQ - half * now) * (2.0 * next_sigma / half) - (sigma * next_sigma) * before;
    std::swap(before, now);
    sigma = next_sigma;
  }
  Q = std::move(now);
}

// By how much each degree of the filter lets `value` grow beside what is in [0, cut], as a
// logarithm.
double growth(double value, double cut) {
  return std::acosh(std::max(1.0, 2.0 * value / cut - 1.0));
}

// How much the filter favours the largest eigenvalue over the k-th must stay well within double
// precision, or rounding along the first directions drowns the last.
int degree_for(double largest, double least_wanted, double cut) {
  const double most_favour = std::log(1e6);
  const double favour = growth(largest, cut) - growth(least_wanted, cut);
  return static_cast<int>(std::clamp(most_favour / std::max(favour, 1e-3), 2.0, 12.0));
}

std::optional<EigenPairs> subspace_iteration(const Matrix& S, Index k) {
  constexpr int most_rounds = 60;
  const Index p = S.rows();
  const Index block = (k + std::max<Index>(12, k / 2) + 7) / 8 * 8;
  const double tolerance = 2.0 * std::sqrt(static_cast<double>(p)) * epsilon;
  Random random(0, "eigen.start");
  Matrix Q(p, block);
  for (double& q : Q.reshaped()) q = random.normal();
  Q = product(S, Q);
  orthonormalise(Q);
  Matrix SQ;
  double residual = std::numeric_limits<double>::infinity();
  for (int round = 0; round < most_rounds; ++round) {
    const Vector values = rotate_to_ritz(S, Q, SQ);
    if (!(values[0] > 0.0)) return std::nullopt;
    const Matrix off = SQ.leftCols(k) - Q.leftCols(k) * values.head(k).asDiagonal();
    const double before = std::exchange(residual, off.colwise().norm().maxCoeff() / values[0]);
    // What no longer falls is rounding, if it is small.
    if (residual <= tolerance || (residual > 0.5 * before && residual <= 8.0 * tolerance)) {
      return EigenPairs{values.head(k), Q.leftCols(k)};
    }
    const double cut = std::max(values[block - 1], 16.0 * epsilon * values[0]);
    const int degree = degree_for(values[0], values[k - 1], cut);
    // As many as should be needed, since turning to the Ritz vectors takes longer than a product.
    const double each = degree * growth(values[k - 1], cut);
    const double needed = std::log(residual / tolerance) / std::max(each, 1e-3);
    const int filters = static_cast<int>(std::clamp(std::ceil(needed), 1.0, 4.0));
    for (int i = 0; i < filters; ++i) {
      if (i > 0) SQ = product(S, Q);
      filter(S, Q, SQ, cut, values[0], degree);
      orthonormalise(Q);
    }
  }
  return std::nullopt;
}

}  // namespace

EigenPairs top_eigenpairs(const Matrix& S, Index k) {
  constexpr Index small = 128;  // Eigen takes less than 2 ms here
  if (S.rows() > small && 6 * k <= S.rows()) {
    if (std::optional<EigenPairs> pairs = subspace_iteration(S, k)) return *std::move(pairs);
  }
  return all_eigenpairs(S);
}

}  // namespace lathe
