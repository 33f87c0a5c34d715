#include "lathe/ml/core/moments.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/random.h"

namespace lathe {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

Matrix column(const std::vector<double>& values) {
  return Eigen::Map<const Matrix>(values.data(), static_cast<Index>(values.size()), 1);
}

// The NIST sets NumAcc2 to NumAcc4: the centre, then 500 times centre - 0.1, centre + 0.1.
Matrix num_acc(double centre, double low, double high) {
  Matrix X(1001, 1);
  X(0, 0) = centre;
  for (Index i = 1; i < 1001; i += 2) {
    X(i, 0) = low;
    X(i + 1, 0) = high;
  }
  return X;
}

double correct_digits(double got, double certified) {
  if (got == certified) return 15.0;
  return std::min(15.0, -std::log10(std::abs(got - certified) / std::abs(certified)));
}

Matrix random_matrix(Index n, Index d, std::uint64_t seed) {
  Random random(seed, "moments_test");
  Matrix X(n, d);
  for (Index i = 0; i < X.size(); ++i) X.data()[i] = random.normal();
  return X;
}

void expect_same_bits(const Moments& a, const Moments& b) {
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.weight, b.weight);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.mean_rest, b.mean_rest);
  EXPECT_EQ(a.spread, b.spread);
  EXPECT_EQ(a.min, b.min);
  EXPECT_EQ(a.max, b.max);
}

TEST(Moments, OfSmallColumnsByHand) {
  const Moments m = column_moments(Matrix{{1.0, -1.0}, {2.0, 4.0}, {6.0, missing}});

  EXPECT_EQ(m.count, (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(m.weight, (Vector{{3.0, 2.0}}));
  EXPECT_EQ(m.mean, (Vector{{3.0, 1.5}}));
  EXPECT_EQ(m.min, (Vector{{1.0, -1.0}}));
  EXPECT_EQ(m.max, (Vector{{6.0, 4.0}}));
  EXPECT_DOUBLE_EQ(m.variance()[0], 14.0 / 3.0);
  EXPECT_DOUBLE_EQ(m.variance(1.0)[0], 7.0);
  EXPECT_DOUBLE_EQ(m.variance()[1], 6.25);
  EXPECT_DOUBLE_EQ(m.deviation()[1], 2.5);
}

TEST(Moments, OfNothingAreZero) {
  const Moments m = column_moments(Matrix{{missing, 5.0}, {missing, missing}});
  EXPECT_EQ(m.count[0], 0);
  EXPECT_EQ(m.mean[0], 0.0);
  EXPECT_EQ(m.min[0], 0.0);
  EXPECT_EQ(m.deviation()[0], 0.0);
  EXPECT_EQ(m.mean[1], 5.0);
  EXPECT_EQ(m.variance(1.0)[1], 0.0);  // one cell has no variance with n - 1
  EXPECT_EQ(column_moments(Matrix(0, 2)).count, (std::vector<std::int64_t>{0, 0}));
}

// Floors: the digits that survive reading the decimals as doubles (README of the sets).
TEST(Moments, ReachTheAttainableDigitsOfTheNistSets) {
  const Moments one = column_moments(column({10000001.0, 10000003.0, 10000002.0}));
  EXPECT_EQ(one.mean[0], 10000002.0);
  EXPECT_EQ(one.deviation(1.0)[0], 1.0);

  const Moments two = column_moments(num_acc(1.2, 1.1, 1.3));
  EXPECT_EQ(two.mean[0], 1.2);
  EXPECT_GE(correct_digits(two.deviation(1.0)[0], 0.1), 14.9);

  const Moments three = column_moments(num_acc(1000000.2, 1000000.1, 1000000.3));
  EXPECT_EQ(three.mean[0], 1000000.2);
  EXPECT_GE(correct_digits(three.deviation(1.0)[0], 0.1), 9.4);

  const Moments four = column_moments(num_acc(10000000.2, 10000000.1, 10000000.3));
  EXPECT_EQ(four.mean[0], 10000000.2);
  EXPECT_GE(correct_digits(four.deviation(1.0)[0], 0.1), 8.2);
}

TEST(Moments, OfLargeOffsetsAreExact) {
  std::vector<double> values;
  for (int i = 0; i < 7 * 1000; ++i) values.push_back(1e15 + i % 7);
  const Moments m = column_moments(column(values));
  EXPECT_EQ(m.mean[0], 1e15 + 3.0);
  EXPECT_EQ(m.mean_rest[0], 0.0);
  EXPECT_EQ(m.variance()[0], 4.0);
}

TEST(Moments, OfConstantColumnsHaveNoVarianceAtAll) {
  const Moments m = column_moments(Matrix::Constant(1003, 1, 0.1));
  EXPECT_EQ(m.mean[0], 0.1);
  EXPECT_EQ(m.spread[0], 0.0);
}

TEST(Moments, NeitherOverflowNorVanish) {
  for (const double scale : {0x1p1000, 0x1p-1000, 0x1p-1060, 1.0}) {
    const Moments m =
        column_moments(column({scale, 3.0 * scale, -scale, 8.0 * scale, 4.0 * scale}));
    EXPECT_EQ(m.mean[0], 3.0 * scale);
    EXPECT_DOUBLE_EQ(m.deviation()[0], std::sqrt(46.0 / 5.0) * scale);
  }
  const double most = std::numeric_limits<double>::max();
  EXPECT_EQ(column_moments(column({most, most, most})).mean[0], most);
  EXPECT_EQ(column_moments(column({most, -most})).mean[0], 0.0);
  EXPECT_EQ(column_moments(column({most, -most})).deviation()[0], most);
}

TEST(Moments, WeightsCountRows) {
  const Matrix X{{1.0, 5.0}, {2.0, missing}, {4.0, 7.0}, {100.0, 100.0}};
  const std::vector<double> weight{2.0, 1.0, 3.0, 0.0};
  const Matrix repeated{{1.0, 5.0}, {1.0, 5.0}, {2.0, missing}, {4.0, 7.0}, {4.0, 7.0}, {4.0, 7.0}};
  const Moments m = column_moments(X, weight);
  const Moments expected = column_moments(repeated);
  EXPECT_EQ(m.weight, expected.weight);
  EXPECT_EQ(m.max, expected.max);
  EXPECT_TRUE(m.mean.isApprox(expected.mean, 1e-15));
  EXPECT_TRUE(m.spread.isApprox(expected.spread, 1e-15));
}

TEST(Moments, TakeWeightsOfAnySize) {
  const Matrix X{{1.0}, {2.0}, {4.0}};
  const Moments expected = column_moments(X, std::vector<double>{1.0, 2.0, 5.0});
  for (const double scale : {0x1p-1040, 0x1p1000}) {
    const std::vector<double> weight{scale, 2.0 * scale, 5.0 * scale};
    const Moments m = column_moments(X, weight);
    EXPECT_EQ(m.mean, expected.mean);
    EXPECT_EQ(m.spread, expected.spread);
    EXPECT_EQ(m.weight[0], 8.0 * scale);
  }
}

TEST(Moments, AreTheSameForAnyNumberOfThreadsAndAnyStride) {
  Matrix X = random_matrix(2000, 600, 1);
  X(17, 3) = missing;
  const int before = thread_limit();
  set_thread_limit(1);
  const Moments serial = column_moments(X);
  for (const int threads : {2, 3, 8}) {
    set_thread_limit(threads);
    expect_same_bits(column_moments(X), serial);
  }
  set_thread_limit(before);

  Matrix wider(2000, 700);
  wider.setConstant(1e300);
  wider.middleCols(50, 600) = X;
  expect_same_bits(column_moments(wider.middleCols(50, 600)), serial);
}

TEST(Moments, MergeAsThoughTheRowsWereOneMatrix) {
  Matrix X = random_matrix(1000, 3, 2);
  X.col(1).array() += 1e9;
  X.topRows(300).col(2).array() += 50.0;
  X(5, 0) = missing;
  Moments merged = column_moments(X.topRows(300));
  merged.merge(column_moments(X.middleRows(300, 1)));
  merged.merge(column_moments(X.bottomRows(699)));
  const Moments whole = column_moments(X);
  EXPECT_EQ(merged.count, whole.count);
  EXPECT_EQ(merged.min, whole.min);
  EXPECT_EQ(merged.max, whole.max);
  EXPECT_TRUE(merged.mean.isApprox(whole.mean, 1e-15));
  EXPECT_TRUE(merged.spread.isApprox(whole.spread, 1e-14));
}

TEST(Moments, MergeAcrossScalesAndWithNothing) {
  Moments m = column_moments(Matrix{{missing, 0.0, 1e-300}, {missing, 0.0, 1e-300}});
  m.merge(column_moments(Matrix{{0x1p-1000, 0x1p-1000, 1e300}, {0x1p-999, 0x1p-999, 1e300}}));
  m.merge(column_moments(Matrix{{missing, missing, missing}}));
  EXPECT_EQ(m.count, (std::vector<std::int64_t>{2, 4, 4}));
  EXPECT_EQ(m.mean[0], 1.5 * 0x1p-1000);
  EXPECT_EQ(m.deviation()[0], 0.5 * 0x1p-1000);
  EXPECT_EQ(m.min[0], 0x1p-1000);
  EXPECT_EQ(m.mean[1], 0.75 * 0x1p-1000);
  EXPECT_DOUBLE_EQ(m.deviation()[1], std::sqrt(11.0 / 16.0) * 0x1p-1000);
  EXPECT_DOUBLE_EQ(m.mean[2], 5e299);
  EXPECT_DOUBLE_EQ(m.deviation()[2], 5e299);
}

}  // namespace
}  // namespace lathe
