// Least squares of data with no more rows than columns.
#include <gtest/gtest.h>

#include "lathe/ml/linear/least_squares.h"

#include "tests/ml/linear/linear_data.h"

namespace lathe {
namespace {

TEST(LeastSquares, MoreColumnsThanRowsGiveTheLeastNorm) {
  for (const bool intercept : {true, false}) {
    Matrix X = noise(8, 20, 9);
    X.col(3).array() += intercept ? 1e6 : 0.0;
    const Matrix y = noise(8, 3, 10);
    const LeastSquares fitted = least_squares(X, y, {.fit_intercept = intercept});
    EXPECT_EQ(fitted.solver.path, SolverPath::row_space);
    EXPECT_EQ(fitted.solver.rank, intercept ? 7 : 8);
    EXPECT_EQ(fitted.residual_dof, 0);
    const RowVector mean = intercept ? RowVector(X.colwise().mean()) : RowVector::Zero(20);
    const Matrix centred = X.rowwise() - mean;
    expect_near(fitted.coef, by_orthogonal_factors(centred, y), intercept ? 1e-9 : 1e-13);
  }
}

TEST(LeastSquares, WideDataWithConstantColumnsAndRowsWithoutWeightGiveTheLeastNorm) {
  Matrix X = noise(300, 700, 36);
  X.rowwise() += 100.0 * noise(1, 700, 37).row(0);
  X.col(5).setConstant(7.5);
  Vector weight = noise(300, 1, 38).col(0).cwiseAbs();
  weight[299] = weight[4] = 0.0;
  X.row(4).setConstant(1e6);  // counts for nothing
  const Matrix y = noise(300, 2, 39);
  const LeastSquares fitted = least_squares(X, y, {.weight = {weight.data(), 300}});
  EXPECT_EQ(fitted.solver.path, SolverPath::row_space);
  EXPECT_EQ(fitted.solver.rank, 297);
  EXPECT_TRUE(fitted.solver.settled);
  EXPECT_EQ(fitted.coef(0, 5), 0.0);

  // Interpolates, and is a combination of rows: nothing of it is beside them.
  const Matrix residual =
      (y - X * fitted.coef.transpose()).rowwise() - fitted.intercept.transpose();
  const Matrix counted = (weight.array() > 0.0).cast<double>().matrix().asDiagonal() * residual;
  EXPECT_LE(counted.cwiseAbs().maxCoeff(), 1e-12);
  const RowVector mean = weight.transpose() * X / weight.sum();
  const Vector root = weight.cwiseSqrt();
  const Matrix centred = root.asDiagonal() * (X.rowwise() - mean);
  const Matrix projected = by_orthogonal_factors(centred, centred * fitted.coef.transpose());
  expect_near(fitted.coef, projected, 1e-13);
}

TEST(LeastSquares, WideDataKeepAllDigitsWhereRowsNearlyDependOnOneAnother) {
  // Two rows that differ by 2^-b in one column alone: they are combined by shares of 4^b, which
  // cancel in all other columns.
  for (const bool intercept : {true, false}) {
    for (const int bits : {4, 20, 30, 38, 39, 40, 42}) {
      Matrix X = Matrix::Zero(3, 6);
      X.topRows(2).rightCols(4).setConstant(0.5);
      X(1, 0) = std::exp2(-bits);
      X(2, 1) = 2.0;
      if (intercept) X.row(2).tail(4).setConstant(-1.0);
      const LeastSquares fitted =
          least_squares(X, Vector{{3.0, 4.0, 1.0}}, {.fit_intercept = intercept});
      EXPECT_EQ(fitted.solver.path, SolverPath::row_space);
      EXPECT_TRUE(fitted.solver.settled);
      EXPECT_EQ(fitted.solver.rank, intercept ? 2 : 3);
      EXPECT_EQ(fitted.residual_squares[0], 0.0);
      const double step = std::exp2(bits);
      // With an intercept the least w for which (2, -3/2, -3/2, -3/2, -3/2) w = -2.
      const double second = intercept ? -4.0 / 13.0 : 0.5;
      const double rest = intercept ? 3.0 / 13.0 : 1.5;
      const RowVector expected{{step, second, rest, rest, rest, rest}};
      for (Index j = 0; j < 6; ++j) EXPECT_DOUBLE_EQ(fitted.coef(0, j), expected[j]) << bits;
    }
  }
}

TEST(LeastSquares, RowsOfWideDataDifferBesideAColumnOfAnySize) {
  for (const double size : {1.0, 0x1p20, 0x1p50, 0x1p60, 0x1p400}) {
    for (const double alpha : {0.0, 1.0}) {
      const Matrix X{{size, 1.0, 0.0}, {size, 0.0, 1.0}};
      const LeastSquares fitted =
          least_squares(X, Vector{{5.0, 1.0}}, {.fit_intercept = false, .alpha = alpha});
      EXPECT_TRUE(fitted.solver.settled);
      // By the sum of the rows and their difference, which are orthogonal.
      const double sum = 3.0 / (2.0 * size + (1.0 + alpha) / size);
      const double difference = 2.0 / (1.0 + alpha);
      EXPECT_DOUBLE_EQ(fitted.coef(0, 0), 2.0 * sum) << size;
      EXPECT_DOUBLE_EQ(fitted.coef(0, 1), sum / size + difference) << size;
      EXPECT_DOUBLE_EQ(fitted.coef(0, 2), sum / size - difference) << size;
      if (alpha == 0.0) {
        EXPECT_EQ(fitted.solver.rank, 2);
        EXPECT_EQ(fitted.residual_squares[0], 0.0);
      }
    }
  }
  // More columns than are told apart by columns.
  Matrix X = noise(3, 2001, 40);
  X.col(7) *= 1e20;
  EXPECT_FALSE(least_squares(X, noise(3, 1, 41), {}).solver.settled);
}

TEST(LeastSquares, DependentRowsOfWideDataAreFittedAsWellAsTheyCanBe) {
  // The first two rows nearly, the third exactly the sum of others.
  Matrix X = whole_numbers(4, 9, 50);
  X.row(1) = X.row(0) + 0x1p-30 * X.row(1);
  X.row(3) = X.row(1) + X.row(2);
  Vector y{{1.0, 2.0, 5.0, 7.0}};
  const LeastSquares agreeing = least_squares(X, y, {.fit_intercept = false});
  EXPECT_EQ(agreeing.solver.rank, 3);
  EXPECT_TRUE(agreeing.solver.settled);
  const LeastSquares without = least_squares(X.topRows(3), y.head(3), {.fit_intercept = false});
  expect_near(agreeing.coef, without.coef, 1e-13);
  y[3] += 3.0;  // shared between the three that it depends on, and the row itself
  const LeastSquares torn = least_squares(X, y, {.fit_intercept = false});
  EXPECT_NEAR(torn.residual_squares[0] * torn.unit[0] * torn.unit[0], 3.0, 1e-6);
}

TEST(LeastSquares, RepeatedRowsWithOtherTargetsCountAsOneWithTheirMean) {
  Random random(31, "least_squares_test");
  for (const double offset : {0.0, 1e2, 1e3, 1e4}) {
    Matrix distinct(17, 32);
    for (double& x : distinct.reshaped()) x = offset + random.normal();
    Matrix means(17, 1);
    for (double& y : means.reshaped()) y = std::floor(10.0 * random.normal());
    Matrix X(21, 32);
    X << distinct, distinct.topRows(4);
    Matrix y(21, 1);
    y << means, means.topRows(4);
    y.topRows(4).array() += 3.0;
    y.bottomRows(4).array() -= 3.0;
    const LeastSquaresOptions options{.fit_intercept = false, .errors = false};
    const LeastSquares repeated = least_squares(X, y, options);
    EXPECT_EQ(repeated.solver.rank, 17);
    EXPECT_TRUE(repeated.solver.settled) << offset;
    const LeastSquares once = least_squares(distinct, means, options);
    EXPECT_LT((repeated.coef - once.coef).cwiseAbs().maxCoeff(),
              4e-15 * once.coef.cwiseAbs().maxCoeff())
        << offset;
  }
}

TEST(LeastSquares, WideDataFarFromZeroKeepTheirDigits) {
  Matrix X = whole_numbers(5, 8, 51);
  const Matrix near = X;
  X.col(1).array() += 0x1p30;
  X.col(3).array() += 0x1p17;
  const Vector y{{1.0, 2.0, -1.0, 4.0, 0.0}};
  const LeastSquares fitted = least_squares(X, y, {});
  const LeastSquares expected = least_squares(near, y, {});
  expect_near(fitted.coef, expected.coef, 1e-15);
  EXPECT_EQ(fitted.residual_squares[0], 0.0);
  const double moved = 0x1p30 * expected.coef(0, 1) + 0x1p17 * expected.coef(0, 3);
  EXPECT_NEAR(fitted.intercept[0], expected.intercept[0] - moved, 1e-15 * std::abs(moved));
}

TEST(LeastSquares, WideDataGiveTheSameBitsForAnyThreads) {
  const Matrix X = noise(300, 700, 40);
  const Matrix y = noise(300, 1, 41);
  const int before = thread_limit();
  set_thread_limit(1);
  const LeastSquares expected = least_squares(X, y, {.alpha = 0.1});
  for (const int threads : {2, 3, 5, 16}) {
    set_thread_limit(threads);
    EXPECT_EQ(least_squares(X, y, {.alpha = 0.1}).coef, expected.coef) << threads;
  }
  set_thread_limit(before);
}

TEST(LeastSquares, RepeatedRowsWithOtherTargetsAreFittedInTheMean) {
  const Matrix start = whole_numbers(3, 6, 11);
  Matrix X(5, 6);
  X << start, start.topRows(2);
  const Vector y{{1.0, 2.0, 3.0, 5.0, 2.0}};
  const LeastSquares fitted = least_squares(X, y, {});
  const Matrix fit = (X * fitted.coef.transpose()).array() + fitted.intercept[0];
  expect_near(fit, Vector{{3.0, 2.0, 3.0, 3.0, 2.0}}, 1e-14);
  EXPECT_EQ(fitted.solver.rank, 2);
}

TEST(LeastSquares, PenalisedWideDataAgreeWithTheTallSide) {
  // alpha |W|^2 as further rows, about the mean of the others.
  const Matrix X = noise(6, 10, 12);
  const Vector y = noise(6, 1, 13).col(0);
  for (const double alpha : {1e-8, 0.5, 1e5}) {
    Matrix tall = Matrix::Zero(16, 10);
    tall.topRows(6) = X.rowwise() - X.colwise().mean();
    tall.bottomRows(10).diagonal().setConstant(std::sqrt(alpha));
    Vector target = Vector::Zero(16);
    target.head(6) = y.array() - y.mean();
    const Matrix expected = least_squares(tall, target, {.fit_intercept = false}).coef;
    expect_near(least_squares(X, y, {.alpha = alpha}).coef, expected, 1e-11);
  }
}

// The same on the side of the rows.
TEST(LeastSquares, FarRowsWithoutWeightDoNotMatterToWideData) {
  const Matrix X = noise(12, 20, 36);
  const Matrix y = noise(12, 1, 37);
  const LeastSquares expected = least_squares(X, y, {});
  for (const double far : {1e18, 1e30, 1e200}) {
    Matrix more(24, 20);
    more << X, far * X;
    Matrix targets(24, 1);
    targets << y, far * y;
    std::vector<double> weight(24, 0.0);
    std::fill_n(weight.begin(), 12, 1.0);
    const LeastSquares fitted = least_squares(more, targets, {.weight = weight});
    expect_near(fitted.coef, expected.coef, 1e-15);
    expect_near(fitted.intercept, expected.intercept, 1e-15);
    EXPECT_TRUE(fitted.solver.settled) << far;
  }
}

}  // namespace
}  // namespace lathe
