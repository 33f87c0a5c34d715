#include "lathe/ml/decomposition/eigen_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <Eigen/Eigenvalues>

#include "lathe/ml/core/product.h"

namespace lathe {
namespace {

double growth_of_a_degree(double value, double cut) {
  return std::acosh(std::max(1.0, 2.0 * value / cut - 1.0));
}

}  // namespace

EigenPairs all_eigenpairs(const Matrix& S) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(S);
  return {solver.eigenvalues().reverse(), solver.eigenvectors().rowwise().reverse()};
}

Matrix product(const MatrixView& A, const MatrixView& B) {
  Matrix result(A.rows(), B.cols());
  multiply(A, B, result);
  return result;
}

EigenPairs ritz_pairs(const MatrixView& Q, const MatrixView& SQ) {
  const Matrix H = transposed_product(Q, SQ);
  return all_eigenpairs(0.5 * (H + H.transpose()));
}

double residual_of(const MatrixView& vectors, const MatrixView& S_vectors, const Vector& values) {
  const Matrix off = S_vectors - vectors * values.asDiagonal();
  return off.colwise().norm().maxCoeff() / values[0];
}

double residual_wanted(Index p) {
  return 2.0 * std::sqrt(static_cast<double>(p)) * std::numeric_limits<double>::epsilon();
}

bool converged(double residual, double before, Index p) {
  const double wanted = residual_wanted(p);
  return residual <= wanted || (residual > 0.5 * before && residual <= 8.0 * wanted);
}

Filter::Filter(double filter_cut, double largest_value, double value, double favour)
    : cut(std::max(filter_cut, 16.0 * std::numeric_limits<double>::epsilon() * largest_value)),
      largest(largest_value) {
  const double each = growth_of_a_degree(largest, cut) - growth_of_a_degree(value, cut);
  degree = static_cast<int>(std::clamp(favour / std::max(each, 1e-3), 2.0, 12.0));
}

double Filter::growth(double value) const { return degree * growth_of_a_degree(value, cut); }

Matrix Filter::of(const Matrix& S, const Matrix& Q, const Matrix& SQ) const {
  const double half = cut / 2.0;
  const double first_sigma = half / (largest - half);
  double sigma = first_sigma;
  Matrix before = Q;
  Matrix now = (SQ - half * Q) * (sigma / half);
  for (int step = 1; step < degree; ++step) {
    const double next_sigma = 1.0 / (2.0 / first_sigma - sigma);
    before =
        (product(S, now) - half * now) * (2.0 * next_sigma / half) - (sigma * next_sigma) * before;
    std::swap(before, now);
    sigma = next_sigma;
  }
  return now;
}

}  // namespace lathe
