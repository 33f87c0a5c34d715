#include "lathe/ml/core/gram.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <vector>

#include "lathe/ml/core/parallel.h"

#include "tests/ml/core/kernel_data.h"

namespace lathe {
namespace {

using LongMatrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;

constexpr double epsilon = std::numeric_limits<double>::epsilon();

LongMatrix joined(const MatrixView& X, const MatrixView& y) {
  LongMatrix all(X.rows(), X.cols() + y.cols());
  all << X.cast<long double>(), y.cast<long double>();
  return all;
}

struct Exact {
  LongMatrix mean;      // one row
  LongMatrix rest;      // what its rounding left
  LongMatrix products;  // of [X, y] about both
};

Exact exact_gram(const LongMatrix& all, const std::vector<double>& weight, bool centre) {
  LongMatrix w(all.rows(), 1);
  for (Index i = 0; i < all.rows(); ++i) {
    w(i, 0) = weight.empty() ? 1.0L : weight[static_cast<std::size_t>(i)];
  }
  Exact exact{LongMatrix::Zero(1, all.cols()), LongMatrix::Zero(1, all.cols()), {}};
  if (centre) exact.mean = w.transpose() * all / w.sum();
  LongMatrix moved = all.rowwise() - exact.mean.row(0);
  if (centre) exact.rest = w.transpose() * moved / w.sum();
  moved.rowwise() -= exact.rest.row(0);
  exact.products = moved.transpose() * w.col(0).asDiagonal() * moved;
  return exact;
}

// The largest error of a product, in units of the lengths of its two columns.
double worst(const Gram& gram, const LongMatrix& products) {
  const Index d = gram.xx.rows();
  const Index t = gram.yy.rows();
  Matrix all(d + t, d + t);
  all << gram.xx, gram.xy, gram.xy.transpose(), gram.yy;
  RowVector scale(d + t);
  scale << gram.x_scale, gram.y_scale;
  double largest = 0.0;
  for (Index i = 0; i < d + t; ++i) {
    for (Index j = 0; j < d + t; ++j) {
      const long double length = std::sqrt(products(i, i) * products(j, j));
      const long double value = static_cast<long double>(all(i, j)) / scale[i] / scale[j];
      if (length == 0.0L) {
        EXPECT_EQ(value, 0.0L);
        continue;
      }
      const double error = static_cast<double>(std::abs(value - products(i, j)) / length);
      largest = std::isnan(error) ? 1.0 : std::max(largest, error);
    }
  }
  return largest;
}

double worst_mean(const Gram& gram, const Exact& exact) {
  RowVector mean(gram.x_mean.size() + gram.y_mean.size());
  mean << gram.x_mean, gram.y_mean;
  RowVector rest(mean.size());
  rest << gram.x_mean_rest, gram.y_mean_rest;
  double largest = 0.0;
  for (Index j = 0; j < mean.size(); ++j) {
    const long double error_of_mean =
        (static_cast<long double>(mean[j]) - exact.mean(0, j)) + (rest[j] - exact.rest(0, j));
    const long double sd = std::sqrt(exact.products(j, j) / gram.weight);
    largest = std::max(largest, static_cast<double>(std::abs(error_of_mean) / sd));
  }
  return largest;
}

std::vector<double> some_weights(Index n) {
  std::vector<double> weight(static_cast<std::size_t>(n));
  Random random(3, "gram_test");
  for (double& w : weight) w = random.uniform() < 0.2 ? 0.0 : 3.0 * random.uniform();
  weight[0] = 1.0;
  return weight;
}

// Panels of all widths, one and several, both ways to divide the work.
const std::vector<Index> widths{1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 20, 23, 24, 25, 31, 50, 100, 250};

// The largest errors over shapes, weights and centring; `form` makes Gram matrices.
template <class Form>
double worst_of_shapes(std::vector<Index> targets, Form&& form) {
  double largest = 0.0;
  for (const Index d : widths) {
    for (const Index t : targets) {
      if (d > 60 && t != 1) continue;
      const Index n = d == 20 ? 2500 : d == 100 ? 5 : 137 + d;
      Matrix X = random_matrix(n, d, 1);
      X.rowwise() += 10.0 * random_matrix(1, d, 2).row(0);
      const Matrix y = random_matrix(n, t, 3);
      const LongMatrix all = joined(X, y);
      for (const bool centre : {true, false}) {
        for (const std::vector<double>& weight : {std::vector<double>(), some_weights(n)}) {
          const Gram gram = form(X, y, GramOptions{.weight = weight, .centre = centre});
          const Exact exact = exact_gram(all, weight, centre);
          largest = std::max(largest, worst(gram, exact.products));
          if (centre) largest = std::max(largest, worst_mean(gram, exact));
        }
      }
    }
  }
  return largest;
}

bool doubles_hold() {
  const auto form = [](const auto&... of) { return centred_gram(of...); };
  return worst_of_shapes({0, 1, 3}, form) < 16 * epsilon;
}

bool floats_hold() {
  const auto form = [](const auto&... of) { return rough_gram(of...).value(); };
  return worst_of_shapes({1, 3}, form) < 16 * double{std::numeric_limits<float>::epsilon()};
}

TEST(Gram, EqualsTheLongDoubleProducts) { EXPECT_TRUE(doubles_hold()); }
TEST(Gram, OfFloatsIsNearThem) { EXPECT_TRUE(floats_hold()); }

TEST(GramDeathTest, EqualsThemAtEachLevel) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const char* level : kernel_levels) {
    const auto run = [&] {
      return holds_at(level, [] { return doubles_hold() && floats_hold(); });
    };
    EXPECT_EXIT(std::_Exit(run()), testing::ExitedWithCode(42), "") << level;
  }
}

// make(): a Gram.
template <class Make>
void expect_same_bits_for_any_threads(const Make& make) {
  const int before = thread_limit();
  set_thread_limit(1);
  const Gram expected = make();
  for (const int threads : {2, 3, 5, 16}) {
    set_thread_limit(threads);
    const Gram gram = make();
    EXPECT_TRUE(same_bits(gram.xx, expected.xx)) << threads;
    EXPECT_TRUE(same_bits(gram.xy, expected.xy));
    EXPECT_TRUE(same_bits(gram.yy, expected.yy));
    EXPECT_TRUE(same_bits(gram.x_mean, expected.x_mean));
    EXPECT_TRUE(same_bits(gram.x_mean_rest, expected.x_mean_rest));
  }
  set_thread_limit(before);
}

TEST(Gram, HasTheSameBitsForAnyNumberOfThreads) {
  for (const Index d : {5, 60, 300}) {
    const Index n = d == 300 ? 1000 : 20'000;
    const Matrix X = random_matrix(n, d, 4, 2.0);
    const Matrix y = random_matrix(n, 1, 5);
    const std::vector<double> weight = some_weights(n);
    expect_same_bits_for_any_threads([&] { return centred_gram(X, y, {.weight = weight}); });
  }
}

TEST(Gram, LosesNothingToOffsetsAndScales) {
  const Index n = 5000;
  Matrix X = random_matrix(n, 12, 6);
  X.col(1).array() += 1e9;
  X.col(2) *= 1e-12;
  X.col(3) *= 1e12;
  X.col(4).array() = X.col(4).array() * 1e-3 - 1e9;
  X.col(5) = Vector::LinSpaced(n, 0.0, 1e6);  // drifts
  X.col(6).tail(n / 2).array() += 1e9;        // jumps
  X.col(7).setConstant(0.1);
  X.col(8).head(n - 1).setConstant(7.0);  // one row differs
  X.col(9).head(n - 3).array() = 1e9;     // hardly any sample of it is typical
  const Matrix y = random_matrix(n, 1, 7);
  const Gram gram = centred_gram(X, y);
  const Exact exact = exact_gram(joined(X, y), {}, true);
  EXPECT_EQ(gram.xx.row(7).cwiseAbs().maxCoeff(), 0.0) << "a constant column deviates by nothing";
  LongMatrix products = exact.products;  // its own rounding is not that of long double
  products.row(7).setZero();
  products.col(7).setZero();
  EXPECT_LT(worst(gram, products), 40 * epsilon);
}

TEST(Gram, OfFloatsHasTheSameBitsForAnyNumberOfThreads) {
  for (const Index d : {300, 600}) {
    const Matrix X = random_matrix(3000, d, 4, 2.0);
    const Matrix y = random_matrix(3000, 1, 5);
    expect_same_bits_for_any_threads([&] { return rough_gram(X, y).value(); });
  }
}

TEST(Gram, OfFloatsKeepsItsDigitsForColumnsOfAnyScale) {
  const Index n = 3000;
  Matrix X = random_matrix(n, 8, 6);
  X.col(1).array() += 1e6;
  X.col(2) *= 1e-200;
  X.col(3) *= 1e200;
  X.col(4) = Vector::LinSpaced(n, 0.0, 1e6);  // drifts
  X.col(5).setConstant(0.1);
  X.col(6) = (X.col(6).array() > 2.5).cast<double>();  // hardly ever
  const Matrix y = random_matrix(n, 1, 7);
  const Gram gram = rough_gram(X, y).value();
  Exact exact = exact_gram(joined(X, y), {}, true);
  EXPECT_EQ(gram.xx.row(5).cwiseAbs().maxCoeff(), 0.0);
  exact.products.row(5).setZero();
  exact.products.col(5).setZero();
  EXPECT_LT(worst(gram, exact.products), 1e-6);
}

TEST(Gram, OfFloatsIsNotWhereTheyDoNotHoldAColumn) {
  const Matrix y = random_matrix(3000, 1, 7);
  const Matrix X = random_matrix(3000, 3, 6);
  EXPECT_TRUE(rough_gram(X, y));
  Matrix far = X;
  far(1, 1) = 1e30;  // no row of the sample
  EXPECT_FALSE(rough_gram(far, y));
  Matrix nearly_constant = X;
  nearly_constant.col(1).setZero();
  nearly_constant(1, 1) = 1e-30;
  EXPECT_FALSE(rough_gram(nearly_constant, y));
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Matrix X_with = X;
    X_with(7, 2) = value;
    EXPECT_FALSE(rough_gram(X_with, y));
    Matrix y_with = y;
    y_with(7, 0) = value;
    EXPECT_FALSE(rough_gram(X, y_with));
  }
}

TEST(Gram, OfAStridedViewIsThatOfTheCopy) {
  const Matrix whole = random_matrix(300, 40, 8);
  const Matrix X = whole.block(3, 5, 290, 21);
  const Matrix y = whole.block(3, 30, 290, 2);
  const Gram expected = centred_gram(X, y);
  const Gram gram = centred_gram(whole.block(3, 5, 290, 21), whole.block(3, 30, 290, 2));
  EXPECT_TRUE(same_bits(gram.xx, expected.xx));
  EXPECT_TRUE(same_bits(gram.xy, expected.xy));
}

TEST(Gram, ReadsNothingBesideItsColumns) {
  const Matrix X = random_matrix(300, 5, 41);
  const Matrix y = random_matrix(300, 1, 42);
  Matrix wide = Matrix::Constant(300, 9, std::numeric_limits<double>::quiet_NaN());
  wide.middleCols(2, 5) = X;
  const Gram gram = centred_gram(wide.middleCols(2, 5), y, {});
  EXPECT_EQ(gram.xx, centred_gram(X, y, {}).xx);
  EXPECT_EQ(gram.xy, centred_gram(X, y, {}).xy);
}

TEST(Gram, ScalesWhereSquaresWouldLeaveTheRange) {
  const Matrix plain = random_matrix(400, 4, 9);
  const Matrix y = random_matrix(400, 1, 10) * 1e-200;
  Matrix X = plain;
  X.col(1) *= 0x1p-1000;
  X.col(2) *= 0x1p+1010;
  const Gram gram = centred_gram(X, y, {.scale = true});
  EXPECT_EQ(gram.x_scale[0], 1.0);
  LongMatrix products = exact_gram(joined(X, y), {}, true).products;
  EXPECT_LT(worst(gram, products), 16 * epsilon);
  EXPECT_GT(gram.xx(1, 1), 1e-10);
  EXPECT_LT(gram.xx(2, 2), 1e10);
}

TEST(Gram, RowsWithoutWeightCountForNothing) {
  Matrix X = random_matrix(50, 3, 11);
  Matrix y = random_matrix(50, 1, 12);
  std::vector<double> weight(50, 2.0);
  for (std::size_t i = 0; i < 10; ++i) weight[i] = 0.0;
  const Gram few = centred_gram(X.bottomRows(40), y.bottomRows(40));
  X.topRows(10).setConstant(1e300);
  const Gram all = centred_gram(X, y, {.weight = weight, .scale = true});
  EXPECT_EQ(all.weight, 80.0);
  EXPECT_LT((all.xx - 2.0 * few.xx).cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_LT((all.x_mean - few.x_mean).cwiseAbs().maxCoeff(), 1e-15);
}

TEST(Gram, ShowsWhatIsNotFinite) {
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    for (const Index row : {0, 57, 499}) {
      for (const Index d : {3, 8, 20, 260}) {
        Matrix X = random_matrix(500, d, 13);
        Matrix y = random_matrix(500, 1, 14);
        X(row, d - 1) = bad;
        EXPECT_FALSE(std::isfinite(centred_gram(X, y).xx(d - 1, d - 1)));
        y(row, 0) = bad;
        EXPECT_FALSE(std::isfinite(centred_gram(X, y, {.scale = true}).yy(0, 0)));
      }
    }
  }
}

TEST(Gram, MergesPartsAsThoughTheyWereOne) {
  for (const bool centre : {true, false}) {
    Matrix X = random_matrix(3000, 9, 15);
    X.rowwise() += RowVector::LinSpaced(9, -1e6, 1e6);
    X.topRows(1000).array() += 3.0;
    const Matrix y = random_matrix(3000, 2, 16);
    const std::vector<double> weight = some_weights(3000);
    const std::span<const double> all(weight);
    Gram merged;
    for (const auto& [begin, rows] : {std::pair<Index, Index>{0, 1000}, {1000, 7}, {1007, 1993}}) {
      const auto part =
          all.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(rows));
      const Gram gram = centred_gram(X.middleRows(begin, rows), y.middleRows(begin, rows),
                                     {.weight = part, .centre = centre});
      if (begin == 0) {
        merged = gram;
      } else {
        merged.merge(gram);
      }
    }
    const Exact exact = exact_gram(joined(X, y), weight, centre);
    EXPECT_LT(worst(merged, exact.products), 16 * epsilon);
    if (centre) {
      EXPECT_LT(worst_mean(merged, exact), 16 * epsilon);
    }
    EXPECT_NEAR(merged.weight, std::accumulate(weight.begin(), weight.end(), 0.0), 1e-10);
  }
}

TEST(Gram, MergesPartsOfDifferentScale) {
  Matrix X = random_matrix(200, 3, 17);
  X.col(1) *= 1e-200;
  X.bottomRows(100).col(1) *= 1e20;
  const Matrix y = random_matrix(200, 1, 18);
  Gram merged = centred_gram(X.topRows(100), y.topRows(100), {.scale = true});
  merged.merge(centred_gram(X.bottomRows(100), y.bottomRows(100), {.scale = true}));
  EXPECT_LT(worst(merged, exact_gram(joined(X, y), {}, true).products), 16 * epsilon);
}

TEST(Gram, OfOneRowIsNothing) {
  const Gram gram = centred_gram(Matrix{{3.0, 4.0}}, Matrix{{5.0}});
  EXPECT_EQ(gram.xx.cwiseAbs().maxCoeff(), 0.0);
  EXPECT_EQ(gram.x_mean[1], 4.0);
  EXPECT_EQ(gram.y_mean[0], 5.0);
  EXPECT_EQ(gram.weight, 1.0);
}

}  // namespace
}  // namespace lathe
