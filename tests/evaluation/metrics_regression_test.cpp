#include "lathe/evaluation/metrics_regression.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "lathe/evaluation/accurate_sum.h"

#include "tests/evaluation/error_code.h"

namespace lathe {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(AccurateSum, KeepsWhatAPlainSumLoses) {
  AccurateSum sum;
  for (const double term : {1.0, 1e100, 1.0, -1e100}) sum.add(term);
  EXPECT_EQ(sum.value(), 2.0);
}

TEST(AccurateSum, OverflowsToInfinityAndNotToNaN) {
  AccurateSum sum;
  for (int i = 0; i < 3; ++i) sum.add(1e308);
  EXPECT_EQ(sum.value(), std::numeric_limits<double>::infinity());
}

TEST(RegressionMetrics, OfThreeErrors) {
  const Vector y{{1.0, 2.0, 3.0}};
  const Vector p{{1.0, 4.0, 2.0}};

  EXPECT_DOUBLE_EQ(mean_squared_error(y, p), 5.0 / 3.0);
  EXPECT_DOUBLE_EQ(root_mean_squared_error(y, p), std::sqrt(5.0 / 3.0));
  EXPECT_DOUBLE_EQ(mean_absolute_error(y, p), 1.0);
  EXPECT_DOUBLE_EQ(r2_score(y, p), 1.0 - 5.0 / 2.0);
}

TEST(RegressionMetrics, WeightsAreRepeatedRows) {
  const Vector y{{1.0, 2.0, 4.0, 9.0}};
  const Vector p{{1.5, 1.0, 4.0, 0.0}};
  const std::vector<double> weight{3.0, 1.0, 2.0, 0.0};
  const Vector repeated_y{{1.0, 1.0, 1.0, 2.0, 4.0, 4.0}};
  const Vector repeated_p{{1.5, 1.5, 1.5, 1.0, 4.0, 4.0}};

  EXPECT_DOUBLE_EQ(mean_squared_error(y, p, weight), mean_squared_error(repeated_y, repeated_p));
  EXPECT_DOUBLE_EQ(root_mean_squared_error(y, p, weight),
                   root_mean_squared_error(repeated_y, repeated_p));
  EXPECT_DOUBLE_EQ(mean_absolute_error(y, p, weight), mean_absolute_error(repeated_y, repeated_p));
  EXPECT_DOUBLE_EQ(r2_score(y, p, weight), r2_score(repeated_y, repeated_p));
}

TEST(RegressionMetrics, SeveralTargetsGiveTheMean) {
  const Matrix y{{0.0, 1.0}, {2.0, 3.0}};
  const Matrix p{{0.0, 5.0}, {2.0, 3.0}};

  EXPECT_DOUBLE_EQ(mean_squared_error(y, p), (0.0 + 8.0) / 2.0);
  EXPECT_DOUBLE_EQ(root_mean_squared_error(y, p), (0.0 + std::sqrt(8.0)) / 2.0);
  EXPECT_DOUBLE_EQ(r2_score(y, p), (1.0 + (1.0 - 16.0 / 2.0)) / 2.0);
}

TEST(R2, OfAConstantTargetIsOneOrZero) {
  const Vector y = Vector::Constant(3, 0.1);  // whose plain mean is not exactly 0.1
  EXPECT_EQ(r2_score(y, y), 1.0);
  EXPECT_EQ(r2_score(y, Vector{{0.1, 0.2, 0.1}}), 0.0);
}

TEST(R2, OfOneRowIsNotDefined) { EXPECT_TRUE(std::isnan(r2_score(Vector{{1.0}}, Vector{{2.0}}))); }

TEST(R2, KeepsItsDigitsFarFromZero) {
  const Vector y{{1.0, 2.0, 3.0, 4.0}};
  const Vector p{{1.5, 2.0, 2.5, 4.0}};
  const Vector far = Vector::Constant(4, 1e9);
  EXPECT_DOUBLE_EQ(r2_score(y + far, p + far), r2_score(y, p));
}

TEST(RegressionMetrics, RefuseWhatCannotBeScored) {
  const Vector y{{1.0, 2.0}};
  EXPECT_EQ(code_of([&] { r2_score(Vector(), Vector()); }), "Q001");
  EXPECT_EQ(code_of([&] { r2_score(y, Vector{{1.0}}); }), "Q002");
  EXPECT_EQ(code_of([&] { r2_score(y, Matrix::Zero(2, 2)); }), "Q002");
  EXPECT_EQ(code_of([&] { mean_squared_error(y, Vector{{1.0, nan}}); }), "Q003");
  EXPECT_EQ(code_of([&] { mean_absolute_error(Vector{{nan, 1.0}}, y); }), "Q003");
  const auto weigh = [&](const std::vector<double>& w) {
    return code_of([&] { root_mean_squared_error(y, y, w); });
  };
  EXPECT_EQ(weigh({1.0}), "W001");
  EXPECT_EQ(weigh({1.0, -1.0}), "W002");
  EXPECT_EQ(weigh({1.0, nan}), "W002");
  EXPECT_EQ(weigh({0.0, 0.0}), "W002");
  EXPECT_EQ(weigh({1e308, 1e308}), "W002");
}

}  // namespace
}  // namespace lathe
