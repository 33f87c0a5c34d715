// The ways to the components agree where they may, and each keeps to what it promises.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "lathe/ml/decomposition/pca.h"

#include "tests/ml/decomposition/pca_data.h"

namespace lathe {
namespace {

// 300 x 200 and 200 x 300: large enough for the iteration on few components of many.
TEST(Pca, TheGramMatrixGivesTheSameComponentsAsQr) {
  Vector values(200);
  for (Index k = 0; k < 200; ++k) values[k] = 10.0 / std::sqrt(1.0 + static_cast<double>(k));
  const Matrix tall = with_singular_values(300, values, 20).rowwise() + RowVector::Constant(200, 5);
  const Matrix wide = tall.transpose();
  for (const Matrix& X : {tall, wide}) {
    for (const std::int64_t k : {1, 10, 33, 150}) {
      const PcaModel full = Pca{.n_components = k, .svd_solver = PcaSolver::full}.fit(X);
      const PcaModel gram = Pca{.n_components = k}.fit(X);
      ASSERT_EQ(gram.solver(), PcaSolver::covariance_eigh);
      EXPECT_LT((gram.singular_values() - full.singular_values()).cwiseAbs().maxCoeff(), 1e-13);
      EXPECT_LT((gram.components() - full.components()).cwiseAbs().maxCoeff(), 1e-11) << k;
      EXPECT_LT((gram.mean() - full.mean()).cwiseAbs().maxCoeff(), 1e-14);
      EXPECT_NEAR(gram.noise_variance(), full.noise_variance(), 1e-14);
      EXPECT_TRUE(gram.explained_variance_ratio().isApprox(full.explained_variance_ratio(), 1e-12));
      expect_orthonormal(gram.components());
    }
  }
}

TEST(Pca, AutoTakesQrWhereASmallValueIsWanted) {
  const Matrix X = with_singular_values(60, Vector{{1.0, 0.5, 1e-3}}, 21);
  EXPECT_EQ((Pca{.n_components = 2}.fit(X).solver()), PcaSolver::covariance_eigh);
  EXPECT_EQ((Pca{.n_components = 0.9}.fit(X).solver()), PcaSolver::covariance_eigh);
  EXPECT_EQ(Pca{}.fit(X).solver(), PcaSolver::full);
  const PcaModel given = Pca{.svd_solver = PcaSolver::covariance_eigh}.fit(X);
  EXPECT_EQ(given.solver(), PcaSolver::covariance_eigh);
  EXPECT_NEAR(given.singular_values()[2], 1e-3, 1e-12);
}

// Of rank 5 among 200 columns: nothing beyond the block to tell apart.
TEST(Pca, FewDirectionsInManyColumns) {
  const Matrix X = noise(400, 5, 22) * noise(5, 200, 23);
  const PcaModel full = Pca{.n_components = 5, .svd_solver = PcaSolver::full}.fit(X);
  for (const PcaSolver solver : {PcaSolver::covariance_eigh, PcaSolver::randomized}) {
    const PcaModel model = Pca{.n_components = 5, .svd_solver = solver}.fit(X);
    EXPECT_TRUE(model.singular_values().isApprox(full.singular_values(), 1e-13));
    EXPECT_LT((model.components() - full.components()).cwiseAbs().maxCoeff(), 1e-12);
    EXPECT_LT(model.noise_variance(), 1e-13 * model.explained_variance()[0]);
    const PcaModel more = Pca{.n_components = 9, .svd_solver = solver}.fit(X);
    EXPECT_LT(more.singular_values()[8], 1e-6 * more.singular_values()[0]);
    expect_orthonormal(more.components());
  }
}

// Centring alone leaves n <= d rows without one direction, the products of two factors without
// more. Along those the vectors are still unit ones, orthogonal to all others.
TEST(Pca, DirectionsWithoutVarianceAreOrthonormalToo) {
  struct Shape {
    Index n, d, rank;
  };
  const Shape shapes[] = {{2, 2, 2},    {2, 4, 4},    {2, 300, 300}, {3, 3, 1},     {5, 5, 5},
                          {6, 7, 2},    {8, 8, 3},    {40, 4, 2},    {12, 90, 4},   {9, 2000, 1},
                          {200, 40, 7}, {60, 60, 60}, {50, 150, 20}, {140, 140, 1}, {400, 130, 9}};
  const PcaSolver solvers[] = {PcaSolver::automatic, PcaSolver::covariance_eigh,
                               PcaSolver::randomized};
  std::uint64_t seed = 40;
  for (const auto& [n, d, rank] : shapes) {
    for (const double offset : {0.0, 1e3}) {
      seed += 2;
      Matrix X = noise(n, rank, seed) * noise(rank, d, seed + 1);
      X.array() += offset;
      const Index p = std::min(n, d);
      const PcaModel full = Pca{.svd_solver = PcaSolver::full}.fit(X);
      const double largest = full.singular_values()[0];
      for (const PcaSolver solver : solvers) {
        const PcaModel model = Pca{.n_components = p, .svd_solver = solver}.fit(X);
        const Matrix gram = model.components() * model.components().transpose();
        EXPECT_LT((gram - Matrix::Identity(p, p)).cwiseAbs().maxCoeff(), 1e-12);
        EXPECT_LT((model.singular_values() - full.singular_values()).cwiseAbs().maxCoeff(),
                  1e-12 * largest)
            << n << 'x' << d << " of rank " << rank << ", solver " << static_cast<int>(solver);
        for (Index c = 1; c < p; ++c) {
          EXPECT_LE(model.singular_values()[c], model.singular_values()[c - 1]);
        }
      }
    }
  }
}

TEST(Pca, TheGramMatrixOfTwoRowsHasOneComponentWithVariance) {
  const Matrix X{{1.0, 2.0, 3.0, 5.0}, {2.0, 1.0, 7.0, 4.0}};
  const PcaModel model = Pca{.whiten = true, .svd_solver = PcaSolver::covariance_eigh}.fit(X);
  EXPECT_NEAR(model.singular_values()[0], std::sqrt(9.5), 1e-15);
  EXPECT_LT(model.explained_variance()[1], 1e-30);
  EXPECT_EQ(model.warnings().size(), 1u);
  expect_orthonormal(model.components());
}

TEST(Pca, RandomizedKeepsToItsErrorAndNeverExplainsMore) {
  Vector values(300);
  for (Index k = 0; k < 300; ++k) values[k] = 10.0 / std::sqrt(1.0 + static_cast<double>(k));
  const Matrix X = with_singular_values(500, values, 24);
  const Pca options{.n_components = 6, .svd_solver = PcaSolver::randomized, .iterated_power = 2};
  const PcaModel model = options.fit(X, {.seed = 3});
  ASSERT_EQ(model.solver(), PcaSolver::randomized);
  EXPECT_GT(model.error(), 1e-6);
  for (Index c = 0; c < 6; ++c) {
    const double short_of = values[c] - model.singular_values()[c];
    EXPECT_GT(short_of, -1e-13);
    EXPECT_LT(short_of, model.error() * values[0]);
  }
  expect_orthonormal(model.components());
  const PcaModel longer =
      Pca{.n_components = 6, .svd_solver = PcaSolver::randomized, .iterated_power = 5}.fit(X);
  EXPECT_LT(longer.error(), model.error());
  EXPECT_EQ(options.fit(X, {.seed = 3}).components(), model.components());
  EXPECT_NE(options.fit(X, {.seed = 4}).components(), model.components());
}

// A third of the columns is wanted: the Gram matrix is less work than the iterations.
TEST(Pca, RandomizedIsExactWhereThatIsCheaper) {
  const PcaModel model =
      Pca{.n_components = 20, .svd_solver = PcaSolver::randomized}.fit(noise(200, 60, 25));
  EXPECT_EQ(model.solver(), PcaSolver::covariance_eigh);
  EXPECT_EQ(model.error(), 0.0);
}

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// Of /proc/self/status, in bytes.
double memory(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(what)) return 1024.0 * std::stod(line.substr(what.size() + 1));
  }
  return 0.0;
}

// The most that a fit held beyond what there was, as a share of X; nothing where that is not told.
std::optional<double> share_of_memory(const Pca& options, const Matrix& X) {
  std::ofstream most("/proc/self/clear_refs");
  if (!(most << "5" << std::flush)) return std::nullopt;
  const double before = memory("VmRSS");
  options.fit(X);
  return (memory("VmHWM") - before) / (8.0 * static_cast<double>(X.size()));
}

TEST(Pca, WideDataTakeTwoCopiesAtMostAndFewComponentsNone) {
  const Matrix X = noise(60, 40000, 80);  // 18 MiB, to which blocks and chunks add half as much
  const auto all = share_of_memory({}, X);
  if (!all) GTEST_SKIP() << "no peak of memory";
  EXPECT_LT(*all, 3.0);
  EXPECT_LT(*share_of_memory({.n_components = 59}, X), 3.0);
  EXPECT_LT(*share_of_memory({.n_components = 3}, noise(160, 40000, 81)), 0.4);
}

#endif

}  // namespace
}  // namespace lathe
