#include "lathe/ml/core/moments.h"

#include <algorithm>
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

struct Reference {
  long double mean = 0.0L;  // from the heaviest cell
  long double deviation = 0.0L;
  double heaviest = 0.0;
};

// In long doubles, about the heaviest cell, and then about the mean.
Reference reference(const Matrix& X, Index j, const std::vector<double>& weight) {
  const auto each = [&](auto body) {
    for (Index i = 0; i < X.rows(); ++i) {
      if (!std::isnan(X(i, j))) body(X(i, j), weight[static_cast<std::size_t>(i)]);
    }
  };
  Reference r;
  double most = 0.0;
  each([&](double x, double w) {
    if (w > most) r.heaviest = x;
    most = std::max(most, w);
  });
  long double total = 0.0L;
  each([&](double x, double w) {
    total += w;
    r.mean += (static_cast<long double>(x) - r.heaviest) * w;
  });
  r.mean /= total;
  long double squares = 0.0L;
  each([&](double x, double w) {
    const long double d = static_cast<long double>(x) - r.heaviest - r.mean;
    squares += d * d * w;
  });
  r.deviation = std::sqrt(squares / total);
  return r;
}

void expect_right(const Matrix& X, const std::vector<double>& weight) {
  const Moments m = column_moments(X, weight);
  const Vector deviation = m.deviation();
  for (Index j = 0; j < X.cols(); ++j) {
    const Reference right = reference(X, j, weight);
    const long double off =
        m.mean[j] - static_cast<long double>(right.heaviest) + m.mean_rest[j] - right.mean;
    EXPECT_LE(std::abs(off), 1e-13L * right.deviation) << j;
    EXPECT_LE(std::abs(deviation[j] - right.deviation), 1e-13L * right.deviation) << j;
  }
}

TEST(Moments, TakeWeightsOfVeryDifferentSize) {
  for (const double light : {1e-2, 1e-6, 1e-12, 1e-15, 1e-30, 1e-100, 1e-300}) {
    expect_right(column({0.1, 1.3}), {1.0, light});
    expect_right(column({0.1, 1.3}), {light, 1.0});
    for (const Index n : {5, 70, 3000}) {
      Matrix X = random_matrix(n, 11, 4);
      std::vector<double> weight;
      Random random(5, "moments_test");
      for (Index i = 0; i < n; ++i) weight.push_back((0.5 + random.uniform()) * light);
      for (const Index heavy : {Index{0}, n / 2, n - 1}) {
        std::vector<double> one = weight;
        one[static_cast<std::size_t>(heavy)] = 0.7;
        expect_right(X, one);
        // Heavy rows that are closer together, and of which some cells are missing.
        std::vector<double> some = one;
        Matrix Y = X;
        for (Index i = 0; i < n; i += 3) {
          some[static_cast<std::size_t>(i)] = 0.1 + random.uniform();
          Y.row(i) *= light;
          Y(i, 3) = missing;
        }
        expect_right(Y, some);
      }
    }
  }
}

// Where squares of deviations, times weights, would leave the range of doubles.
TEST(Moments, TakeSmallWeightsOfCellsOfAnySize) {
  for (const double scale : {0x1p-900, 0x1p-199, 0x1p-60, 1.0, 0x1p199, 0x1p900, 0x1p1020}) {
    for (const double light : {0x1p-20, 0x1p-200, 0x1p-990}) {
      const Moments m =
          column_moments(column({0.0, scale, -scale}), std::vector{1.0, light, light});
      const double deviation = std::sqrt(2.0 * light / (1.0 + 2.0 * light));
      EXPECT_EQ(m.mean[0], 0.0);
      if (scale * deviation < 0x1p-1022) continue;
      EXPECT_NEAR(m.deviation()[0] / scale / deviation, 1.0, 1e-15) << scale << " " << light;
    }
  }
}

TEST(Moments, SumsOfManyWeightsDoNotDrift) {
  const Index n = 300000;
  const Matrix X = random_matrix(n, 3, 6);
  const Moments m = column_moments(X, std::vector<double>(static_cast<std::size_t>(n), 0.1));
  const Moments expected = column_moments(X);
  for (Index j = 0; j < 3; ++j) {
    EXPECT_NEAR(m.weight[j], 0.1 * static_cast<double>(n), 1e-10);
    EXPECT_NEAR(m.deviation()[j], expected.deviation()[j], 1e-15);
    EXPECT_NEAR(m.mean[j], expected.mean[j], 1e-15);
  }
}

TEST(Moments, OfColumnsThatLeaveTheirFirstRowsForGood) {
  Matrix X = random_matrix(60000, 3, 7);
  X.col(1).array() += 1e6;
  X.topRows(64).array() -= 1e6;
  expect_right(X, std::vector<double>(60000, 1.0));
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
  std::vector<double> uneven(2000, 1e-12);
  uneven[1000] = 1.0;
  set_thread_limit(1);
  const Moments weighted = column_moments(X, uneven);
  for (const int threads : {2, 3, 5, 16}) {
    set_thread_limit(threads);
    expect_same_bits(column_moments(X, uneven), weighted);
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
