#include "lathe/ml/linear/ridge.h"

#include <limits>

#include <gtest/gtest.h>

#include "lathe/ml/linear/linear_regression.h"
#include "lathe/ml/registry.h"

#include "tests/ml/linear/linear_data.h"

namespace lathe {
namespace {

TEST(Ridge, WithoutPenaltyRecoversThePlane) {
  const Matrix X{{0.0, 1.0}, {1.0, 0.0}, {2.0, 1.0}, {3.0, 3.0}};
  const Vector y = (X * Vector{{2.0, -1.0}}).array() + 5.0;
  const RidgeModel model = Ridge{.alpha = 0.0}.fit(X, y);
  EXPECT_EQ(model.coef(), (Matrix{{2.0, -1.0}}));
  EXPECT_EQ(model.intercept()[0], 5.0);
}

TEST(Ridge, OneFeatureMatchesTheClosedForm) {
  const Matrix x{{-1.0}, {0.0}, {1.0}};
  const Vector y{{-3.0, 0.0, 3.0}};
  const double expected = 6.0 / (2.0 + 4.0);  // x'y / (x'x + alpha)
  EXPECT_NEAR(Ridge{.alpha = 4.0}.fit(x, y).coef()(0, 0), expected, 1e-15);
}

TEST(Ridge, ClosedFormHoldsForAnyScaleAndOffset) {
  const Matrix x{{-1.0}, {0.0}, {1.0}};
  const Vector y{{-3.0, 0.0, 3.0}};
  for (const double scale : {0x1p-40, 1.0, 0x1p40}) {
    for (const double alpha : {1e-12, 1.0, 1e12}) {
      const double expected = 6.0 * scale / (2.0 * scale * scale + alpha);
      const RidgeModel model = Ridge{.alpha = alpha}.fit(x * scale, y);
      EXPECT_NEAR(model.coef()(0, 0), expected, 2e-16 * expected);
      const Matrix far = (x.array() + 0x1p30) * scale;
      const RidgeModel moved = Ridge{.alpha = alpha}.fit(far, y);
      EXPECT_NEAR(moved.coef()(0, 0), expected, 2e-16 * expected);
    }
  }
}

TEST(Ridge, DuplicatedColumnsShareAndConstantOnesGetZero) {
  const Matrix start = noise(30, 2, 1);
  Matrix X(30, 4);
  X << start, start.col(0), Vector::Constant(30, 1e9);
  const Vector y = noise(30, 1, 2).col(0);
  const RidgeModel model = Ridge{}.fit(X, y);
  EXPECT_EQ(model.coef()(0, 0), model.coef()(0, 2));
  EXPECT_EQ(model.coef()(0, 3), 0.0);
  // The pair acts like one column sqrt(2) times as long.
  Matrix merged = start;
  merged.col(0) *= std::sqrt(2.0);
  const RidgeModel one = Ridge{}.fit(merged, y);
  EXPECT_NEAR(model.coef()(0, 0), one.coef()(0, 0) / std::sqrt(2.0), 1e-14);
}

TEST(Ridge, AlphaZeroIsLeastSquaresAlsoWhereWide) {
  const Matrix X = noise(5, 9, 3);
  const Matrix y = noise(5, 2, 4);
  EXPECT_EQ(Ridge{.alpha = 0.0}.fit(X, y).coef(), LinearRegression{}.fit(X, y).coef());
}

TEST(Ridge, LargeAlphaLeavesTheMean) {
  const Vector y = noise(20, 1, 5).col(0);
  const RidgeModel model = Ridge{.alpha = 1e300}.fit(noise(20, 3, 6), y);
  EXPECT_LT(model.coef().cwiseAbs().maxCoeff(), 1e-290);
  EXPECT_NEAR(model.intercept()[0], y.mean(), 1e-15);
}

TEST(Ridge, WeightsAreRepeatedRows) {
  const Matrix X = noise(24, 3, 7);
  const Matrix y = noise(24, 2, 8);
  std::vector<double> weight(24);
  for (std::size_t i = 0; i < 24; ++i) weight[i] = static_cast<double>(i % 3);
  const std::vector<Index> rows = repeated(weight);
  for (const bool intercept : {true, false}) {
    const Ridge ridge{.alpha = 0.7, .fit_intercept = intercept};
    const RidgeModel weighted = ridge.fit(X, y, {.weight = weight});
    const RidgeModel twice = ridge.fit(Matrix(X(rows, Eigen::all)), Matrix(y(rows, Eigen::all)));
    expect_near(weighted.coef(), twice.coef(), 1e-15);
  }
}

TEST(Ridge, GivesTheSameBitsForAnyThreads) {
  const Matrix X = noise(3000, 6, 9);
  const Matrix y = noise(3000, 1, 10);
  expect_same_bits_for_any_threads([&] { return Ridge{}.fit(X, y); });
}

TEST(Ridge, SavesAndLoads) {
  const RidgeModel model = Ridge{}.fit(noise(20, 3, 11), noise(20, 2, 12));
  const auto again = loaded<RidgeModel>(saved(model));
  EXPECT_EQ(again.coef(), model.coef());
  EXPECT_EQ(again.intercept(), model.intercept());
  EXPECT_EQ(saved(again), saved(model));
  LeastSquares bad = least_squares(noise(9, 2, 13), noise(9, 1, 14), {});
  bad.intercept[0] = std::numeric_limits<double>::infinity();
  EXPECT_THROW(loaded<RidgeModel>(saved(RidgeModel(std::move(bad)))), CorruptData);
}

TEST(Ridge, RefusesANegativeAlpha) {
  const Matrix X = noise(5, 2, 15);
  const Matrix y = noise(5, 1, 16);
  EXPECT_EQ(error_code([&] { Ridge{.alpha = -1.0}.fit(X, y); }), "O001");
  EXPECT_EQ(error_code([&] { make_estimator("ridge(alpha=-1)"); }), "O001");
  EXPECT_EQ(make_estimator("ridge(alpha=0.5)").text(), "ridge(alpha=0.5)");
}

}  // namespace
}  // namespace lathe
