#include "lathe/evaluation/metrics_clustering.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/random.h"

#include "tests/evaluation/error_code.h"

namespace lathe {
namespace {

TEST(Silhouette, OfTwoPairsOnALine) {
  const Matrix X{{0.0}, {1.0}, {5.0}, {6.0}};
  const Labels clusters({0, 0, 1, 1});

  const Vector samples = silhouette_samples(X, clusters);

  EXPECT_DOUBLE_EQ(samples[0], (5.5 - 1.0) / 5.5);
  EXPECT_DOUBLE_EQ(samples[1], (4.5 - 1.0) / 4.5);
  EXPECT_DOUBLE_EQ(silhouette_score(X, clusters), (2 * 4.5 / 5.5 + 2 * 3.5 / 4.5) / 4.0);
}

TEST(Silhouette, TakesTheNearestOfTheOtherClusters) {
  const Matrix X{{0.0}, {2.0}, {3.0}, {10.0}, {11.0}};
  const Vector samples = silhouette_samples(X, {0, 0, 1, 2, 2});
  EXPECT_DOUBLE_EQ(samples[1], (1.0 - 2.0) / 2.0);
  EXPECT_EQ(samples[2], 0.0);  // alone in its cluster
}

TEST(Silhouette, OfIdenticalRowsIsZero) {
  EXPECT_EQ(silhouette_score(Matrix::Ones(4, 2), {0, 0, 1, 1}), 0.0);
}

TEST(Silhouette, FarFromTheOriginLosesNothing) {
  const Matrix X{{0.0}, {1.0}, {5.0}, {6.0}};
  const Matrix far = X.array() + 1e12;
  const Labels clusters({0, 0, 1, 1});
  EXPECT_EQ(silhouette_score(far, clusters), silhouette_score(X, clusters));
}

TEST(Silhouette, SameBitsForAnyNumberOfThreads) {
  const Index n = 700;
  Matrix X(n, 3);
  std::vector<int> values;
  Random random(1, "silhouette test");
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < 3; ++j) X(i, j) = random.normal();
    values.push_back(static_cast<int>(random.below(4)));
  }
  const Labels clusters{std::span<const int>(values)};

  const int before = thread_limit();
  set_thread_limit(1);
  const Vector alone = silhouette_samples(X, clusters);
  set_thread_limit(3);
  EXPECT_EQ(alone, silhouette_samples(X, clusters));
  set_thread_limit(before);

  // Against the definition, row by row.
  for (const Index i : {Index{0}, Index{311}, n - 1}) {
    std::vector<double> total(4, 0.0), count(4, 0.0);
    for (Index j = 0; j < n; ++j) {
      const auto c = static_cast<std::size_t>(clusters[j]);
      total[c] += (X.row(i) - X.row(j)).norm();
      count[c] += 1.0;
    }
    const auto own = static_cast<std::size_t>(clusters[i]);
    const double within = total[own] / (count[own] - 1.0);
    double nearest = 1e300;
    for (std::size_t c = 0; c < 4; ++c) {
      if (c != own) nearest = std::min(nearest, total[c] / count[c]);
    }
    EXPECT_NEAR(alone[i], (nearest - within) / std::max(nearest, within), 1e-13);
  }
}

TEST(Silhouette, RefusesOneClusterAndAsManyAsRows) {
  const Matrix X = Matrix::Identity(3, 3);
  EXPECT_EQ(code_of([&] { silhouette_score(X, {0, 0, 0}); }), "Q010");
  EXPECT_EQ(code_of([&] { silhouette_score(X, {0, 1, 2}); }), "Q010");
  EXPECT_EQ(code_of([&] { silhouette_score(X, {0, 1}); }), "Q002");
  EXPECT_EQ(code_of([&] {
              silhouette_score(Matrix::Constant(3, 1, std::nan("")), {0, 0, 1});
            }),
            "Q003");
}

TEST(AdjustedRand, RenamedClustersAreTheSame) {
  EXPECT_EQ(adjusted_rand_score({0, 0, 1, 1}, {"x", "x", "a", "a"}), 1.0);
  EXPECT_EQ(adjusted_rand_score({0, 0, 0}, {5, 5, 5}), 1.0);
  EXPECT_EQ(adjusted_rand_score({0, 1, 2}, {2, 1, 0}), 1.0);
}

TEST(AdjustedRand, ByTheFormulaOfHubertAndArabie) {
  // Contingency table [[2 0 0] [0 1 1] [0 1 2]]: sum of pairs 1 + 1, rows 1 + 1 + 3, columns 1 + 1
  // + 3.
  const double expected = 5.0 * 5.0 / 21.0;
  EXPECT_DOUBLE_EQ(adjusted_rand_score({0, 0, 1, 1, 2, 2, 2}, {0, 0, 1, 2, 2, 2, 1}),
                   (2.0 - expected) / (5.0 - expected));
}

TEST(AdjustedRand, MayBeNegative) {
  EXPECT_DOUBLE_EQ(adjusted_rand_score({0, 0, 1, 1}, {0, 1, 0, 1}), -0.5);
}

TEST(AdjustedRand, RefusesOtherLengths) {
  EXPECT_EQ(code_of([] { adjusted_rand_score({0, 1}, {0}); }), "Q002");
}

}  // namespace
}  // namespace lathe
