#include "lathe/ml/linear/linear_regression.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/model_file.h"
#include "lathe/ml/registry.h"

#include "tests/ml/linear/linear_data.h"
#include "tests/ml/linear/nist.h"

namespace lathe {
namespace {

TEST(LinearRegression, RecoversALine) {
  const Matrix X{{0.0}, {1.0}, {3.0}};
  const LinearRegressionModel model = LinearRegression{}.fit(X, Vector{{5.0, 7.0, 11.0}});
  EXPECT_EQ(model.coef()(0, 0), 2.0);
  EXPECT_EQ(model.intercept()[0], 5.0);
  EXPECT_EQ(model.predict(Matrix{{10.0}})(0, 0), 25.0);
  EXPECT_EQ(model.rank(), 1);
  EXPECT_TRUE(model.converged());
  EXPECT_THAT(model.warnings(), testing::IsEmpty());
}

TEST(LinearRegression, WithoutInterceptGoesThroughTheOrigin) {
  const LinearRegressionModel model =
      LinearRegression{.fit_intercept = false}.fit(Matrix{{1.0}, {2.0}}, Vector{{3.0, 4.0}});
  EXPECT_NEAR(model.coef()(0, 0), 11.0 / 5.0, 1e-15);
  EXPECT_EQ(model.intercept()[0], 0.0);
  EXPECT_EQ(model.summary().intercept_standard_error[0], 0.0);
  EXPECT_NEAR(model.summary().r_squared[0], 1.0 - 0.8 / 25.0, 1e-15);  // about 0, not the mean
}

TEST(LinearRegression, OneRowGivesItsTarget) {
  const LinearRegressionModel model = LinearRegression{}.fit(Matrix{{1.0, 2.0}}, Vector{{3.0}});
  EXPECT_EQ(model.coef(), Matrix(Matrix::Zero(1, 2)));
  EXPECT_EQ(model.intercept()[0], 3.0);
  EXPECT_TRUE(std::isnan(model.summary().residual_sd[0]));
}

struct NistFloor {
  const char* name;
  nist::Certified data;
  double coef;
  double standard_error;
};

void expect_digits(const char* what, double got, double certified, double floor) {
  EXPECT_GE(digits(got, certified), floor) << what << ": " << got << " for " << certified;
}

TEST(LinearRegression, ReachesTheLastDigitOfNistsSets) {
  const NistFloor sets[] = {{"Norris", nist::norris(), 13.9, 13.0},
                            {"Pontius", nist::pontius(), 13.4, 13.0},
                            {"Longley", nist::longley(), 14.5, 13.0},
                            {"Wampler1", nist::wampler1(), 14.5, 12.0}};
  for (const auto& [name, data, coef_floor, error_floor] : sets) {
    SCOPED_TRACE(name);
    const LinearRegressionModel model = LinearRegression{}.fit(data.X, data.y);
    const LinearSummary& summary = model.summary();
    expect_digits("intercept", model.intercept()[0], data.estimates[0], coef_floor);
    expect_digits("its error", summary.intercept_standard_error[0], data.standard_deviations[0],
                  error_floor);
    for (Index j = 0; j < data.X.cols(); ++j) {
      expect_digits("coef", model.coef()(0, j), data.estimates[j + 1], coef_floor);
      expect_digits("error", summary.standard_error(0, j), data.standard_deviations[j + 1],
                    error_floor);
    }
    expect_digits("residual sd", summary.residual_sd[0], data.residual_sd, 12.0);
    expect_digits("r squared", summary.r_squared[0], data.r_squared, 14.0);
    if (data.f_statistic > 0.0) {
      expect_digits("F", summary.f_statistic[0], data.f_statistic, 12.0);
    }
  }
}

TEST(LinearRegression, TestsOfCoefficientsAgreeWithR) {
  // R 4.2.2, summary(lm(...)) of Longley's data.
  const nist::Certified data = nist::longley();
  const LinearRegressionModel model = LinearRegression{}.fit(data.X, data.y);
  const LinearTests tests = model.tests();
  expect_near(tests.p_value,
              RowVector{{0.863141, 0.312681, 0.002535, 0.000944, 0.826212, 0.003037}}, 1e-6);
  EXPECT_NEAR(tests.intercept_p_value[0], 0.003560, 1e-6);
  EXPECT_NEAR(tests.f_p_value[0], 4.984e-10, 1e-13);
  EXPECT_NEAR(tests.t_value(0, 5), 4.016, 1e-3);
  const double half = 2.2621571627982049 * model.summary().standard_error(0, 5);  // t of 9 dof
  EXPECT_NEAR(tests.lower(0, 5), model.coef()(0, 5) - half, 1e-9);
  EXPECT_NEAR(tests.upper(0, 5), model.coef()(0, 5) + half, 1e-9);
  EXPECT_LT(model.tests(0.5).intercept_upper[0], tests.intercept_upper[0]);
  EXPECT_GT(model.tests(0.5).intercept_lower[0], tests.intercept_lower[0]);
}

TEST(LinearRegression, SquaresAddUpToAnAnalysisOfVariance) {
  // Three groups of two as indicators, of means 2, 5 and 11 about 6: 2 * (16 + 1 + 25) between
  // them, 2 * (1 + 1 + 1) within.
  const Matrix X{{1, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, 1}};
  const Vector y{{1.0, 3.0, 4.0, 6.0, 10.0, 12.0}};
  for (const double scale : {1.0, 0x1p-520, 0x1p510}) {
    const LinearRegressionModel model = LinearRegression{}.fit(X, Vector(scale * y));
    const LinearSummary& summary = model.summary();
    EXPECT_EQ(summary.regression_dof, 2);
    EXPECT_EQ(summary.residual_dof, 3);
    EXPECT_DOUBLE_EQ(summary.regression_squares[0], 84.0 * scale * scale);
    EXPECT_DOUBLE_EQ(summary.residual_squares[0], 6.0 * scale * scale);
    EXPECT_DOUBLE_EQ(summary.f_statistic[0], (84.0 / 2.0) / (6.0 / 3.0));
    EXPECT_DOUBLE_EQ(summary.r_squared[0], 84.0 / 90.0);
    EXPECT_DOUBLE_EQ(summary.residual_sd[0], std::sqrt(2.0) * scale);
  }
  // As in NIST's SmLs07 to 09, of Simon and Lesage (1989).
  const LinearSummary far = LinearRegression{}.fit(X, Vector(y.array() + 1e12)).summary();
  EXPECT_DOUBLE_EQ(far.regression_squares[0], 84.0);
  EXPECT_DOUBLE_EQ(far.residual_squares[0], 6.0);
}

TEST(LinearRegression, FiguresDoNotLeaveDoublesBeforeTheirSquaresDo) {
  const Matrix X{{0.0}, {1.0}, {2.0}};
  const Vector y{{0.0, 0.5, 2.0}};
  const LinearSummary usual = LinearRegression{}.fit(X, y).summary();
  for (const double scale : {0x1p-800, 0x1p800}) {
    for (const double x_scale : {0x1p-900, 0x1p900}) {
      const LinearSummary far =
          LinearRegression{}.fit(Matrix(x_scale * X), Vector(scale * y)).summary();
      EXPECT_EQ(far.residual_sd[0], scale * usual.residual_sd[0]);
      EXPECT_EQ(far.r_squared[0], usual.r_squared[0]);
      EXPECT_EQ(far.f_statistic[0], usual.f_statistic[0]);
      EXPECT_EQ(far.intercept_standard_error[0], scale * usual.intercept_standard_error[0]);
    }
    const LinearSummary alike =
        LinearRegression{}.fit(Matrix(scale * X), Vector(scale * y)).summary();
    EXPECT_EQ(alike.standard_error(0, 0), usual.standard_error(0, 0));
  }
}

TEST(LinearRegression, StandardErrorsMayBeLeftOut) {
  const Matrix X = noise(60, 3, 11);
  const Matrix y = noise(60, 2, 12);
  const LinearRegressionModel whole = LinearRegression{}.fit(X, y);
  const LinearRegression options{.standard_errors = false};
  const LinearRegressionModel model = options.fit(X, y);
  EXPECT_EQ(model.coef(), whole.coef());
  EXPECT_EQ(model.summary().residual_sd, whole.summary().residual_sd);
  EXPECT_EQ(model.summary().r_squared, whole.summary().r_squared);
  EXPECT_EQ(model.tests().f_p_value, whole.tests().f_p_value);
  EXPECT_TRUE(model.summary().standard_error.array().isNaN().all());
  EXPECT_TRUE(model.summary().intercept_standard_error.array().isNaN().all());
  const LinearTests tests = model.tests();
  EXPECT_TRUE(tests.t_value.array().isNaN().all());
  EXPECT_TRUE(tests.p_value.array().isNaN().all());
  EXPECT_TRUE(tests.lower.array().isNaN().all());
  EXPECT_TRUE(tests.intercept_p_value.array().isNaN().all());
  EXPECT_TRUE(model.converged());
  EXPECT_EQ(saved(loaded<LinearRegressionModel>(saved(model))), saved(model));
}

TEST(LinearRegression, FitsEachTargetAsIfAlone) {
  const Matrix X = noise(40, 3, 1);
  const Matrix Y = noise(40, 2, 2);
  const LinearRegressionModel both = LinearRegression{}.fit(X, Y);
  for (Index t = 0; t < 2; ++t) {
    const LinearRegressionModel one = LinearRegression{}.fit(X, Vector(Y.col(t)));
    EXPECT_EQ(one.coef().row(0), both.coef().row(t));
    EXPECT_EQ(one.intercept()[0], both.intercept()[t]);
    EXPECT_EQ(one.summary().residual_sd[0], both.summary().residual_sd[t]);
  }
}

TEST(LinearRegression, WeightsAreRepeatedRows) {
  const Matrix X = noise(30, 4, 3);
  const Vector y = noise(30, 1, 4).col(0);
  std::vector<double> weight(30);
  for (std::size_t i = 0; i < 30; ++i) weight[i] = static_cast<double>(i % 4);
  const std::vector<Index> rows = repeated(weight);
  const LinearRegressionModel weighted = LinearRegression{}.fit(X, y, {.weight = weight});
  const LinearRegressionModel twice =
      LinearRegression{}.fit(Matrix(X(rows, Eigen::all)), Vector(y(rows)));
  expect_near(weighted.coef(), twice.coef(), 1e-15);
  expect_near(weighted.intercept(), twice.intercept(), 1e-15);
  EXPECT_EQ(weighted.summary().residual_dof, 22 - 5);  // rows of weight
}

TEST(LinearRegression, GivesTheSameBitsForAnyThreads) {
  const Matrix X = noise(5000, 7, 5);
  const Matrix y = noise(5000, 2, 6);
  expect_same_bits_for_any_threads([&] { return LinearRegression{}.fit(X, y); });
  Matrix collinear = X;
  collinear.col(6) = X.col(0) + 1e-6 * X.col(6);
  expect_same_bits_for_any_threads([&] { return LinearRegression{}.fit(collinear, y); });
}

TEST(LinearRegression, PredictsARowAloneAsInABatch) {
  const LinearRegressionModel model = LinearRegression{}.fit(noise(50, 9, 7), noise(50, 2, 8));
  const Matrix X = noise(300, 9, 9);
  const Matrix batch = model.predict(X);
  for (Index i = 0; i < X.rows(); ++i) EXPECT_EQ(model.predict(X.row(i)), batch.row(i));
  EXPECT_EQ(model.predict(X.topRows(0)).rows(), 0);
}

TEST(LinearRegression, ReadsAnyLayoutOfX) {
  const Matrix X = noise(40, 3, 10);
  const Vector y = noise(40, 1, 11).col(0);
  Matrix wide = Matrix::Constant(40, 8, std::numeric_limits<double>::quiet_NaN());
  wide.middleCols(2, 3) = X;
  const Eigen::MatrixXd by_column = X;
  for (const Refine refine : {Refine::automatic, Refine::always}) {
    const LinearRegression options{.refine = refine};
    const std::string expected = saved(options.fit(X, y));
    EXPECT_EQ(saved(options.fit(wide.middleCols(2, 3), y)), expected);
    EXPECT_EQ(saved(options.fit(by_column, y)), expected);
  }
}

TEST(LinearRegression, SavesAndLoadsEverything) {
  const LinearRegressionModel model = LinearRegression{}.fit(noise(20, 3, 12), noise(20, 2, 13));
  const auto again = loaded<LinearRegressionModel>(saved(model));
  EXPECT_EQ(saved(again), saved(model));
  EXPECT_EQ(again.coef(), model.coef());
  EXPECT_EQ(again.summary().standard_error, model.summary().standard_error);
  EXPECT_EQ(again.summary().regression_squares, model.summary().regression_squares);
  EXPECT_EQ(again.solver().path, model.solver().path);
}

TEST(LinearRegression, ReadsSquaresFromModelsOfItsFirstVersion) {
  const FittedPipeline fitted =
      load_model_file(LATHE_SOURCE_DIR "/tests/golden/models/format_1/linear_regression.lathe");
  const auto& model = dynamic_cast<const LinearRegressionModel&>(*fitted.model());
  const LinearSummary& summary = model.summary();
  const double residual = summary.residual_squares[0];
  EXPECT_GT(residual, 0.0);
  EXPECT_EQ(summary.regression_dof, model.rank());
  EXPECT_NEAR(summary.r_squared[0], 1.0 - residual / (residual + summary.regression_squares[0]),
              1e-14);
}

TEST(LinearRegression, RefusesAStateThatDoesNotFit) {
  LeastSquares fitted = least_squares(noise(9, 2, 14), noise(9, 1, 15), {});
  const auto refuses = [](const LeastSquares& state, const LinearSummary& summary) {
    LeastSquares copy = state;
    const std::string bytes = saved(LinearRegressionModel(std::move(copy), summary));
    EXPECT_THROW(loaded<LinearRegressionModel>(bytes), CorruptData);
  };
  const LinearSummary summary = LinearRegression{}.fit(noise(9, 2, 14), noise(9, 1, 15)).summary();
  LeastSquares bad = fitted;
  bad.coef(0, 1) = std::numeric_limits<double>::quiet_NaN();
  refuses(bad, summary);
  bad = fitted;
  bad.intercept = Vector::Zero(2);
  refuses(bad, summary);
  bad = fitted;
  bad.solver.rank = 3;
  refuses(bad, summary);
  LinearSummary short_summary = summary;
  short_summary.standard_error = Matrix::Zero(1, 1);
  refuses(fitted, short_summary);
  short_summary = summary;
  short_summary.residual_squares = Vector::Zero(2);
  refuses(fitted, short_summary);
}

TEST(LinearRegression, ListsItsAttributes) {
  const LinearRegressionModel model = LinearRegression{}.fit(noise(9, 2, 16), noise(9, 1, 17));
  std::vector<std::string> names;
  for (const Attribute& attribute : model.attributes()) names.push_back(attribute.name);
  EXPECT_THAT(names, testing::IsSupersetOf({"coef", "intercept", "rank", "solver", "condition",
                                            "standard_error", "r_squared"}));
}

TEST(LinearRegression, WarnsWhereRefinementDidNotSettle) {
  LeastSquares fitted = least_squares(noise(9, 2, 18), noise(9, 1, 19), {});
  fitted.solver.settled = false;
  const LinearRegressionModel model(std::move(fitted), {});
  EXPECT_FALSE(model.converged());
  EXPECT_THAT(model.warnings(), testing::SizeIs(1));
}

TEST(LinearRegression, RefusesWhatItCannotFit) {
  const Matrix X = noise(5, 2, 20);
  const Matrix y = noise(5, 1, 21);
  const auto code = [](const Matrix& A, const Matrix& b, const Context& context = {}) {
    return error_code([&] { LinearRegression{}.fit(A, b, context); });
  };
  Matrix bad = X;
  bad(1, 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(code(bad, y), "X002");
  bad(1, 1) = std::numeric_limits<double>::infinity();
  EXPECT_EQ(code(bad, y), "X003");
  EXPECT_EQ(code(Matrix(0, 2), Matrix(0, 1)), "X001");
  EXPECT_EQ(code(X, y.topRows(4)), "T006");
  const std::vector<double> negative{1, 1, 1, 1, -1};
  EXPECT_EQ(code(X, y, {.weight = negative}), "W002");
  const LinearRegressionModel model = LinearRegression{}.fit(X, y);
  EXPECT_EQ(error_code([&] { model.predict(X.leftCols(1)); }), "X006");
  EXPECT_EQ(error_code([&] { model.predict(bad); }), "X003");
  EXPECT_EQ(error_code([&] { model.tests(1.0); }), "L001");
}

TEST(LinearRegression, TextFormReadsBack) {
  const Estimator estimator = make_estimator("linear_regression(fit_intercept=false)");
  EXPECT_TRUE(estimator == Estimator(LinearRegression{.fit_intercept = false}));
  EXPECT_EQ(estimator.text(), "linear_regression(fit_intercept=false)");
  EXPECT_EQ(estimator.role(), Role::regressor);
}

}  // namespace
}  // namespace lathe
