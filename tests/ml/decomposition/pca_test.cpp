#include "lathe/ml/decomposition/pca.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include <Eigen/QR>
#include <gtest/gtest.h>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/estimator.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/core/registry.h"

namespace lathe {
namespace {

Matrix noise(Index n, Index d, std::uint64_t seed) {
  Random random(seed, "pca_test");
  Matrix X(n, d);
  for (double& x : X.reshaped()) x = random.normal();
  return X;
}

// Rows with columns of mean 0 whose singular values are known: U diag(values) V'.
Matrix with_singular_values(Index n, const Vector& values, std::uint64_t seed) {
  const Index d = values.size();
  Matrix start = noise(n, d + 1, seed);
  start.col(0).setOnes();
  const Eigen::MatrixXd left = start;
  const Eigen::MatrixXd U = Eigen::HouseholderQR<Eigen::MatrixXd>(left).householderQ() *
                            Eigen::MatrixXd::Identity(n, d + 1);
  const Eigen::MatrixXd right = noise(d, d, seed + 1);
  const Eigen::MatrixXd V = Eigen::HouseholderQR<Eigen::MatrixXd>(right).householderQ();
  return U.rightCols(d) * values.asDiagonal() * V.transpose();
}

void expect_orthonormal(const Matrix& components) {
  const Matrix gram = components * components.transpose();
  EXPECT_LT((gram - Matrix::Identity(gram.rows(), gram.rows())).cwiseAbs().maxCoeff(), 1e-14);
}

std::string code_of(const Pca& options, const Matrix& X, const Context& context = {}) {
  try {
    options.fit(X, context);
  } catch (const Error& error) {
    return error.code();
  }
  return "none";
}

TEST(Pca, PointsOnALineHaveOneComponent) {
  const Matrix X{{0.0, 1.0}, {3.0, 5.0}, {6.0, 9.0}};  // along (3, 4) / 5, 5 apart

  const PcaModel model = Pca{}.fit(X);

  EXPECT_TRUE(model.mean().isApprox(Vector{{3.0, 5.0}}, 1e-15));
  EXPECT_NEAR(std::abs(model.components()(0, 0)), 0.6, 1e-15);
  EXPECT_NEAR(std::abs(model.components()(0, 1)), 0.8, 1e-15);
  EXPECT_NEAR(model.singular_values()[0], std::sqrt(50.0), 1e-14);
  EXPECT_NEAR(model.explained_variance()[0], 25.0, 1e-13);
  EXPECT_NEAR(model.explained_variance_ratio()[0], 1.0, 1e-15);
  EXPECT_LT(model.singular_values()[1], 1e-14);
  EXPECT_NEAR(std::abs(model.transform(X)(0, 0)), 5.0, 1e-14);
  expect_orthonormal(model.components());
}

TEST(Pca, TheLeadingScoreOfEachComponentIsPositive) {
  const Matrix X = noise(40, 5, 1);
  const Matrix scores = Pca{}.fit(X).transform(X);
  for (Index c = 0; c < 5; ++c) {
    Index row = 0;
    scores.col(c).cwiseAbs().maxCoeff(&row);
    EXPECT_GT(scores(row, c), 0.0);
  }
}

TEST(Pca, KnownSingularValuesComeBackToTheLastDigits) {
  for (const Index n : {12, 60, 500}) {
    Vector values(8);
    for (Index k = 0; k < 8; ++k) values[k] = std::pow(10.0, -static_cast<double>(k) / 2.0);
    const PcaModel model =
        Pca{.svd_solver = PcaSolver::full}.fit(with_singular_values(n, values, 2));
    EXPECT_LT((model.singular_values() - values).cwiseAbs().maxCoeff(), 2e-15) << n;
    expect_orthonormal(model.components());
  }
}

// Scaling columns by powers of two is exact, so the values of X D are those of the small problem in
// which each column is orthogonal to the others: their norms.
TEST(Pca, ColumnsThatDifferByScaleAloneKeepTheirDigits) {
  const Index d = 6;
  const Matrix flat = with_singular_values(50, Vector::Ones(d), 3);
  Matrix graded = flat;
  for (Index j = 0; j < d; ++j)
    graded.col(j) *= std::ldexp(1.0, static_cast<int>(8 * ((j * 5) % d)));

  const PcaModel model = Pca{}.fit(graded);

  for (Index k = 0; k < d; ++k) {
    const double expected = std::ldexp(1.0, static_cast<int>(8 * (d - 1 - k)));
    EXPECT_NEAR(model.singular_values()[k] / expected, 1.0, 1e-13) << k;
  }
  expect_orthonormal(model.components());
}

TEST(Pca, FewRowsKeepTheDigitsOfSmallColumnsToo) {
  // Columns that are multiples of three orthogonal contrasts, the smallest of them twice.
  const Matrix contrasts{{1.0, 1.0, 1.0}, {1.0, -1.0, -1.0}, {-1.0, 1.0, -1.0}, {-1.0, -1.0, 1.0}};
  Matrix X = Matrix::Zero(4, 8);
  X.col(1) = 1e-6 * contrasts.col(0);
  X.col(3) = contrasts.col(1);
  X.col(5) = 1e6 * contrasts.col(2);
  X.col(7) = X.col(1);
  const PcaModel model = Pca{.n_components = 3}.fit(X);
  EXPECT_NEAR(model.singular_values()[0] / 2e6, 1.0, 1e-13);
  EXPECT_NEAR(model.singular_values()[1] / 2.0, 1.0, 1e-13);
  EXPECT_NEAR(model.singular_values()[2] / (2e-6 * std::sqrt(2.0)), 1.0, 1e-13);
}

TEST(Pca, MoreColumnsThanRowsExplainEverythingWithOneComponentLess) {
  const Matrix X = noise(7, 30, 4);
  const PcaModel model = Pca{}.fit(X);
  EXPECT_EQ(model.n_components(), 7);
  EXPECT_LT(model.singular_values()[6], 1e-14 * model.singular_values()[0]);
  EXPECT_NEAR(model.explained_variance_ratio().sum(), 1.0, 1e-14);
  EXPECT_NEAR(model.explained_variance().sum(),
              (X.rowwise() - X.colwise().mean()).squaredNorm() / 6.0, 1e-12);
  expect_orthonormal(model.components());
  EXPECT_TRUE(model.inverse_transform(model.transform(X)).isApprox(X, 1e-13));
}

TEST(Pca, AnOffsetOfABillionChangesTheMeanOnly) {
  Matrix X = (noise(100, 4, 5) * 64.0).array().round() / 64.0;
  const double offset = std::ldexp(1.0, 30);
  const Matrix moved = X.array() + offset;
  const PcaModel near = Pca{}.fit(X);
  const PcaModel far = Pca{}.fit(moved);
  EXPECT_TRUE(near.singular_values().isApprox(far.singular_values(), 1e-14));
  EXPECT_TRUE(near.components().isApprox(far.components(), 1e-13));
  EXPECT_LT((far.transform(moved) - near.transform(X)).cwiseAbs().maxCoeff(), 1e-6);
}

// An offset that leaves the cells as they were: multiples of a unit that sums keep as well.
TEST(Pca, NoOffsetCostsDigitsOfTheSingularValues) {
  struct Shape {
    Index n, d;
  };
  std::uint64_t seed = 60;
  for (const auto& [n, d] : {Shape{2, 2}, Shape{2, 5}, Shape{7, 30}, Shape{20, 90}, Shape{60, 6}}) {
    const Matrix X = (noise(n, d, ++seed) * 64.0).array().round() / 4.0;
    for (const PcaSolver solver : {PcaSolver::automatic, PcaSolver::full,
                                   PcaSolver::covariance_eigh, PcaSolver::randomized}) {
      const Index p = std::min(n, d);
      const Pca options{.n_components = p, .svd_solver = solver, .iterated_power = 20};
      const PcaModel near = options.fit(X);
      const double largest = near.singular_values()[0];
      for (const int power : {10, 30, 40, 45, 50}) {
        const Matrix moved = X.array() + std::ldexp(1.0, power);
        const PcaModel far = options.fit(moved);
        EXPECT_LT((far.singular_values() - near.singular_values()).cwiseAbs().maxCoeff(),
                  1e-13 * largest)
            << n << 'x' << d << ", solver " << static_cast<int>(solver) << ", 2^" << power;
        // Scores are about the mean as a double: their lengths would not tell.
        const Matrix centred = X.rowwise() - X.colwise().mean();
        const Vector lengths = (centred * far.components().transpose()).colwise().norm();
        EXPECT_LT((lengths - near.singular_values()).cwiseAbs().maxCoeff(), 1e-13 * largest);
        EXPECT_LT(far.error(), 1e-14);
      }
    }
  }
}

TEST(Pca, ConstantAndDuplicatedColumnsHaveNoVarianceOfTheirOwn) {
  Matrix X = noise(50, 5, 6);
  X.col(1).setConstant(1e9 + 0.1);
  X.col(3) = X.col(0);
  const PcaModel model = Pca{}.fit(X);
  EXPECT_EQ((model.singular_values().array() < 1e-13).count(), 2);
  expect_orthonormal(model.components());
  EXPECT_TRUE(model.transform(X).allFinite());
}

TEST(Pca, ConstantDataHasNoVarianceAndNoNaN) {
  const PcaModel model = Pca{.whiten = true}.fit(Matrix::Constant(4, 3, 2.5));
  EXPECT_EQ(model.singular_values(), Vector::Zero(3));
  EXPECT_EQ(model.explained_variance_ratio(), Vector::Zero(3));
  EXPECT_EQ(model.components(), Matrix::Identity(3, 3));
  EXPECT_EQ(model.transform(Matrix{{3.0, 2.5, 2.5}}), (Matrix{{0.5, 0.0, 0.0}}));
  EXPECT_EQ(model.warnings().size(), 1u);
}

TEST(Pca, AShareTakesTheFewestComponentsAboveIt) {
  // Variances 16, 4, 1 of 21 parts: shares 0.762, 0.952, 1.
  const Matrix X = with_singular_values(30, Vector{{4.0, 2.0, 1.0}}, 7);
  const auto count = [&](double share) { return Pca{.n_components = share}.fit(X).n_components(); };
  EXPECT_EQ(count(0.5), 1);
  EXPECT_EQ(count(0.8), 2);
  EXPECT_EQ(count(0.96), 3);
  EXPECT_EQ(count(1.0), 3);
}

TEST(Pca, NoiseVarianceIsTheMeanOfWhatIsLeftOut) {
  const Matrix X = with_singular_values(30, Vector{{4.0, 2.0, 1.0}}, 8);
  EXPECT_NEAR((Pca{.n_components = 1}.fit(X).noise_variance()), 2.5 / 29.0, 1e-15);
  EXPECT_EQ(Pca{}.fit(X).noise_variance(), 0.0);
}

TEST(Pca, WhitenedScoresHaveUnitVariance) {
  const Matrix X = noise(200, 3, 9) * Vector{{1e-3, 1.0, 1e3}}.asDiagonal();
  const PcaModel model = Pca{.whiten = true}.fit(X);
  const Matrix scores = model.transform(X);
  const Matrix covariance = scores.transpose() * scores / 199.0;
  EXPECT_LT((covariance - Matrix::Identity(3, 3)).cwiseAbs().maxCoeff(), 1e-10);
  EXPECT_TRUE(model.inverse_transform(scores).isApprox(X, 1e-13));
  EXPECT_TRUE(model.warnings().empty());
}

TEST(Pca, TinyAndHugeDataAreTheSameProblem) {
  const Matrix X = noise(20, 3, 10);
  const PcaModel plain = Pca{}.fit(X);
  for (int exponent : {-400, 400}) {
    const PcaModel scaled = Pca{}.fit(X * std::ldexp(1.0, exponent));
    EXPECT_EQ(plain.components(), scaled.components());
    EXPECT_EQ(plain.singular_values() * std::ldexp(1.0, exponent), scaled.singular_values());
  }
}

TEST(Pca, SameBitsForAnyNumberOfThreadsAndAnyBatch) {
  const Matrix X = noise(700, 150, 11);
  const int before = thread_limit();
  for (const PcaSolver solver :
       {PcaSolver::full, PcaSolver::covariance_eigh, PcaSolver::randomized}) {
    for (const Matrix& data : {X, Matrix(X.transpose())}) {
      const Pca options{.n_components = 5, .svd_solver = solver, .iterated_power = 1};
      set_thread_limit(1);
      const PcaModel one = options.fit(data);
      ASSERT_EQ(one.solver(), solver);
      const Matrix scores = one.transform(data);
      for (int threads : {2, 3, 5, 16}) {
        set_thread_limit(threads);
        const PcaModel other = options.fit(data);
        EXPECT_EQ(one.components(), other.components());
        EXPECT_EQ(scores, other.transform(data));
      }
      for (Index i = 0; i < 50; ++i) EXPECT_EQ(one.transform(data.row(i)), scores.row(i));
    }
  }
  set_thread_limit(before);
}

TEST(Pca, SavedAndLoadedItTransformsTheSame) {
  const Matrix X = noise(60, 6, 12);
  const PcaModel model = Pca{.n_components = 3, .whiten = true}.fit(X);
  OutputArchive out;
  model.save(out);
  const std::string bytes = out.bytes();
  InputArchive in(bytes, nullptr);
  const PcaModel loaded(in);
  EXPECT_EQ(model.transform(X), loaded.transform(X));
  EXPECT_EQ(model.inverse_transform(X.leftCols(3)), loaded.inverse_transform(X.leftCols(3)));
  EXPECT_EQ(model.explained_variance(), loaded.explained_variance());
  EXPECT_EQ(model.noise_variance(), loaded.noise_variance());
}

TEST(Pca, RefusesAStateThatIsNotConsistent) {
  const Vector one = Vector::Ones(1);
  const PcaResult good{
      Vector::Zero(2), Matrix{{1.0, 0.0}}, one, one, one, one, 0.0, PcaSolver::full, 0.0, {}};
  std::vector<PcaResult> bad(9, good);
  bad[0].mean = Vector::Zero(1);
  bad[1].scale = Vector::Zero(1);
  bad[2].components(0, 0) = std::numeric_limits<double>::infinity();
  bad[3].explained_variance = Vector::Ones(2);
  bad[4].singular_values[0] = -1.0;
  bad[5].noise_variance = -1.0;
  bad[6].components.resize(0, 2);
  bad[7].solver = PcaSolver::automatic;
  bad[8].error = -1.0;
  for (const PcaResult& result : bad) {
    OutputArchive out;
    PcaModel(result).save(out);
    const std::string bytes = out.bytes();
    InputArchive in(bytes, nullptr);
    EXPECT_THROW(PcaModel{in}, CorruptData);
  }
}

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

TEST(Pca, NamesItsColumns) {
  const PcaModel model = Pca{.n_components = 2}.fit(noise(5, 3, 13));
  const Schema out = model.columns_out(numeric_schema(3));
  ASSERT_EQ(out.size(), 2);
  EXPECT_EQ(out[0].name, "pca0");
  EXPECT_EQ(out[1].name, "pca1");
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

TEST(Pca, RefusesWhatItCannotDecompose) {
  const Matrix X = noise(4, 3, 14);
  EXPECT_EQ(code_of({}, X.topRows(1)), "N001");
  EXPECT_EQ(code_of({.n_components = std::int64_t{4}}, X), "N002");
  EXPECT_EQ(code_of({.n_components = std::int64_t{3}}, X.topRows(2)), "N002");
  EXPECT_EQ(code_of({.n_components = 0.5, .svd_solver = PcaSolver::randomized}, X), "N003");
  EXPECT_EQ(code_of({.n_components = std::int64_t{0}}, X), "O001");
  EXPECT_EQ(code_of({.n_components = 1.5}, X), "O001");
  EXPECT_EQ(code_of({.n_components = 0.0}, X), "O001");
  EXPECT_EQ(code_of({}, X * 1e145), "X008");
  EXPECT_EQ(code_of({}, X * std::numeric_limits<double>::quiet_NaN()), "X002");
  const std::vector<double> weight(4, 1.0);
  EXPECT_EQ(code_of({}, X, {.weight = weight}), "W003");
  const PcaModel model = Pca{}.fit(X);
  EXPECT_THROW(model.transform(X.leftCols(2)), InvalidArgument);
  EXPECT_THROW(model.inverse_transform(X.leftCols(2)), InvalidArgument);
}

TEST(Pca, TextFormReadsBack) {
  constexpr EstimatorEntry entries[] = {registry_entry<Pca, PcaModel>(Role::transformer)};
  const Registry registry(entries);
  for (const Pca& options : {Pca{}, Pca{.n_components = std::int64_t{2}, .whiten = true},
                             Pca{.n_components = 0.95, .svd_solver = PcaSolver::full}}) {
    const std::string text = Estimator(options).text();
    EXPECT_TRUE(make_estimator(text, registry) == Estimator(options)) << text;
  }
}

// The score of row i along the first component.
double first_score(const PcaModel& model, const Matrix& X, Index i) {
  return model.transform(X)(i, 0);
}

TEST(Pca, TheScoreOfLargestSizeIsPositive) {
  Matrix X = noise(3000, 6, 21);
  X.col(2) *= 4.0;
  for (const double sign : {-1.0, 1.0}) {
    for (const Index row : {0, 700, 2999}) {
      for (const double offset : {0.0, 1e6, 1e13}) {
        Matrix moved = X;
        moved(row, 2) = sign * 60.0;
        moved.array() += offset;
        const PcaModel model = Pca{.n_components = 2}.fit(moved);
        EXPECT_GT(first_score(model, moved, row), 50.0) << sign << ' ' << row << ' ' << offset;
      }
    }
  }
}

TEST(Pca, OfTwoScoresThatDifferInSignAloneTheFirstIsPositive) {
  for (const Index far : {1, 600}) {  // in one block of rows, and in two
    for (const double sign : {-1.0, 1.0}) {
      Matrix X = Matrix::Zero(1000, 2);
      X(0, 0) = sign;
      X(far, 0) = -sign;
      X(2, 1) = 0.25;
      X(3, 1) = -0.25;
      EXPECT_GT(first_score(Pca{.n_components = 1}.fit(X), X, 0), 0.5);
    }
  }
}

TEST(Pca, OfScoresThatDifferByLittleTheLargerIsPositive) {
  for (const double step : {1e-6, 1e-9, 1e-12}) {
    for (const double offset : {0.0, 3.0}) {
      Matrix X = 1e-9 * noise(700, 20, 22);
      X.col(7).setZero();
      X(5, 7) = 1.0;
      X(650, 7) = -(1.0 + step);
      X.array() += offset;
      const PcaModel model = Pca{.n_components = 1}.fit(X);
      EXPECT_GT(first_score(model, X, 650), 0.5) << step << ' ' << offset;
    }
  }
}

}  // namespace
}  // namespace lathe
