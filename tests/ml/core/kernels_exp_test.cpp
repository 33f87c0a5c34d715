// exp, logistic and softmax.
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "lathe/ml/core/kernels.h"

#include "tests/ml/core/kernel_data.h"

namespace lathe {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Units in the last place between a and the exact value.
double ulps(double a, long double exact) {
  const double rounded = static_cast<double>(exact);
  const double unit = std::nextafter(std::abs(rounded), infinity) - std::abs(rounded);
  return static_cast<double>(std::abs(static_cast<long double>(a) - exact) / unit);
}

TEST(Exp, IsWithinOneUnitInTheLastPlace) {
  Random random(18, "exp");
  double worst = 0.0;
  for (int i = 0; i < 200'000; ++i) {
    double x = (random.uniform() - 0.5) * (i % 2 == 0 ? 1416.0 : 4.0);
    const long double exact = std::exp(static_cast<long double>(x));
    if (exact < 0x1p-1022L) continue;
    double result = x;
    kernels::exp(&result, 1);
    worst = std::max(worst, ulps(result, exact));
  }
  EXPECT_LT(worst, 1.0);
}

TEST(Exp, HoldsItsEnds) {
  std::vector<double> x{0.0,    -0.0,     1.0,    infinity, -infinity, nan,   709.782712893384,
                        709.79, -745.133, -746.0, 1e308,    -1e308,    1e-20, -5e-324};
  kernels::exp(x.data(), static_cast<Index>(x.size()));
  EXPECT_EQ(x[0], 1.0);
  EXPECT_EQ(x[1], 1.0);
  EXPECT_NEAR(x[2], std::numbers::e, 4.5e-16);
  EXPECT_EQ(x[3], infinity);
  EXPECT_EQ(bits(x[4]), bits(0.0));
  EXPECT_TRUE(std::isnan(x[5]));
  EXPECT_TRUE(std::isfinite(x[6]));
  EXPECT_GT(x[6], 1.797e308);
  EXPECT_EQ(x[7], infinity);
  EXPECT_EQ(x[8], std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(x[9], 0.0);
  EXPECT_EQ(x[10], infinity);
  EXPECT_EQ(x[11], 0.0);
  EXPECT_EQ(x[12], 1.0);
  EXPECT_EQ(x[13], 1.0);
}

TEST(Exp, GivesTheSameBitsInAnyPlaceOfAnArray) {
  const Matrix x = random_matrix(1, 37, 19, 2.0);
  Matrix all = x;
  kernels::exp(all.data(), 37);
  for (Index i = 0; i < 37; ++i) {
    double alone = x(0, i);
    kernels::exp(&alone, 1);
    ASSERT_EQ(bits(alone), bits(all(0, i))) << i;
  }
  for (const Index n : lengths) {  // writes n numbers and no more
    if (n > 36) continue;
    Matrix part = x;
    kernels::exp(part.data(), n);
    ASSERT_TRUE(same_bits(part.leftCols(n), all.leftCols(n)));
    ASSERT_TRUE(same_bits(part.rightCols(37 - n), x.rightCols(37 - n)));
  }
}

TEST(Logistic, IsAccurateAndDoesNotOverflow) {
  for (double x = -745.0; x <= 745.0; x += 0.37) {
    const long double exact = 1.0L / (1.0L + std::exp(-static_cast<long double>(x)));
    const double result = kernels::logistic(x);
    if (exact >= 0x1p-1022L) {
      ASSERT_LT(ulps(result, exact), 3.0) << x;
    }
    ASSERT_GE(result, 0.0);
    ASSERT_LE(result, 1.0);
  }
  EXPECT_EQ(kernels::logistic(0.0), 0.5);
  EXPECT_EQ(kernels::logistic(infinity), 1.0);
  EXPECT_EQ(kernels::logistic(-infinity), 0.0);
  EXPECT_EQ(kernels::logistic(-1e308), 0.0);
  EXPECT_TRUE(std::isnan(kernels::logistic(nan)));
}

TEST(Logistic, OfAnArrayIsThatOfEachNumber) {
  const Matrix x = random_matrix(1, 29, 20, 2.0);
  Matrix all = x;
  kernels::logistic(all.data(), 29);
  for (Index i = 0; i < 29; ++i) {
    ASSERT_EQ(bits(all(0, i)), bits(kernels::logistic(x(0, i)))) << i;
  }
}

TEST(Softmax, SumsToOneWhateverTheSize) {
  for (const Index k : {1, 2, 3, 8, 9, 100}) {
    Matrix scores = random_matrix(6, k, 21, 2.0) * 50.0;
    scores.row(1).setConstant(1e300);
    scores.row(2).setConstant(-1e300);
    scores(3, 0) = 1e6;
    const Matrix before = scores;
    kernels::softmax(scores);
    for (Index i = 0; i < 6; ++i) {
      EXPECT_NEAR(scores.row(i).sum(), 1.0, 1e-14);
      EXPECT_GE(scores.row(i).minCoeff(), 0.0);
    }
    EXPECT_EQ(scores(1, 0), scores(1, k - 1));
    EXPECT_EQ(scores(3, 0), 1.0);
    expect_rows_independent(before, k, [](const MatrixView& rows, MatrixRef result) {
      result = rows;
      kernels::softmax(result);
    });
  }
}

TEST(Softmax, EqualsTheLongDoubleFormula) {
  Matrix scores{{0.5, -1.0, 2.0}};
  long double total = 0.0L;
  for (Index k = 0; k < 3; ++k) total += std::exp(static_cast<long double>(scores(0, k)));
  const Matrix given = scores;
  kernels::softmax(scores);
  for (Index k = 0; k < 3; ++k) {
    const long double exact = std::exp(static_cast<long double>(given(0, k))) / total;
    EXPECT_NEAR(scores(0, k), static_cast<double>(exact), 2e-16);
  }
}

}  // namespace
}  // namespace lathe
