#include "lathe/ml/decomposition/pca.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/estimator.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/registry.h"

#include "tests/ml/decomposition/pca_data.h"

namespace lathe {
namespace {

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

TEST(Pca, NamesItsColumns) {
  const PcaModel model = Pca{.n_components = 2}.fit(noise(5, 3, 13));
  const Schema out = model.columns_out(numeric_schema(3));
  ASSERT_EQ(out.size(), 2);
  EXPECT_EQ(out[0].name, "pca0");
  EXPECT_EQ(out[1].name, "pca1");
}

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

}  // namespace
}  // namespace lathe
