// Least squares by products in floats: above 4 million cells, where standard errors are not asked
// for.
#include <limits>

#include <gtest/gtest.h>

#include "lathe/ml/linear/least_squares.h"

#include "tests/ml/linear/linear_data.h"

namespace lathe {
namespace {

constexpr Index rows = 16'000;
constexpr Index cols = 256;

LeastSquaresOptions without_errors(Refine refine = Refine::automatic) {
  return {.refine = refine, .errors = false};
}

struct Rows {
  Matrix X = noise(rows, cols, 41);
  Matrix of_y = noise(rows, 1, 42);
  Matrix y() const { return X * noise(cols, 1, 43) + of_y; }
};

// As by doubles, to the last digit or 13 of them.
void expect_same(const Matrix& X, const Matrix& y, LeastSquaresOptions options,
                 SolverPath path = SolverPath::cholesky) {
  options.errors = true;
  options.refine = Refine::always;
  const LeastSquares known = least_squares(X, y, options);
  ASSERT_TRUE(known.solver.settled);
  options.errors = false;
  for (const Refine refine : {Refine::automatic, Refine::always}) {
    options.refine = refine;
    const LeastSquares fitted = least_squares(X, y, options);
    EXPECT_EQ(fitted.solver.path, path);
    EXPECT_EQ(fitted.solver.rank, known.solver.rank);
    EXPECT_TRUE(fitted.solver.settled);
    EXPECT_GT(fitted.solver.condition, known.solver.condition / 2.0);
    EXPECT_LT(fitted.solver.condition, known.solver.condition * 2.0);
    // Both are rounded, here and there to different sides.
    const double least = refine == Refine::always ? 15.6 : 13.0;
    for (Index t = 0; t < y.cols(); ++t) {
      for (Index j = 0; j < X.cols(); ++j) {
        EXPECT_GE(digits(fitted.coef(t, j), known.coef(t, j)), least) << j;
      }
      EXPECT_GE(digits(fitted.intercept[t], known.intercept[t]), least);
      EXPECT_GE(digits(fitted.residual_squares[t], known.residual_squares[t]), 12.0);
      EXPECT_GE(digits(fitted.total_squares[t], known.total_squares[t]), 12.0);
    }
    EXPECT_TRUE(fitted.error.array().isNaN().all());
  }
}

TEST(RoughLeastSquares, GivesWhatDoublesGive) {
  const Rows data;
  expect_same(data.X, data.y(), {});
  expect_same(data.X, data.y(), {.fit_intercept = false});
  expect_same(data.X, data.y(), {.alpha = 100.0});
  // It takes more corrections than doubles: that tells the two apart.
  EXPECT_EQ(least_squares(data.X, data.y(), {}).solver.steps, 1);
  EXPECT_GE(least_squares(data.X, data.y(), without_errors()).solver.steps, 2);
}

TEST(RoughLeastSquares, ExactDataGiveTheExactPlane) {
  const Matrix X = whole_numbers(rows, cols, 1);
  const Matrix w = whole_numbers(1, cols, 2);
  const Matrix y = (X * w.transpose()).array() - 7.0;
  const LeastSquares fitted = least_squares(X, y, without_errors());
  EXPECT_LE((fitted.coef - w).cwiseAbs().maxCoeff(), 1e-20);
  EXPECT_EQ(fitted.intercept[0], -7.0);
  EXPECT_NEAR(fitted.residual_squares[0], 0.0, 1e-25);
  EXPECT_GE(fitted.solver.steps, 2);
}

// Products in floats are exact here, and so is the start but for its last digits: residuals in
// doubles have no digit that could tell.
TEST(RoughLeastSquares, SignsGiveTheExactPlane) {
  const Matrix X = noise(rows, cols, 47).array().sign();
  Rows of_noise;
  for (const double largest : {7.0, 1e3, 1e6}) {
    Matrix w(1, cols);
    for (Index j = 0; j < cols; ++j) {
      w(0, j) = j % 3 == 0 ? largest : static_cast<double>(1 + j % 7);
    }
    for (const Refine refine : {Refine::automatic, Refine::always}) {
      LeastSquaresOptions options = without_errors(refine);
      options.fit_intercept = false;
      const Matrix y = X * w.transpose();
      const LeastSquares fitted = least_squares(X, y, options);
      EXPECT_TRUE(fitted.solver.settled);
      EXPECT_EQ(fitted.coef, w) << largest;
      EXPECT_NEAR(fitted.residual_squares[0], 0.0, 1e-25);
      EXPECT_GE(fitted.solver.steps, 2);  // by floats
      const Matrix noisy = y + of_noise.of_y.array().round().matrix();
      expect_same(X, noisy, {.fit_intercept = false});
    }
  }
}

TEST(RoughLeastSquares, OffsetsAndScalesCostNoDigit) {
  Rows data;
  const Matrix y = data.y();
  data.X.col(1).array() += 1e9;
  data.X.col(2) *= 1e-12;
  data.X.col(3) *= 1e12;
  data.X.col(4) *= 1e-250;
  data.X.col(5) *= 1e250;
  data.X.col(6) = (data.X.col(6).array() > 2.5).cast<double>();  // hardly ever
  data.X.col(7).setConstant(1e9);
  data.X.col(8) = Vector::LinSpaced(rows, 0.0, 1e6);
  expect_same(data.X, y, {});
  expect_same(data.X, y.array() + 1e6, {});
  EXPECT_GE(least_squares(data.X, y, without_errors()).solver.steps, 2);
}

TEST(RoughLeastSquares, NumbersThatFloatsCannotScaleGoByDoubles) {
  Rows data;
  const Matrix y = data.y();
  data.X.col(5) *= 1e300;
  expect_same(data.X, y, {});
  EXPECT_EQ(least_squares(data.X, y, without_errors()).solver.steps, 1);
  data.X.col(6).setZero();
  data.X(1, 6) = 1e-30;
  expect_same(data.X, y, {});
  data.X.col(4) = 0x1p-1060 * whole_numbers(rows, 1, 5);  // far shorter than the others
  expect_same(data.X, y, {}, SolverPath::cholesky_qr);
}

TEST(RoughLeastSquares, WeightsCount) {
  Rows data;
  std::vector<double> weight(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = static_cast<double>(i % 5) * 1e-200;
  for (Index i = 0; i < rows; i += 5) data.X.row(i).setConstant(1e9);
  expect_same(data.X, data.y(), {.weight = weight});
}

TEST(RoughLeastSquares, EachTargetIsFitted) {
  const Matrix X = noise(8000, 520, 44);
  const Matrix y = X * noise(520, 2, 45) + noise(8000, 2, 46);
  expect_same(X, y, {});
  EXPECT_GE(least_squares(X, y, without_errors()).solver.steps, 2);
}

TEST(RoughLeastSquares, PoorConditionsGoByDoubles) {
  for (const double share : {1e-2, 1e-3, 1e-6}) {
    Rows data;
    data.X.col(4) = data.X.col(0) + share * data.X.col(4);
    const SolverPath path = share < 1e-5 ? SolverPath::cholesky_qr : SolverPath::cholesky;
    expect_same(data.X, data.y(), {}, path);
  }
  Rows twice;
  twice.X.col(4) = twice.X.col(0);
  EXPECT_EQ(least_squares(twice.X, twice.y(), without_errors()).solver.path,
            SolverPath::rank_deficient);
}

TEST(RoughLeastSquares, GivesTheSameBitsForAnyThreads) {
  const Rows data;
  const Matrix y = data.y();
  const int before = thread_limit();
  set_thread_limit(1);
  const LeastSquares expected = least_squares(data.X, y, without_errors());
  for (const int threads : {2, 3, 5, 16}) {
    set_thread_limit(threads);
    const LeastSquares fitted = least_squares(data.X, y, without_errors());
    EXPECT_EQ(fitted.coef, expected.coef) << threads;
    EXPECT_EQ(fitted.intercept, expected.intercept);
    EXPECT_EQ(fitted.residual_squares, expected.residual_squares);
  }
  set_thread_limit(before);
}

TEST(RoughLeastSquares, SaysWhatIsNotFinite) {
  Rows data;
  Matrix y = data.y();
  y(5, 0) = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(least_squares(data.X, y, without_errors()).finite);
  y(5, 0) = 0.0;
  data.X(7, 3) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(least_squares(data.X, y, without_errors()).finite);
}

}  // namespace
}  // namespace lathe
