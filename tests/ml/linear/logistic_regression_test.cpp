#include "lathe/ml/linear/logistic_regression.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/registry.h"

#include "tests/ml/linear/linear_data.h"

namespace lathe {
namespace {

constexpr std::optional<Penalty> no_penalty = std::nullopt;

// Labels drawn from a linear model with noise, so that classes overlap.
Labels overlapping(const Matrix& X, int n_classes, std::uint64_t seed) {
  const Matrix W = noise(n_classes, X.cols(), seed);
  const Matrix scores = X * W.transpose() + 2.0 * noise(X.rows(), n_classes, seed + 1);
  std::vector<int> labels;
  for (Index i = 0; i < X.rows(); ++i) {
    Index best = 0;
    scores.row(i).maxCoeff(&best);
    labels.push_back(static_cast<int>(best));
  }
  return Labels(std::span<const int>(labels));
}

// The gradient of what is minimised at the model, computed from its probabilities.
Matrix gradient(const LogisticRegressionModel& model, const Matrix& X, const Labels& y, double C) {
  Matrix residual = model.predict_proba(X);
  for (Index i = 0; i < X.rows(); ++i) residual(i, y[i]) -= 1.0;
  if (model.coef().rows() == 1) return C * residual.rightCols(1).transpose() * X + model.coef();
  return C * residual.transpose() * X + model.coef();
}

void expect_close(const LogisticRegressionModel& got, const LogisticRegressionModel& expected,
                  double tolerance) {
  expect_near(got.coef(), expected.coef(), tolerance);
  EXPECT_TRUE(got.intercept().isApprox(expected.intercept(), tolerance));
}

TEST(LogisticRegression, InterceptAloneIsTheLogOdds) {
  const Matrix X = Matrix::Zero(10, 1);
  const LogisticRegressionModel model =
      LogisticRegression{}.fit(X, Labels{0, 1, 1, 1, 0, 1, 1, 1, 1, 1});
  EXPECT_NEAR(model.intercept()[0], std::log(8.0 / 2.0), 1e-14);
  EXPECT_EQ(model.coef()(0, 0), 0.0);
  EXPECT_NEAR(model.predict_proba(X.topRows(1))(0, 1), 0.8, 1e-15);
  EXPECT_NEAR(model.objective(), -(8 * std::log(0.8) + 2 * std::log(0.2)), 1e-13);
}

TEST(LogisticRegression, OneBinaryColumnHasAClosedForm) {
  // 3 of 4 in the second class where x = 1, 2 of 5 where x = 0.
  const Matrix X{{1}, {1}, {1}, {1}, {0}, {0}, {0}, {0}, {0}};
  const Labels y{"yes", "yes", "yes", "no", "yes", "yes", "no", "no", "no"};
  const LogisticRegressionModel model = LogisticRegression{.penalty = no_penalty}.fit(X, y);
  EXPECT_NEAR(model.intercept()[0], std::log(2.0 / 3.0), 1e-14);
  EXPECT_NEAR(model.coef()(0, 0), std::log(3.0) - std::log(2.0 / 3.0), 1e-14);
  EXPECT_EQ(model.predict(X.topRows(1)).name(0), "yes");
  EXPECT_TRUE(model.converged());
}

TEST(LogisticRegression, ThreeClassesWithABinaryColumnHaveAClosedForm) {
  // Counts of the classes 4, 2, 1 where x = 0, and 1, 2, 4 where x = 1.
  std::vector<int> labels;
  Matrix X(14, 1);
  const int counts[2][3] = {{4, 2, 1}, {1, 2, 4}};
  for (int x = 0; x < 2; ++x) {
    for (int k = 0; k < 3; ++k) {
      for (int c = 0; c < counts[x][k]; ++c) {
        X(static_cast<Index>(labels.size()), 0) = x;
        labels.push_back(k);
      }
    }
  }
  const LogisticRegressionModel model =
      LogisticRegression{.penalty = no_penalty}.fit(X, Labels(std::span<const int>(labels)));
  const double log2 = std::log(2.0);
  expect_near(model.coef(), Vector{{-2 * log2, 0.0, 2 * log2}}, 1e-13);
  expect_near(model.intercept(), Vector{{log2, 0.0, -log2}}, 1e-13);
}

TEST(LogisticRegression, EndsWhereTheGradientIsZero) {
  const Matrix X = noise(200, 5, 1);
  for (const int n_classes : {2, 4}) {
    const Labels y = overlapping(X, n_classes, 2);
    for (const double C : {1e-3, 1.0, 1e3}) {
      const LogisticRegressionModel model = LogisticRegression{.C = C}.fit(X, y);
      EXPECT_TRUE(model.converged());
      EXPECT_LE(gradient(model, X, y, C).cwiseAbs().maxCoeff(), 1e-12 * std::max(1.0, C) * 200);
      EXPECT_NEAR(model.coef().colwise().sum().maxCoeff(),
                  n_classes == 2 ? model.coef().maxCoeff() : 0.0, 1e-12);
    }
  }
}

TEST(LogisticRegression, OffsetsAndScalesAreNoObstacle) {
  const Matrix X = whole_numbers(150, 4, 3);
  const Labels y = overlapping(X / 50.0, 3, 4);
  const LogisticRegression unpenalised{.penalty = no_penalty};
  const LogisticRegressionModel model = unpenalised.fit(X, y);
  Matrix moved = X;
  moved.col(0).array() += 1e9;
  moved.col(2) *= 0x1p40;
  moved.col(3) *= 0x1p-40;
  const LogisticRegressionModel same = unpenalised.fit(moved, y);
  EXPECT_TRUE(same.converged());
  Matrix coef = same.coef();
  coef.col(2) *= 0x1p40;
  coef.col(3) *= 0x1p-40;
  expect_near(coef, model.coef(), 1e-11);
  expect_near(same.predict_proba(moved), model.predict_proba(X), 1e-6);  // X W + b cancels
}

TEST(LogisticRegression, DuplicatedColumnsShareAndConstantOnesGetZero) {
  const Matrix start = noise(120, 3, 5);
  const Labels y = overlapping(start, 2, 6);
  Matrix X(120, 6);
  X << start, start.col(0), Vector::Constant(120, 7.1), 2.0 * start.col(0);
  for (const std::optional<Penalty> penalty : {no_penalty, std::optional(Penalty::l2)}) {
    const LogisticRegression options{.penalty = penalty};
    const LogisticRegressionModel model = options.fit(X, y);
    Matrix merged = start;
    merged.col(0) *= std::sqrt(6.0);  // columns 1, 1 and 2 times as long
    const LogisticRegressionModel one = options.fit(merged, y);
    const double share = one.coef()(0, 0) / std::sqrt(6.0);
    const RowVector expected{{share, one.coef()(0, 1), one.coef()(0, 2), share, 0.0, 2 * share}};
    EXPECT_TRUE(model.converged());
    expect_near(model.coef(), expected, 1e-9);
  }
}

TEST(LogisticRegression, NearlyCollinearColumnsConverge) {
  Matrix X = noise(300, 3, 7);
  X.col(2) = X.col(0) + 1e-7 * X.col(2);
  const Labels y = overlapping(X.leftCols(2), 2, 8);
  for (const std::optional<Penalty> penalty : {no_penalty, std::optional(Penalty::l2)}) {
    const LogisticRegressionModel model = LogisticRegression{.penalty = penalty}.fit(X, y);
    EXPECT_TRUE(model.converged());
    EXPECT_TRUE(model.coef().allFinite());
  }
}

// Columns z + t and z - t with coefficients p + q and p - q have the penalty of z and t with half
// of C, which are far from collinear.
TEST(LogisticRegression, NearlyEqualColumnsShareACoefficientAsThePenaltyWants) {
  const Index n = 300;
  for (const int n_classes : {2, 3}) {
    for (const int bits : {14, 24, 34}) {
      Matrix apart(n, 2);  // few digits, so that all sums are exact
      apart.col(0) = (64.0 * noise(n, 1, 71)).array().round() / 64.0 + 3.0;
      apart.col(1) = std::exp2(-bits) * (64.0 * noise(n, 1, 72)).array().round() / 64.0;
      Matrix X(n, 2);
      X << apart.col(0) + apart.col(1), apart.col(0) - apart.col(1);
      const Labels y = overlapping(apart, n_classes, 73);
      for (const double C : {1e4, 1e8, 1e11}) {
        const LogisticRegressionModel expected = LogisticRegression{.C = 2.0 * C}.fit(apart, y);
        const LogisticRegressionModel model = LogisticRegression{.C = C}.fit(X, y);
        EXPECT_EQ(model.warnings(), std::vector<std::string>{});
        Matrix coef(expected.coef().rows(), 2);
        coef << expected.coef().col(0) + expected.coef().col(1),
            expected.coef().col(0) - expected.coef().col(1);
        coef *= 0.5;
        EXPECT_LE((model.coef() - coef).cwiseAbs().maxCoeff(), 1e-10 * coef.cwiseAbs().maxCoeff())
            << n_classes << " classes, " << bits << " bits, C " << C;
      }
    }
  }
}

TEST(LogisticRegression, SaysSoWhereRoundingLeavesEqualColumnsApart) {
  const Matrix Z = noise(3000, 2, 74);
  Matrix X(3000, 3);
  X << Z.col(0), Z.col(0), Z.col(1);
  const Labels y = overlapping(Z, 2, 75);
  for (const double C : {1e8, 1e11, 1e14, 1e17}) {
    const LogisticRegressionModel model = LogisticRegression{.C = C}.fit(X, y);
    EXPECT_TRUE(C > 1e12 || model.warnings().empty()) << C;
    if (model.warnings().empty()) {
      EXPECT_NEAR(model.coef()(0, 0), model.coef()(0, 1), 1e-10 * std::abs(model.coef()(0, 0)))
          << C;
    }
  }
}

TEST(LogisticRegression, SeparableClassesWithoutPenaltyDoNotConverge) {
  const Matrix X{{-2.0}, {-1.0}, {1.0}, {2.0}};
  const LogisticRegressionModel model =
      LogisticRegression{.penalty = no_penalty}.fit(X, Labels{0, 0, 1, 1});
  EXPECT_FALSE(model.converged());
  EXPECT_THAT(model.warnings(), testing::ElementsAre(testing::HasSubstr("penalty=l2")));
  EXPECT_TRUE(model.coef().allFinite());
  EXPECT_EQ(model.predict(X), (Labels{0, 0, 1, 1}));
  EXPECT_TRUE(LogisticRegression{.C = 1e12}.fit(X, Labels{0, 0, 1, 1}).converged());
}

TEST(LogisticRegression, AlmostSeparableClassesWithoutPenaltyDoNotConverge) {
  // Column 1 is 1 in the second class only, column 0 leaves an overlap.
  Matrix X = noise(100, 2, 9);
  const Labels y = overlapping(X.leftCols(1), 2, 10);
  for (Index i = 0; i < 100; ++i) X(i, 1) = y[i] == 1 && i % 2 == 0 ? 1.0 : 0.0;
  const LogisticRegressionModel model = LogisticRegression{.penalty = no_penalty}.fit(X, y);
  EXPECT_FALSE(model.converged());
  EXPECT_THAT(model.warnings(), testing::SizeIs(1));
  EXPECT_TRUE(model.coef().allFinite());
  EXPECT_TRUE(LogisticRegression{}.fit(X, y).converged());
}

TEST(LogisticRegression, ReportsThatItStoppedEarly) {
  const Matrix X = noise(50, 2, 11);
  const LogisticRegressionModel model =
      LogisticRegression{.max_iter = 1}.fit(X, overlapping(X, 2, 12));
  EXPECT_FALSE(model.converged());
  EXPECT_EQ(model.n_iter(), 1);
  EXPECT_THAT(model.warnings(), testing::ElementsAre(testing::HasSubstr("max_iter")));
}

TEST(LogisticRegression, ManyParametersGoByConjugateGradients) {
  const Matrix X = noise(120, 350, 13);  // 10 classes: 9 * 351 parameters
  const Labels y = overlapping(X, 10, 14);
  const LogisticRegressionModel model = LogisticRegression{.C = 0.1}.fit(X, y);
  EXPECT_TRUE(model.converged());
  EXPECT_LE(gradient(model, X, y, 0.1).cwiseAbs().maxCoeff(), 1e-9);
}

TEST(LogisticRegression, WeightsAreRepeatedRows) {
  const Matrix X = noise(80, 3, 15);
  const Labels y = overlapping(X, 3, 16);
  std::vector<double> weight(80);
  for (std::size_t i = 0; i < 80; ++i) weight[i] = static_cast<double>(i % 3);
  const std::vector<Index> rows = repeated(weight);
  for (const bool balanced : {false, true}) {
    LogisticRegression options;
    if (balanced) options.class_weight = ClassWeight::balanced;
    expect_close(options.fit(X, y, {.weight = weight}),
                 options.fit(Matrix(X(rows, Eigen::all)), y.select(rows)), 1e-12);
  }
}

TEST(LogisticRegression, ClassWeightsAreSampleWeights) {
  const Matrix X = noise(60, 2, 17);
  const Labels y = overlapping(X, 2, 18);
  std::vector<double> weight;
  for (Index i = 0; i < 60; ++i) weight.push_back(y[i] == 1 ? 2.5 : 1.0);
  LogisticRegression options;
  options.class_weight = LabelWeights{{"1", 2.5}};
  expect_close(options.fit(X, y), LogisticRegression{}.fit(X, y, {.weight = weight}), 1e-13);
  options.class_weight = LabelWeights{{"2", 2.5}};
  EXPECT_EQ(error_code([&] { options.fit(X, y); }), "L002");
  options.class_weight = LabelWeights{{"1", 0.0}};
  EXPECT_EQ(error_code([&] { options.fit(X, y); }), "O001");
}

TEST(LogisticRegression, ClassesWithoutWeightAreNotThere) {
  const Matrix X = noise(60, 2, 19);
  const Labels y = overlapping(X, 3, 20);
  std::vector<double> weight;
  std::vector<Index> rows;
  for (Index i = 0; i < 60; ++i) {
    weight.push_back(y[i] == 1 ? 0.0 : 1.0);
    if (y[i] != 1) rows.push_back(i);
  }
  const LogisticRegressionModel model = LogisticRegression{}.fit(X, y, {.weight = weight});
  EXPECT_EQ(model.classes(), Classes(std::vector<std::int64_t>{0, 2}));
  expect_close(model, LogisticRegression{}.fit(Matrix(X(rows, Eigen::all)), y.select(rows)), 1e-13);
  for (Index i = 0; i < 60; ++i) weight[static_cast<std::size_t>(i)] = y[i] == 2 ? 1.0 : 0.0;
  EXPECT_EQ(error_code([&] { LogisticRegression{}.fit(X, y, {.weight = weight}); }), "T008");
}

TEST(LogisticRegression, ProbabilitiesAddUpAndAgreeWithTheScores) {
  const Matrix X = noise(200, 3, 21);
  for (const int n_classes : {2, 5}) {
    const LogisticRegressionModel model =
        LogisticRegression{}.fit(X, overlapping(X, n_classes, 22));
    const Matrix proba = model.predict_proba(X);
    const Matrix scores = model.decision_function(X);
    const Labels predicted = model.predict(X);
    EXPECT_EQ(scores.cols(), n_classes == 2 ? 1 : n_classes);
    for (Index i = 0; i < X.rows(); ++i) {
      EXPECT_NEAR(proba.row(i).sum(), 1.0, 1e-15);
      Index best = 0;
      proba.row(i).maxCoeff(&best);
      EXPECT_EQ(predicted[i], best);
      if (n_classes == 2) {
        EXPECT_EQ(best == 1, scores(i, 0) > 0.0);
      } else {
        EXPECT_EQ(scores(i, best), scores.row(i).maxCoeff());
      }
      EXPECT_EQ(model.predict_proba(X.row(i)), proba.row(i));
    }
  }
}

TEST(LogisticRegression, GivesTheSameBitsForAnyThreads) {
  const Matrix X = noise(4000, 4, 23);
  const Labels y = overlapping(X, 3, 24);
  expect_same_bits_for_any_threads([&] { return LogisticRegression{}.fit(X, y); });
}

TEST(LogisticRegression, ManyRowsReachTheOptimumFromASampleOfThem) {
  const Matrix X = noise(8000, 4, 43);
  for (const int n_classes : {2, 3}) {
    const Labels y = overlapping(X, n_classes, 44);
    const LogisticRegressionModel model = LogisticRegression{}.fit(X, y);
    EXPECT_TRUE(model.converged());
    EXPECT_LT(gradient(model, X, y, 1.0).norm(), 1e-7);
  }
}

TEST(LogisticRegression, ReadsNothingBesideItsColumns) {
  const Matrix X = noise(600, 5, 47);
  Matrix wide = Matrix::Constant(600, 9, std::numeric_limits<double>::quiet_NaN());
  wide.middleCols(2, 5) = X;
  const Labels y = overlapping(X, 2, 48);
  EXPECT_EQ(saved(LogisticRegression{}.fit(wide.middleCols(2, 5), y)),
            saved(LogisticRegression{}.fit(X, y)));
}

// What the one pass for means and scales cannot tell is told by the passes that can.
TEST(LogisticRegression, ColumnsThatOnePassCannotScale) {
  Matrix X = noise(300, 3, 49);
  const Labels y = overlapping(X, 2, 50);
  const LogisticRegression unpenalised{.penalty = no_penalty};
  const LogisticRegressionModel model = unpenalised.fit(X, y);
  Matrix moved = X;
  moved.col(0) *= 0x1p600;  // squares overflow
  moved.col(1) *= 0x1p-600;
  const LogisticRegressionModel same = unpenalised.fit(moved, y);
  EXPECT_NEAR(same.coef()(0, 0) * 0x1p600, model.coef()(0, 0), 1e-11);
  EXPECT_NEAR(same.coef()(0, 1) * 0x1p-600, model.coef()(0, 1), 1e-11);

  X(0, 2) = 1e6;  // the first row is far from the others
  const LogisticRegressionModel far = LogisticRegression{}.fit(X, y);
  EXPECT_TRUE(far.converged());
  EXPECT_LE(gradient(far, X, y, 1.0).cwiseAbs().maxCoeff(), 1e-4);
  Matrix bad = X;
  bad(299, 1) = std::numeric_limits<double>::infinity();
  EXPECT_EQ(error_code([&] { LogisticRegression{}.fit(bad, y); }), "X003");
  std::vector<double> weight(300, 1.0);
  weight[299] = 0.0;
  EXPECT_EQ(error_code([&] { LogisticRegression{}.fit(bad, y, {.weight = weight}); }), "X003");
}

TEST(LogisticRegression, FarRowsWithoutWeightDoNotMatter) {
  const Matrix X = noise(300, 3, 51);
  std::vector<double> weight(303, 1.0);
  std::fill_n(weight.begin(), 3, 0.0);  // the first rows
  for (const int classes : {2, 3}) {
    const Labels y = overlapping(X, classes, 52);
    const LogisticRegressionModel expected = LogisticRegression{}.fit(X, y);
    std::vector<int> labels{0, 1, 0};
    for (Index i = 0; i < 300; ++i) labels.push_back(y[i]);
    for (const double far : {1e15, 1e30, 1e300, 5e307}) {
      Matrix more(303, 3);
      more << far * X.topRows(3), X;
      const LogisticRegressionModel model =
          LogisticRegression{}.fit(more, Labels(std::span<const int>(labels)), {.weight = weight});
      EXPECT_TRUE(model.converged());
      expect_close(model, expected, 1e-9);
    }
  }
}

TEST(LogisticRegression, ManyRowsOfWhichTheSampleHoldsOneClassOnly) {
  const Matrix X = noise(8000, 2, 45);
  std::vector<int> labels(8000, 1);
  for (std::size_t i = 0; i < labels.size(); i += 16) labels[i] = 0;
  const Labels y(std::span<const int>{labels});
  const LogisticRegressionModel model = LogisticRegression{}.fit(X, y);
  EXPECT_TRUE(model.converged());
  EXPECT_LT(gradient(model, X, y, 1.0).norm(), 1e-7);
}

TEST(LogisticRegression, SavesAndLoads) {
  const Matrix X = noise(40, 3, 25);
  const LogisticRegressionModel model = LogisticRegression{}.fit(X, overlapping(X, 3, 26));
  const auto again = loaded<LogisticRegressionModel>(saved(model));
  EXPECT_EQ(saved(again), saved(model));
  EXPECT_EQ(again.predict_proba(X), model.predict_proba(X));
  EXPECT_EQ(again.n_iter(), model.n_iter());
  EXPECT_EQ(again.converged(), model.converged());
}

TEST(LogisticRegression, RefusesAStateThatDoesNotFit) {
  const LogisticRegressionModel::Fitted good{Matrix::Ones(1, 2), Vector::Ones(1),
                                             Classes(std::vector<std::int64_t>{0, 1})};
  const auto refuses = [](const LogisticRegressionModel::Fitted& state) {
    EXPECT_THROW(loaded<LogisticRegressionModel>(saved(LogisticRegressionModel(state))),
                 CorruptData);
  };
  LogisticRegressionModel::Fitted bad = good;
  bad.coef(0, 0) = std::numeric_limits<double>::quiet_NaN();
  refuses(bad);
  bad = good;
  bad.intercept = Vector::Ones(2);
  refuses(bad);
  bad = good;
  bad.classes = Classes(std::vector<std::int64_t>{0, 1, 2});
  refuses(bad);
  bad = good;
  bad.classes = Classes(std::vector<std::int64_t>{0});
  refuses(bad);
  bad = good;
  bad.end = static_cast<LogisticRegressionModel::End>(7);
  refuses(bad);
}

TEST(LogisticRegression, RefusesWhatItCannotFit) {
  const Matrix X = noise(4, 2, 27);
  const Labels y{0, 1, 0, 1};
  const auto code = [&](const LogisticRegression& options, const Labels& labels) {
    return error_code([&] { options.fit(X, labels); });
  };
  EXPECT_EQ(code({}, Labels{1, 1, 1, 1}), "T008");
  EXPECT_EQ(code({}, Labels{0, 1}), "T006");
  EXPECT_EQ(code({.C = 0.0}, y), "O001");
  EXPECT_EQ(code({.tol = 0.0}, y), "O001");
  EXPECT_EQ(code({.max_iter = 0}, y), "O001");
  EXPECT_EQ(error_code([] { make_estimator("logistic_regression(penalty=l1)"); }), "O002");
  EXPECT_EQ(error_code([] { make_estimator("logistic_regression(penalty=elasticnet)"); }), "O002");
  const LogisticRegressionModel model = LogisticRegression{}.fit(X, y);
  Matrix missing = X;
  missing(2, 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(error_code([&] { model.predict(missing); }), "X002");
  EXPECT_EQ(error_code([&] { model.decision_function(X.leftCols(1)); }), "X006");
}

TEST(LogisticRegression, TextFormReadsBack) {
  for (const char* text :
       {"logistic_regression", "logistic_regression(C=0.5)", "logistic_regression(penalty=none)",
        "logistic_regression(class_weight=balanced)",
        "logistic_regression(class_weight=[[\"no\", 2.0], [\"yes\", 0.5]])"}) {
    const Estimator estimator = make_estimator(text);
    EXPECT_EQ(estimator.text(), text);
    EXPECT_TRUE(make_estimator(estimator.text()) == estimator);
  }
  const Estimator made = make_estimator("logistic_regression(penalty=none, fit_intercept=false)");
  EXPECT_TRUE(made == Estimator(LogisticRegression{.penalty = no_penalty, .fit_intercept = false}));
}

TEST(LogisticRegression, ListsItsAttributes) {
  const Matrix X = noise(20, 2, 28);
  const LogisticRegressionModel model = LogisticRegression{}.fit(X, overlapping(X, 2, 29));
  std::vector<std::string> names;
  for (const Attribute& attribute : model.attributes()) names.push_back(attribute.name);
  EXPECT_THAT(names,
              testing::ElementsAre("classes", "coef", "intercept", "n_iter", "objective", "end"));
}

}  // namespace
}  // namespace lathe
