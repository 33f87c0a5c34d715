#include "lathe/ml/linear/least_squares.h"

#include <Eigen/QR>
#include <gtest/gtest.h>

#include "tests/ml/linear/linear_data.h"

namespace lathe {
namespace {

// y = X w + b exactly, in whole numbers, so that every coefficient is known to the last bit.
struct Exact {
  Matrix X;
  Vector w;
  double b = -7.0;
  Vector y() const { return (X * w).array() + b; }
};

Exact exact(Index n, Index d, std::uint64_t seed) {
  return {whole_numbers(n, d, seed), whole_numbers(d, 1, seed + 1).col(0)};
}

void expect_exact(const Exact& data, const LeastSquares& fitted, SolverPath path) {
  for (Index j = 0; j < data.w.size(); ++j) {
    EXPECT_NEAR(fitted.coef(0, j), data.w[j], data.w[j] == 0.0 ? 1e-20 : 0.0) << j;
  }
  EXPECT_EQ(fitted.intercept[0], data.b);
  EXPECT_EQ(fitted.solver.path, path);
  EXPECT_EQ(fitted.solver.rank, data.X.cols());
  EXPECT_TRUE(fitted.solver.settled);
  EXPECT_NEAR(fitted.residual_squares[0], 0.0, 1e-25);
}

TEST(LeastSquares, ExactDataGiveTheExactPlane) {
  const Exact data = exact(700, 6, 1);
  expect_exact(data, least_squares(data.X, data.y(), {}), SolverPath::cholesky);
}

TEST(LeastSquares, OffsetsAndScalesCostNoDigit) {
  Exact data = exact(100, 5, 2);
  data.X.col(1).array() += 0x1p30;
  data.X.col(2) *= 0x1p-40;
  data.w[2] *= 0x1p40;
  data.X.col(3) *= 0x1p40;
  data.w[3] *= 0x1p-40;
  expect_exact(data, least_squares(data.X, data.y(), {}), SolverPath::cholesky);
}

TEST(LeastSquares, NearlyCollinearColumnsKeepAllDigits) {
  Exact data = exact(100, 5, 3);
  data.X.col(4) = data.X.col(0) + 0x1p-23 * whole_numbers(100, 1, 9);
  data.w[4] = 3.0;
  const LeastSquares fitted = least_squares(data.X, data.y(), {});
  expect_exact(data, fitted, SolverPath::cholesky_qr);
  EXPECT_GT(fitted.solver.condition, 1e6);
}

TEST(LeastSquares, ColumnsThatDifferInTheirLastDigitsOnlyKeepAllOfTheCoefficients) {
  // A condition of 1e13, at which the double-double sums have 16 digits left.
  Exact data = exact(500, 12, 3);
  data.X.col(4) = data.X.col(0) + 0x1p-42 * whole_numbers(500, 1, 9);
  data.w[4] = 0.0;  // so that y is exact
  const LeastSquares fitted = least_squares(data.X, data.y(), {});
  EXPECT_EQ(fitted.solver.path, SolverPath::cholesky_qr);
  EXPECT_EQ(fitted.solver.rank, 12);
  EXPECT_GT(fitted.solver.condition, 1e12);
  EXPECT_LE((fitted.coef.transpose() - data.w).cwiseAbs().maxCoeff(), 1e-12);
  // The nearest the two columns get is 2^-42 |c|: that tells the standard error.
  Matrix others = Matrix::Ones(500, 12);
  others.rightCols(11) << data.X.leftCols(4), data.X.middleCols(5, 7);
  const Vector c = whole_numbers(500, 1, 9).col(0);
  const double distance =
      0x1p-42 *
      (c - others * Eigen::MatrixXd(others).householderQr().solve(Eigen::VectorXd(c))).norm();
  EXPECT_NEAR(fitted.error[4] * distance, 1.0, 1e-8);
}

TEST(LeastSquares, ManyColumnsWithoutVariancesKeepAllDigits) {
  const LeastSquaresOptions options{.errors = false};  // the condition is estimated
  Exact data = exact(400, 150, 30);
  const LeastSquares plain = least_squares(data.X, data.y(), options);
  expect_exact(data, plain, SolverPath::cholesky);
  const double known = least_squares(data.X, data.y(), {}).solver.condition;
  EXPECT_GT(plain.solver.condition, known / 2.0);
  EXPECT_LT(plain.solver.condition, known * 2.0);

  data.X.col(4) = data.X.col(0) + 0x1p-23 * whole_numbers(400, 1, 9);
  data.w[4] = 3.0;
  expect_exact(data, least_squares(data.X, data.y(), options), SolverPath::cholesky_qr);
}

TEST(LeastSquares, DuplicatedColumnsShareTheirCoefficient) {
  const Exact data = exact(60, 4, 4);
  Matrix X(60, 7);  // column 0 three times, column 1 and its double
  X << data.X, data.X.col(0), data.X.col(0), 2.0 * data.X.col(1);
  const LeastSquares fitted = least_squares(X, data.y(), {});
  EXPECT_EQ(fitted.solver.path, SolverPath::rank_deficient);
  EXPECT_EQ(fitted.solver.rank, 4);
  RowVector expected(7);
  expected << data.w[0] / 3, data.w[1] / 5, data.w[2], data.w[3], data.w[0] / 3, data.w[0] / 3,
      2 * data.w[1] / 5;
  expect_near(fitted.coef, expected, 1e-15);
  EXPECT_EQ(fitted.intercept[0], data.b);
  EXPECT_TRUE(std::isnan(fitted.error[0]));
  EXPECT_TRUE(std::isfinite(fitted.error[2]));
}

TEST(LeastSquares, DependentColumnsGiveTheLeastNorm) {
  Matrix X = noise(50, 6, 5);
  X.col(4) = X.col(0) + X.col(1);
  X.col(5) = X.col(2) - 3.0 * X.col(3);
  X.col(1).array() += 100.0;
  X.col(4).array() += 100.0;
  const Matrix y = noise(50, 2, 6);
  const LeastSquares fitted = least_squares(X, y, {});
  EXPECT_EQ(fitted.solver.rank, 4);
  const Matrix centred = X.rowwise() - X.colwise().mean();
  expect_near(fitted.coef, by_orthogonal_factors(centred, y), 1e-12);
}

TEST(LeastSquares, LeastNormOfVeryDifferentScalesKeepsDigits) {
  const Exact data = exact(40, 3, 7);
  Matrix X(40, 4);
  X << data.X, 1024.0 * data.X.col(0);
  const LeastSquares fitted = least_squares(X, data.y(), {});
  const double share = data.w[0] / (1.0 + 0x1p20);  // of the pair (1, 1024)
  EXPECT_NEAR(fitted.coef(0, 0), share, 1e-15 * std::abs(share));
  EXPECT_NEAR(fitted.coef(0, 3), 1024.0 * share, 1e-15 * std::abs(1024.0 * share));
}

TEST(LeastSquares, AllIndicatorsOfACategoryGiveTheLeastNorm) {
  // Three levels of means 1, 2, 6: W is those about their mean, which b takes.
  const Matrix X{{1, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, 1}};
  const Vector y{{0.0, 2.0, 2.0, 6.0, 6.0}};
  const LeastSquares fitted = least_squares(X, y, {});
  EXPECT_EQ(fitted.solver.rank, 2);
  expect_near(fitted.coef, RowVector{{-2.0, -1.0, 3.0}}, 1e-15);
  EXPECT_NEAR(fitted.intercept[0], 3.0, 1e-15);
}

TEST(LeastSquares, ConstantColumnsGetZero) {
  Exact data = exact(30, 3, 8);
  data.X.col(1).setConstant(0.1);
  data.w[1] = 0.0;
  const LeastSquares fitted = least_squares(data.X, data.y(), {});
  EXPECT_EQ(fitted.coef, Matrix(data.w.transpose()));
  EXPECT_EQ(fitted.intercept[0], data.b);
  EXPECT_EQ(fitted.solver.rank, 2);
  const LeastSquares nothing = least_squares(Matrix::Constant(4, 2, 3.0), Vector::Ones(4), {});
  EXPECT_EQ(nothing.coef, Matrix(Matrix::Zero(1, 2)));
  EXPECT_EQ(nothing.intercept[0], 1.0);
}

TEST(LeastSquares, KeepsAllDigitsUpToAConditionOfOneOverRounding) {
  const Matrix start = whole_numbers(200, 4, 14);
  const Vector w{{2.0, -1.0, 3.0, 5.0}};
  for (const int bits : {10, 20, 30, 40}) {
    Matrix X = start;
    X.col(3) = X.col(0) + std::exp2(-bits) * X.col(3);
    const LeastSquares fitted = least_squares(X, X * w, {});
    EXPECT_EQ(fitted.coef, Matrix(w.transpose())) << bits;
    EXPECT_EQ(fitted.solver.rank, 4);
    EXPECT_TRUE(fitted.solver.settled);
  }
  // Closer than rounding can tell: one column, of which there are two.
  Matrix X = start;
  X.col(3) = X.col(0) + std::exp2(-50) * X.col(3);
  const LeastSquares fitted = least_squares(X, start.leftCols(3) * Vector{{8.0, 1.0, 1.0}}, {});
  EXPECT_EQ(fitted.solver.rank, 3);
  expect_near(fitted.coef, RowVector{{4.0, 1.0, 1.0, 4.0}}, 1e-12);
}

TEST(LeastSquares, WhatRowsWithoutWeightHoldMayOverflow) {
  Exact data = exact(20, 4, 60);
  data.X.col(3) = data.X.col(0) + 0x1p-30 * data.X.col(3);  // by every factor
  data.w[3] = 0.0;
  std::vector<double> weight(20, 1.0);
  weight[3] = weight[11] = 0.0;
  const Vector y = data.y();
  data.X.row(3).setConstant(1e308);
  data.X.row(11).setConstant(-1.7e308);
  const LeastSquares fitted = least_squares(data.X, y, {.weight = weight});
  EXPECT_EQ(fitted.solver.path, SolverPath::cholesky_qr);
  expect_near(fitted.coef, data.w.transpose(), 1e-14);
  data.X.col(3) = data.X.col(0);
  const LeastSquares twice = least_squares(data.X, y, {.weight = weight});
  EXPECT_EQ(twice.solver.rank, 3);
  expect_near(twice.coef, RowVector{{data.w[0] / 2, data.w[1], data.w[2], data.w[0] / 2}}, 1e-15);
  const std::vector<double> few{0, 0, 1, 0, 1, 1};
  const LeastSquares wide = least_squares(data.X.topRows(6), y.head(6), {.weight = few});
  EXPECT_TRUE(wide.coef.allFinite());
  EXPECT_EQ(wide.solver.rank, 2);
}

TEST(LeastSquares, ColumnsOfSubnormalNumbersHaveCoefficients) {
  const Exact data = exact(30, 3, 61);
  const double tiny = 0x1p-1040;
  const LeastSquares fitted = least_squares(tiny * data.X, 0x1p-40 * data.y(), {});
  EXPECT_EQ(fitted.coef * 0x1p-1000, Matrix(data.w.transpose()));
}

TEST(LeastSquares, DependentColumnsOfAnyScaleLeaveTheOthersAlone) {
  Exact data = exact(40, 4, 62);
  data.w = Vector{{2.0, 3.0, -5.0, 1.0}};
  const Vector y = data.y();
  Matrix X(40, 5);
  X << data.X, data.X.col(1);
  const double scales[] = {0x1p-400, 1.0, 0x1p300, 0x1p-30, 1.0};
  for (Index j = 0; j < 5; ++j) X.col(j) *= scales[j];
  const LeastSquares fitted = least_squares(X, y, {});
  EXPECT_EQ(fitted.solver.rank, 4);
  const double expected[] = {2.0, 1.5, -5.0, 1.0, 1.5};
  for (Index j = 0; j < 5; ++j) {
    EXPECT_NEAR(fitted.coef(0, j) * scales[j], expected[j], 1e-14) << j;
  }
}

TEST(LeastSquares, TinyAndHugeNumbersNeitherOverflowNorVanish) {
  const Exact data = exact(50, 3, 16);
  for (const double scale : {0x1p900, 0x1p-900}) {
    const LeastSquares fitted = least_squares(data.X * scale, data.y(), {});
    EXPECT_EQ(fitted.coef * scale, Matrix(data.w.transpose()));
    EXPECT_EQ(fitted.intercept[0], data.b);
    const LeastSquares scaled = least_squares(data.X, data.y() * scale, {});
    EXPECT_EQ(scaled.coef / scale, Matrix(data.w.transpose()));
    const Vector weight = Vector::Constant(50, scale);
    const LeastSquares weighted = least_squares(data.X, data.y(), {.weight = {weight.data(), 50}});
    EXPECT_EQ(weighted.coef, Matrix(data.w.transpose()));
  }
}

// Above 4 million cells.
struct Large {
  Matrix X = noise(210'000, 20, 31);
  Matrix noise_of_y = noise(210'000, 1, 32);
  Matrix y(const Vector& w) const { return X * w + noise_of_y; }
};

TEST(LeastSquares, LargeDataStayUnrefinedWhereThirteenDigitsAreThereAnyway) {
  const Large data;
  const Matrix y = data.y(Vector::LinSpaced(20, 1.0, 2.0)).array() + 5.0;
  const LeastSquares fitted = least_squares(data.X, y, {});
  const LeastSquares refined = least_squares(data.X, y, {.refine = Refine::always});
  EXPECT_EQ(fitted.solver.path, SolverPath::cholesky);
  EXPECT_EQ(fitted.solver.steps, 0);
  EXPECT_GE(refined.solver.steps, 1);
  for (Index j = 0; j < 20; ++j) EXPECT_GE(digits(fitted.coef(0, j), refined.coef(0, j)), 13.0);
  EXPECT_GE(digits(fitted.intercept[0], refined.intercept[0]), 13.0);
  EXPECT_GE(digits(fitted.residual_squares[0], refined.residual_squares[0]), 12.0);
}

TEST(LeastSquares, LargeDataAreRefinedForTheSakeOfOneSmallCoefficient) {
  const Large data;
  Vector w = Vector::LinSpaced(20, 1e6, 2e6);
  w[7] = 0.0;  // the noise alone makes it
  EXPECT_GE(least_squares(data.X, data.y(w), {}).solver.steps, 1);
}

TEST(LeastSquares, LargeDataWithAPenaltyStayUnrefinedWhereTheLongestHasThirteenDigits) {
  const Large data;
  Vector w = Vector::LinSpaced(20, 1.0, 2.0);
  w[7] = 0.0;
  LeastSquaresOptions options{.alpha = 1.0, .errors = false};
  const LeastSquares fitted = least_squares(data.X, data.y(w), options);
  options.refine = Refine::always;
  const LeastSquares refined = least_squares(data.X, data.y(w), options);
  EXPECT_EQ(fitted.solver.steps, 0);
  EXPECT_GE(refined.solver.steps, 1);
  const double longest = refined.coef.cwiseAbs().maxCoeff();
  EXPECT_LE((fitted.coef - refined.coef).cwiseAbs().maxCoeff(), 1e-13 * longest);
}

TEST(LeastSquares, LargeDataWithAPenaltyAreRefinedWhereColumnsNearlyDepend) {
  Large data;
  data.X.col(3) = data.X.col(4) + 1e-2 * data.X.col(3);
  const Matrix y = data.y(Vector::Ones(20));
  EXPECT_GE(least_squares(data.X, y, {.alpha = 1e-3, .errors = false}).solver.steps, 1);
}

TEST(LeastSquares, VariancesOfNearlyDependentColumnsKeepTheirDigits) {
  // Z = [a, a + e b] of orthogonal a, b of square length s: the variances are (1 + 1/e^2) / s and
  // 1 / (e^2 s), and e is a power of two.
  const double e = 0x1p-22;
  Matrix X(8, 2);
  const Vector a{{1, 1, 1, 1, -1, -1, -1, -1}};
  const Vector b{{1, -1, 1, -1, 1, -1, 1, -1}};
  X << a, a + e * b;
  const LeastSquares fitted = least_squares(X, noise(8, 1, 33), {});
  EXPECT_EQ(fitted.solver.path, SolverPath::cholesky_qr);
  EXPECT_GE(digits(fitted.error[0], std::sqrt((1.0 + 1.0 / (e * e)) / 8.0)), 14.0);
  EXPECT_GE(digits(fitted.error[1], std::sqrt(1.0 / (e * e) / 8.0)), 14.0);
  EXPECT_GE(digits(fitted.intercept_error, std::sqrt(1.0 / 8.0)), 14.0);
}

TEST(LeastSquares, TheInterceptsVarianceOfNearlyDependentColumnsKeepsItsDigits) {
  // Columns c, c + e b span what c, b do, so the intercept is the same, and so is its variance.
  for (const double e : {0x1p-22, 0x1p-36}) {
    for (const Index n : {30, 700}) {
      const Matrix b = whole_numbers(n, 2, 5).array() + 2.0;
      Matrix X = b;
      X.col(1) = b.col(0) + e * b.col(1);
      const Matrix y = noise(n, 1, 33);
      const LeastSquares fitted = least_squares(X, y, {});
      EXPECT_EQ(fitted.solver.path, SolverPath::cholesky_qr);
      EXPECT_GE(digits(fitted.intercept_error, least_squares(b, y, {}).intercept_error), 12.0);
      const LeastSquares through_zero = least_squares(X, y, {.fit_intercept = false});
      EXPECT_EQ(through_zero.intercept_error, 0.0);
    }
  }
}

TEST(LeastSquares, EqualColumnsThatOnlyThePenaltyTellsApartShareTheirCoefficient) {
  for (const double alpha : {0x1p-30, 0x1p-50, 0x1p-64}) {
    const Matrix x = whole_numbers(50, 1, 4);
    Matrix X(50, 2);
    X << x, x;
    const Matrix y = noise(50, 1, 12);
    const LeastSquaresOptions options{.fit_intercept = false, .alpha = alpha, .errors = false};
    const LeastSquares fitted = least_squares(X, y, options);
    // One column and half the penalty give the sum of both.
    const LeastSquares one =
        least_squares(x, y, {.fit_intercept = false, .alpha = 0.5 * alpha, .errors = false});
    EXPECT_EQ(fitted.solver.rank, 2) << alpha;
    EXPECT_GE(digits(fitted.coef(0, 0), 0.5 * one.coef(0, 0)), 15.0) << alpha;
    EXPECT_GE(digits(fitted.coef(0, 1), 0.5 * one.coef(0, 0)), 15.0) << alpha;
  }
}

// What rows without weight hold must not matter, however large it is.
TEST(LeastSquares, FarRowsWithoutWeightCostTheOthersNoDigit) {
  Exact data = exact(100, 5, 3);
  data.X.col(4) = data.X.col(0) + 0x1p-23 * whole_numbers(100, 1, 9);
  data.w[4] = 3.0;
  const Vector y = data.y();
  for (const double far : {1e18, 1e30, 1e200}) {
    Matrix X(200, 5);  // every second row is far
    Vector targets(200);
    std::vector<double> weight;
    for (Index i = 0; i < 100; ++i) {
      X.row(2 * i) = data.X.row(i);
      X.row(2 * i + 1) = far * data.X.row(99 - i);
      targets.segment(2 * i, 2) << y[i], far;
      weight.insert(weight.end(), {1.0, 0.0});
    }
    expect_exact(data, least_squares(X, targets, {.weight = weight}), SolverPath::cholesky_qr);
  }
}

TEST(LeastSquares, PoorConditionsGiveTheSameBitsForAnyThreads) {
  Matrix X = noise(3000, 30, 34);
  X.col(3) = X.col(4) + 1e-5 * X.col(3);
  const Matrix y = noise(3000, 1, 35);
  const int before = thread_limit();
  set_thread_limit(1);
  const LeastSquares expected = least_squares(X, y, {});
  EXPECT_EQ(expected.solver.path, SolverPath::cholesky_qr);
  for (const int threads : {2, 3, 5, 16}) {
    set_thread_limit(threads);
    const LeastSquares fitted = least_squares(X, y, {});
    EXPECT_EQ(fitted.coef, expected.coef) << threads;
    EXPECT_EQ(fitted.error, expected.error) << threads;
  }
  set_thread_limit(before);
}

}  // namespace
}  // namespace lathe
