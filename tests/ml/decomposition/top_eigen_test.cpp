#include "lathe/ml/decomposition/top_eigen.h"

#include <cmath>

#include <Eigen/QR>
#include <gtest/gtest.h>

#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/random.h"

namespace lathe {
namespace {

constexpr Index p = 224;

// 1, 1/2, 1/3, ...
Vector harmonic() { return (Vector::LinSpaced(p, 1.0, static_cast<double>(p))).cwiseInverse(); }

Eigen::MatrixXd random_orthogonal() {
  Random random(3, "top_eigen_test");
  Eigen::MatrixXd start(p, p);
  for (double& x : start.reshaped()) x = random.normal();
  return Eigen::HouseholderQR<Eigen::MatrixXd>(start).householderQ();
}

Matrix with_eigenvalues(const Vector& values) {
  static const Eigen::MatrixXd U = random_orthogonal();
  const Matrix S = U * values.asDiagonal() * U.transpose();
  return 0.5 * (S + S.transpose());
}

// Values known beforehand, and vectors that are orthonormal and belong to them.
void expect_pairs(const Vector& values, Index k) {
  const Matrix S = with_eigenvalues(values);
  const double scale = std::max(values[0], 1e-300);
  const EigenPairs pairs = top_eigenpairs(S, k);
  ASSERT_GE(pairs.values.size(), k);
  const Vector error = (pairs.values.head(k) - values.head(k)) / scale;
  EXPECT_LT(error.cwiseAbs().maxCoeff(), 3e-14) << k;
  const Matrix V = pairs.vectors.leftCols(k);
  const Matrix off = (S * V - V * pairs.values.head(k).asDiagonal()) / scale;
  EXPECT_LT(off.colwise().norm().maxCoeff(), 1e-13) << k;
  EXPECT_LT((V.transpose() * V - Matrix::Identity(k, k)).cwiseAbs().maxCoeff(), 1e-13) << k;
}

TEST(TopEigen, DecayingEigenvaluesOfAllSpeeds) {
  const Vector i = Vector::LinSpaced(p, 0.0, static_cast<double>(p - 1));
  for (const Index k : {1, 7, 37}) {
    expect_pairs(harmonic(), k);
    expect_pairs(harmonic().cwiseSqrt(), k);
    expect_pairs(harmonic().cwiseAbs2(), k);
    expect_pairs((-i.array() / 7.0).exp(), k);
    expect_pairs(1.0 - i.array() / static_cast<double>(p), k);
  }
}

TEST(TopEigen, WantedOnesWithinTheNoise) {
  for (const double first : {1.0, 1e4}) {
    Vector values(p);
    for (Index i = 0; i < p; ++i) {
      values[i] = 0.02 + 0.01 * std::cos(3.14 * static_cast<double>(i) / static_cast<double>(p));
    }
    for (Index i = 0; i < 5; ++i) values[i] = first / static_cast<double>(i + 1);
    for (const Index k : {5, 6, 30}) expect_pairs(values, k);
  }
}

TEST(TopEigen, EigenvaluesOfManyVectors) {
  for (const Index many : {7, 8, 20, 60}) {
    Vector values = harmonic();
    values.segment(6, many).setConstant(values[6]);
    // Among, at and across them.
    for (const Index k : {6, 7, 14, 30}) expect_pairs(values, k);
  }
  expect_pairs(Vector::Ones(p), 10);
}

TEST(TopEigen, EigenvaluesThatDifferByLittle) {
  for (const double step : {1e-15, 1e-12, 1e-9, 1e-5}) {
    Vector values = harmonic();
    for (Index i = 0; i < 20; ++i)
      values[5 + i] = values[5] * (1.0 - step * static_cast<double>(i));
    for (const Index k : {10, 25, 30}) expect_pairs(values, k);
  }
}

TEST(TopEigen, FewerDirectionsThanAreWanted) {
  for (const Index rank : {0, 1, 8, 30}) {
    Vector values = harmonic();
    values.tail(p - rank).setZero();
    for (const Index k : {1, 8, 20, 37}) expect_pairs(values, k);
  }
}

TEST(TopEigen, TinyAndHugeAreTheSameProblem) {
  for (const double scale : {1e-260, 1e-160, 1e-80, 1e80, 1e160, 1e260}) {
    expect_pairs(scale * harmonic(), 20);
  }
}

TEST(TopEigen, SameBitsForAnyNumberOfThreads) {
  const Matrix S = with_eigenvalues(harmonic());
  const int before = thread_limit();
  set_thread_limit(1);
  const EigenPairs one = top_eigenpairs(S, 25);
  for (const int threads : {2, 3, 5, 16}) {
    set_thread_limit(threads);
    const EigenPairs pairs = top_eigenpairs(S, 25);
    EXPECT_EQ(pairs.values, one.values) << threads;
    EXPECT_EQ(pairs.vectors, one.vectors) << threads;
  }
  set_thread_limit(before);
}

}  // namespace
}  // namespace lathe
