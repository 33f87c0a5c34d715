#include "lathe/ml/cluster/kmeans.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/estimator.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/core/registry.h"

namespace lathe {
namespace {

using Numbers = std::vector<std::int64_t>;

Matrix blobs(Index n, Index d, Index k, std::uint64_t seed) {
  Random random(seed, "kmeans_test");
  Matrix X(n, d);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < d; ++j) X(i, j) = 4.0 * static_cast<double>((i * (j + 2)) % k);
    for (Index j = 0; j < d; ++j) X(i, j) += random.normal();
  }
  return X;
}

std::string code_of(const KMeans& options, const Matrix& X, const Context& context = {}) {
  try {
    options.fit(X, context);
  } catch (const InvalidArgument& error) {
    return error.code();
  }
  return "none";
}

KMeans from(const Matrix& centres) { return {.n_clusters = centres.rows(), .init = centres}; }

TEST(KMeans, TwoPairsHaveTheirMiddlesAsCentres) {
  const Matrix X{{0.0, 0.0}, {0.0, 2.0}, {10.0, 0.0}, {10.0, 2.0}};

  const KMeansModel model = from(Matrix{{0.0, 0.0}, {10.0, 0.0}}).fit(X);

  EXPECT_EQ(model.cluster_centers(), (Matrix{{0.0, 1.0}, {10.0, 1.0}}));
  EXPECT_EQ(model.labels(), (Numbers{0, 0, 1, 1}));
  EXPECT_EQ(model.inertia(), 4.0);
  EXPECT_EQ(model.n_iter(), 2);
  EXPECT_TRUE(model.converged());
  EXPECT_TRUE(model.warnings().empty());
}

TEST(KMeans, OneClusterIsTheMeanAndTheTotalSumOfSquares) {
  const Matrix X = blobs(50, 3, 2, 1);
  const KMeansModel model = KMeans{.n_clusters = 1}.fit(X);
  const RowVector mean = X.colwise().mean();
  EXPECT_TRUE(model.cluster_centers().row(0).isApprox(mean, 1e-14));
  EXPECT_NEAR(model.inertia(), (X.rowwise() - mean).squaredNorm(), 1e-10);
}

TEST(KMeans, AsManyClustersAsRowsLeaveNoInertia) {
  const Matrix X{{1.0}, {5.0}, {9.0}, {2.0}};
  EXPECT_EQ((KMeans{.n_clusters = 4}.fit(X).inertia()), 0.0);
}

TEST(KMeans, TiesGoToTheLowerCluster) {
  const KMeansModel model = from(Matrix{{0.0}, {2.0}}).fit(Matrix{{0.0}, {2.0}});
  EXPECT_EQ(model.predict(Matrix{{1.0}, {1.5}, {-3.0}}), (Numbers{0, 1, 0}));
  // 0.3 is as far from 0.4 as from 0.2, though not in doubles.
  const KMeansModel decimals = from(Matrix{{0.4}, {0.2}}).fit(Matrix{{0.4}, {0.2}});
  EXPECT_EQ(decimals.predict(Matrix{{0.3}}), (Numbers{0}));
}

TEST(KMeans, InertiaNeverRisesFromOneIterationToTheNext) {
  const Matrix X = blobs(400, 5, 7, 2);
  // Three of the centres start where no row is near, and so are moved.
  Matrix centres = X.topRows(9);
  centres.bottomRows(3).array() += 1e3;
  double before = std::numeric_limits<double>::infinity();
  for (std::int64_t most = 1; most < 30; ++most) {
    KMeans options = from(centres);
    options.max_iter = most;
    options.tol = 0.0;
    const double inertia = options.fit(X).inertia();
    EXPECT_LE(inertia, before * (1.0 + 1e-13)) << most;
    before = inertia;
  }
}

TEST(KMeans, AnEmptyClusterMovesToTheFarthestRow) {
  const Matrix X{{0.0}, {1.0}, {2.0}, {9.0}};
  KMeans options = from(Matrix{{1.0}, {100.0}});
  options.max_iter = 1;
  const KMeansModel model = options.fit(X);
  EXPECT_EQ(model.cluster_centers(), (Matrix{{1.0}, {9.0}}));
  EXPECT_EQ(model.labels(), (Numbers{0, 0, 0, 1}));
}

TEST(KMeans, FewerDistinctRowsThanClustersIsAWarningAndNeverNaN) {
  const Matrix X{{1.0}, {1.0}, {1.0}, {4.0}};
  for (const auto start : {KMeansInit::kmeans_plus_plus, KMeansInit::random}) {
    const KMeansModel model = KMeans{.n_clusters = 3, .init = start}.fit(X);
    EXPECT_TRUE(model.cluster_centers().allFinite());
    EXPECT_EQ(model.inertia(), 0.0);
    ASSERT_EQ(model.warnings().size(), 1u);
    EXPECT_NE(model.warnings()[0].find("2 distinct clusters"), std::string::npos);
  }
}

TEST(KMeans, StoppingEarlyIsSaid) {
  KMeans options = from(Matrix{{0.0}, {1.0}});
  options.max_iter = 1;
  const KMeansModel model = options.fit(Matrix{{0.0}, {1.0}, {2.0}, {3.0}, {20.0}});
  EXPECT_FALSE(model.converged());
  ASSERT_EQ(model.warnings().size(), 1u);
  EXPECT_NE(model.warnings()[0].find("max_iter = 1"), std::string::npos);
}

TEST(KMeans, LabelsAreWhatPredictSays) {
  const Matrix X = blobs(500, 4, 6, 3);
  const KMeansModel model = KMeans{.n_clusters = 6, .n_init = 2, .max_iter = 3}.fit(X);
  EXPECT_EQ(model.predict(X), model.labels());
}

TEST(KMeans, WeightsCountAsRepeatedRows) {
  const Matrix X = blobs(60, 2, 3, 4);
  std::vector<double> weight;
  Matrix repeated(0, 2);
  for (Index i = 0; i < X.rows(); ++i) {
    weight.push_back(static_cast<double>(i % 4));
    for (Index r = 0; r < i % 4; ++r) {
      repeated.conservativeResize(repeated.rows() + 1, 2);
      repeated.bottomRows(1) = X.row(i);
    }
  }
  const KMeans options = from(X.topRows(3));
  const KMeansModel weighted = options.fit(X, {.weight = weight});
  const KMeansModel plain = options.fit(repeated);
  EXPECT_TRUE(weighted.cluster_centers().isApprox(plain.cluster_centers(), 1e-13));
  EXPECT_NEAR(weighted.inertia(), plain.inertia(), 1e-10);
  EXPECT_EQ(weighted.n_iter(), plain.n_iter());
}

TEST(KMeans, RowsWithoutWeightAreNeverCentres) {
  Matrix X = blobs(40, 2, 2, 5);
  std::vector<double> weight(40, 1.0);
  for (Index i = 0; i < 20; ++i) {
    X.row(i).setConstant(1e6);
    weight[static_cast<std::size_t>(i)] = 0.0;
  }
  for (const auto start : {KMeansInit::kmeans_plus_plus, KMeansInit::random}) {
    const KMeansModel model = KMeans{.n_clusters = 3, .init = start}.fit(X, {.weight = weight});
    EXPECT_LT(model.cluster_centers().maxCoeff(), 100.0);
  }
}

TEST(KMeans, AnOffsetMovesTheCentresAndNothingElse) {
  Matrix X = blobs(300, 3, 4, 6);
  X = (X * 64.0).array().round() / 64.0;  // so that adding 2^30 loses nothing
  const Matrix centres = X.topRows(4);
  const double offset = std::ldexp(1.0, 30);
  const KMeansModel near = from(centres).fit(X);
  const KMeansModel far = from(centres.array() + offset).fit(X.array() + offset);
  EXPECT_EQ(near.labels(), far.labels());
  EXPECT_EQ(near.n_iter(), far.n_iter());
  EXPECT_LT(
      (far.cluster_centers().array() - offset - near.cluster_centers().array()).abs().maxCoeff(),
      2e-7);
  EXPECT_NEAR(near.inertia(), far.inertia(), 1e-9 * near.inertia());
}

TEST(KMeans, GreedyStartsFindSeparatedBlobs) {
  Random random(7, "kmeans_test");
  Matrix X(400, 2);
  for (Index i = 0; i < 400; ++i) {
    X(i, 0) = 100.0 * static_cast<double>(i % 20) + random.normal();
    X(i, 1) = random.normal();
  }
  // 20 blobs, one start: the greedy choice finds them all, uniform rows would not.
  EXPECT_LT((KMeans{.n_clusters = 20, .n_init = 1, .random_state = 1}.fit(X).inertia()), 1e3);
}

TEST(KMeans, TheBestOfSeveralStartsIsKept) {
  const Matrix X = blobs(300, 2, 7, 8);
  const KMeans one{.n_clusters = 9, .init = KMeansInit::random, .n_init = 1, .random_state = 3};
  KMeans many = one;
  many.n_init = 20;
  EXPECT_LT(many.fit(X).inertia(), one.fit(X).inertia());
}

TEST(KMeans, SameSeedSameBitsForAnyNumberOfThreads) {
  const Matrix X = blobs(3000, 6, 5, 9);
  const int before = thread_limit();
  set_thread_limit(1);
  const KMeans options{.n_clusters = 7, .n_init = 2, .random_state = 11};
  const KMeansModel one = options.fit(X);
  for (int threads : {2, 3, 8}) {
    set_thread_limit(threads);
    const KMeansModel other = options.fit(X);
    EXPECT_EQ(one.cluster_centers(), other.cluster_centers());
    EXPECT_EQ(one.labels(), other.labels());
    EXPECT_EQ(one.inertia(), other.inertia());
  }
  set_thread_limit(before);
  EXPECT_NE(one.cluster_centers(),
            (KMeans{.n_clusters = 7, .n_init = 2, .random_state = 12}.fit(X).cluster_centers()));
}

TEST(KMeans, TheRunsSeedCountsWhereThereIsNoOther) {
  const Matrix X = blobs(300, 2, 7, 10);
  const KMeans options{.n_clusters = 9, .n_init = 1};
  const KMeansModel given = KMeans{.n_clusters = 9, .n_init = 1, .random_state = 5}.fit(X);
  EXPECT_EQ(options.fit(X, {.seed = 5}).cluster_centers(), given.cluster_centers());
}

// Rows that no cache holds, with a start: their ranges are guessed from some of them.
TEST(KMeans, LargeDataWithAStartAndWhereAGuessDoesNotHold) {
  const Index n = 43000;
  const Index d = 100;
  Matrix X = blobs(n, d, 4, 12);
  const Matrix start = X.topRows(4);
  const KMeans options{.n_clusters = 4, .init = start, .n_init = 1, .max_iter = 4};
  const std::vector<double> ones(static_cast<std::size_t>(n),
                                 1.0);  // nothing is guessed of weights
  const auto expect_right = [&] {
    const KMeansModel plain = options.fit(X);
    const KMeansModel weighted = options.fit(X, {.weight = ones});
    EXPECT_EQ(plain.labels(), weighted.labels());
    EXPECT_EQ(plain.n_iter(), weighted.n_iter());
    EXPECT_NEAR(plain.inertia(), weighted.inertia(), 1e-12 * weighted.inertia());
    EXPECT_LT((plain.cluster_centers() - weighted.cluster_centers()).cwiseAbs().maxCoeff(), 1e-13);
  };
  expect_right();
  X(n - 1, d - 1) = 1e4;
  expect_right();
  X(n - 1, d - 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(options.fit(X), InvalidArgument);
  X(n - 1, d - 1) = 1e200;
  EXPECT_THROW(options.fit(X), InvalidArgument);
}

TEST(KMeans, TransformGivesDistances) {
  const KMeansModel model =
      from(Matrix{{0.0, 0.0}, {6.0, 8.0}}).fit(Matrix{{0.0, 0.0}, {6.0, 8.0}});
  EXPECT_EQ(model.transform(Matrix{{0.0, 0.0}, {3.0, 4.0}}), (Matrix{{0.0, 10.0}, {5.0, 5.0}}));
  EXPECT_THROW(model.transform(Matrix{{1.0}}), InvalidArgument);
}

TEST(KMeans, RowsThatAreEquallyFarFromAllCentresGoToTheFirst) {
  const KMeansModel model = from(Matrix{{-1e139}, {1e139}}).fit(Matrix{{-1e139}, {1e139}});
  EXPECT_EQ(model.predict(Matrix{{1e141}, {-1e141}}), (Numbers{1, 0}));
  EXPECT_EQ(model.predict(Matrix{{1e200}, {-1e200}}), (Numbers{0, 0}));
}

TEST(KMeans, SavedAndLoadedItPredictsTheSame) {
  const Matrix X = blobs(200, 3, 4, 12);
  const KMeansModel model = KMeans{.n_clusters = 5, .max_iter = 2}.fit(X);
  OutputArchive out;
  model.save(out);
  const std::string bytes = out.bytes();
  InputArchive in(bytes, nullptr);
  const KMeansModel loaded(in);
  EXPECT_EQ(model.predict(X), loaded.predict(X));
  EXPECT_EQ(model.cluster_centers(), loaded.cluster_centers());
  EXPECT_EQ(model.inertia(), loaded.inertia());
  EXPECT_EQ(model.n_iter(), loaded.n_iter());
  EXPECT_EQ(model.converged(), loaded.converged());
  EXPECT_TRUE(loaded.labels().empty());
}

TEST(KMeans, RefusesAStateThatIsNotConsistent) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const KMeansResult good{Matrix{{1.0}}, {}, 1.0, 1, true, {}};
  std::vector<KMeansResult> bad(5, good);
  bad[0].cluster_centers(0, 0) = nan;
  bad[1].inertia = -1.0;
  bad[2].inertia = nan;
  bad[3].n_iter = 0;
  bad[4].cluster_centers.resize(0, 1);
  for (const KMeansResult& result : bad) {
    OutputArchive out;
    KMeansModel(result).save(out);
    const std::string bytes = out.bytes();
    InputArchive in(bytes, nullptr);
    EXPECT_THROW(KMeansModel{in}, CorruptData);
  }
}

TEST(KMeans, RefusesWhatItCannotCluster) {
  const Matrix X{{0.0, 0.0}, {1.0, 1.0}};
  EXPECT_EQ(code_of({.n_clusters = 0}, X), "O001");
  EXPECT_EQ(code_of({.n_clusters = 2, .n_init = 0}, X), "O001");
  EXPECT_EQ(code_of({.n_clusters = 2, .max_iter = 0}, X), "O001");
  EXPECT_EQ(code_of({.n_clusters = 2, .tol = -1.0}, X), "O001");
  EXPECT_EQ(code_of({.n_clusters = 2, .random_state = -1}, X), "O001");
  EXPECT_EQ(code_of({.n_clusters = 3}, X), "K001");
  const std::vector<double> weight{1.0, 0.0};
  EXPECT_EQ(code_of({.n_clusters = 2}, X, {.weight = weight}), "K001");
  EXPECT_EQ(code_of({.n_clusters = 2, .init = Matrix{{0.0, 0.0}}}, X), "K002");
  EXPECT_EQ(code_of({.n_clusters = 2, .init = Matrix{{0.0}, {1.0}}}, X), "K002");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(code_of({.n_clusters = 2, .init = Matrix{{0.0, 0.0}, {nan, 1.0}}}, X), "O001");
  EXPECT_EQ(code_of({.n_clusters = 2}, X * 1e141), "X008");
  EXPECT_EQ(code_of({.n_clusters = 2}, X * 1e-141), "X008");
  EXPECT_EQ(code_of({.n_clusters = 2}, X * nan), "X002");
  EXPECT_EQ(code_of({.n_clusters = 2}, Matrix(0, 2)), "X001");
}

TEST(KMeans, TextFormReadsBack) {
  constexpr EstimatorEntry entries[] = {registry_entry<KMeans, KMeansModel>(Role::clusterer)};
  const Registry registry(entries);
  for (const KMeans& options :
       {KMeans{}, KMeans{.n_clusters = 3, .init = KMeansInit::random, .random_state = 4},
        KMeans{.n_clusters = 2, .init = Matrix{{0.5, 1.0}, {2.0, 3.0}}, .tol = 0.0}}) {
    const std::string text = Estimator(options).text();
    EXPECT_TRUE(make_estimator(text, registry) == Estimator(options)) << text;
  }
  EXPECT_FALSE((KMeans{} == KMeans{.init = KMeansInit::random}));
  EXPECT_FALSE((KMeans{} == from(Matrix{{1.0}})));
  EXPECT_FALSE((from(Matrix{{1.0}}) == from(Matrix{{1.0, 2.0}})));
}

}  // namespace
}  // namespace lathe
