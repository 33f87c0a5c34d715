#include "lathe/evaluation/cross_validate.h"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/pipeline.h"

#include "tests/evaluation/error_code.h"
#include "tests/evaluation/toy_estimators.h"

namespace lathe {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Metric> metrics_of(const std::vector<std::string>& texts) {
  std::vector<Metric> metrics;
  for (const std::string& text : texts) metrics.push_back(make_metric(text));
  return metrics;
}

const Matrix six_rows{{1.0}, {2.0}, {3.0}, {4.0}, {5.0}, {6.0}};

TEST(CrossValidate, ScoresEachFoldByTheOthers) {
  const Vector y{{0.0, 2.0, 4.0, 6.0}};

  const CrossValidation cv =
      cross_validate(MeanRegressor{}, six_rows.topRows(4), y,
                     {.splitter = KFold{.n_splits = 2}, .metrics = metrics_of({"mae", "mse"})});

  // The other fold's mean is 5, then 1.
  ASSERT_EQ(cv.metrics.size(), 2U);
  EXPECT_EQ(cv.metrics[0].metric, "mae");
  EXPECT_FALSE(cv.metrics[0].greater_is_better);
  EXPECT_THAT(cv.metrics[0].folds, ElementsAre(4.0, 4.0));
  EXPECT_THAT(cv.metrics[1].folds, ElementsAre((25.0 + 9.0) / 2.0, (9.0 + 25.0) / 2.0));
  EXPECT_EQ(cv.metrics[0].mean, 4.0);
  EXPECT_EQ(cv.metrics[0].std, 0.0);
  EXPECT_THAT(cv.n_train, ElementsAre(2, 2));
  EXPECT_THAT(cv.n_test, ElementsAre(2, 2));
  EXPECT_EQ(cv.fit_seconds.size(), 2U);
  EXPECT_EQ(cv.pipeline, "mean_regressor");
  EXPECT_EQ(cv.splitter, "kfold(n_splits=2)");
  EXPECT_THAT(cv.warnings, ElementsAre("2 of 2 folds: it is only a mean"));
  EXPECT_THAT(cv.models, IsEmpty());
  EXPECT_THAT(cv.predictions.rows, IsEmpty());
}

TEST(CrossValidate, StandardDeviationDividesByTheNumberOfFolds) {
  const Vector y{{0.0, 1.0, 5.0}};
  const CrossValidation cv =
      cross_validate(MeanRegressor{}, six_rows.topRows(3), y,
                     {.splitter = LeaveOneOut{}, .metrics = metrics_of({"mae"})});
  EXPECT_THAT(cv.metrics[0].folds, ElementsAre(3.0, 1.5, 4.5));
  EXPECT_EQ(cv.metrics[0].mean, 3.0);
  EXPECT_DOUBLE_EQ(cv.metrics[0].std, std::sqrt((0.0 + 2.25 + 2.25) / 3.0));
}

TEST(CrossValidate, DefaultsFollowTheRole) {
  const Vector y{{0.0, 1.0, 0.0, 1.0, 1.0, 0.0}};

  const CrossValidation regression = cross_validate(MeanRegressor{}, six_rows, y);
  EXPECT_EQ(regression.splitter, "kfold");
  EXPECT_EQ(regression.metrics[0].metric, "r2");

  const CrossValidation classification =
      cross_validate(ShareClassifier{}, six_rows, y, {.splitter = StratifiedKFold{.n_splits = 3}});
  EXPECT_EQ(classification.metrics[0].metric, "accuracy");
  EXPECT_THAT(message_of([&] { cross_validate(ShareClassifier{}, six_rows, y); }),
              HasSubstr("S004: stratified_kfold: n_splits = 5"));
}

TEST(CrossValidate, PredictionsComeWithTheirRows) {
  const Labels y({"a", "b", "a", "b", "a", "a"});

  const CrossValidation cv = cross_validate(
      ShareClassifier{}, six_rows, y,
      {.splitter = KFold{.n_splits = 3}, .return_models = true, .return_predictions = true});

  EXPECT_THAT(cv.predictions.rows, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(cv.predictions.folds, ElementsAre(0, 0, 1, 1, 2, 2));
  EXPECT_EQ(cv.predictions.labels, Labels(std::vector<std::int32_t>(6, 0), y.classes()));
  EXPECT_EQ(cv.predictions.proba(0, 0), 0.75);
  EXPECT_EQ(cv.predictions.proba(5, 1), 0.5);
  EXPECT_EQ(cv.models.size(), 3U);
}

TEST(CrossValidate, PredictionsOfSeveralTargetsAndOverlappingFolds) {
  const Matrix y{{0.0, 10.0}, {1.0, 11.0}, {2.0, 12.0}, {3.0, 13.0}};

  const CrossValidation cv = cross_validate(
      MeanRegressor{}, six_rows.topRows(4), y,
      {.splitter = ShuffleSplit{.n_splits = 5, .test_size = 2}, .return_predictions = true});

  ASSERT_EQ(cv.predictions.rows.size(), 10U);
  ASSERT_EQ(cv.predictions.numbers.rows(), 10);
  // Two rows are the test set, so the mean of the others is what is left of the total.
  for (Index k = 0; k < 5; ++k) {
    const Index first = cv.predictions.rows[static_cast<std::size_t>(2 * k)];
    const Index second = cv.predictions.rows[static_cast<std::size_t>(2 * k + 1)];
    EXPECT_EQ(cv.predictions.numbers(2 * k, 0), (6.0 - y(first, 0) - y(second, 0)) / 2.0);
    EXPECT_EQ(cv.predictions.numbers(2 * k, 1), (46.0 - y(first, 1) - y(second, 1)) / 2.0);
  }
}

TEST(CrossValidate, EverythingIsFittedOnTheTrainingRowsOnly) {
  const CrossValidation cv =
      cross_validate(Centre{} | MeanRegressor{}, six_rows, Vector(Vector::Zero(6)),
                     {.splitter = KFold{.n_splits = 3}, .return_models = true});

  std::vector<double> means;
  for (const ModelPtr& model : cv.models) {
    means.push_back(dynamic_cast<const CentredModel&>(*fitted_steps(model)[0]).means()[0]);
  }
  EXPECT_THAT(means, ElementsAre(4.5, 3.5, 2.5));
}

TEST(CrossValidate, TrainingScoresOnRequest) {
  const Vector y{{0.0, 2.0, 4.0, 6.0}};
  const CrossValidation cv = cross_validate(MeanRegressor{}, six_rows.topRows(4), y,
                                            {.splitter = KFold{.n_splits = 2},
                                             .metrics = metrics_of({"mae"}),
                                             .return_train_scores = true});
  EXPECT_THAT(cv.metrics[0].train_folds, ElementsAre(1.0, 1.0));
}

TEST(CrossValidate, WeightsGoIntoFitsAndScores) {
  const Vector y{{0.0, 2.0, 4.0, 8.0}};
  const std::vector<double> weight{1.0, 3.0, 3.0, 1.0};

  const CrossValidation cv = cross_validate(MeanRegressor{}, six_rows.topRows(4), y,
                                            {.splitter = KFold{.n_splits = 2},
                                             .metrics = metrics_of({"mae"}),
                                             .context = {.weight = weight}});

  // Means (3 * 4 + 8) / 4 = 5 and (3 * 2) / 4 = 1.5.
  EXPECT_THAT(cv.metrics[0].folds, ElementsAre((5.0 + 3.0 * 3.0) / 4.0, (3.0 * 2.5 + 6.5) / 4.0));
}

TEST(CrossValidate, SameBitsForAnyNumberOfThreads) {
  Vector y(40);
  Matrix X(40, 1);
  for (Index i = 0; i < 40; ++i) {
    X(i, 0) = static_cast<double>(i);
    y[i] = 1.0 / static_cast<double>(i + 1);
  }
  const auto run = [&](std::uint64_t seed) {
    return cross_validate(SeedRegressor{}, X, y,
                          {.splitter = ShuffleSplit{.n_splits = 9},
                           .metrics = metrics_of({"mse"}),
                           .context = {.seed = seed}})
        .metrics[0]
        .folds;
  };
  const int before = thread_limit();
  set_thread_limit(1);
  const std::vector<double> alone = run(7);
  for (const int threads : {2, 3, 8}) {
    set_thread_limit(threads);
    EXPECT_EQ(alone, run(7));
  }
  set_thread_limit(before);
  EXPECT_NE(alone, run(8));
}

TEST(CrossValidate, FoldsHaveSeedsOfTheirOwn) {
  const CrossValidation cv =
      cross_validate(SeedRegressor{}, six_rows, Vector(Vector::Zero(6)),
                     {.splitter = KFold{.n_splits = 3}, .metrics = metrics_of({"mae"})});
  EXPECT_NE(cv.metrics[0].folds[0], cv.metrics[0].folds[1]);
}

TEST(CrossValidate, AClassThatTheTrainingRowsLackHasProbabilityZero) {
  const Labels y({"a", "a", "b", "a", "b", "c"});

  const CrossValidation cv = cross_validate(ShareClassifier{}, six_rows, y,
                                            {.splitter = KFold{.n_splits = 3},
                                             .metrics = metrics_of({"accuracy", "log_loss"}),
                                             .return_predictions = true});

  EXPECT_EQ(cv.predictions.proba(5, 2), 0.0);
  EXPECT_EQ(cv.predictions.proba(0, 2), 0.25);
  EXPECT_EQ(cv.metrics[0].folds[2], 0.0);
  EXPECT_GT(cv.metrics[1].folds[2], 18.0);  // half of -log(2^-52)
  EXPECT_THAT(cv.warnings,
              Contains("fold 3 of 3: no training row is of class c, whose probability is 0"));
}

TEST(CrossValidate, WarnsOfAClassRarerThanTheFolds) {
  const Labels y({0, 0, 0, 0, 1, 1});
  const CrossValidation cv =
      cross_validate(ShareClassifier{}, six_rows, y, {.splitter = StratifiedKFold{.n_splits = 3}});
  EXPECT_THAT(cv.warnings,
              Contains("class 1 has 2 rows for 3 folds, so that some test sets lack it"));
}

TEST(CrossValidate, AMetricThatIsNotDefinedNamesFoldAndClass) {
  const Labels y({0, 1, 0, 1, 0, 0});
  EXPECT_THAT(message_of([&] {
                cross_validate(
                    ShareClassifier{}, six_rows, y,
                    {.splitter = KFold{.n_splits = 3}, .metrics = metrics_of({"roc_auc"})});
              }),
              HasSubstr("Q008: fold 3 of 3: roc_auc is not defined: no row counts that is of "
                        "class 1"));
}

TEST(CrossValidate, R2OfSingleRowsIsNaNWithAWarning) {
  const CrossValidation cv =
      cross_validate(MeanRegressor{}, six_rows, Vector(Vector::LinSpaced(6, 0.0, 1.0)),
                     {.splitter = LeaveOneOut{}, .metrics = metrics_of({"r2"})});
  EXPECT_TRUE(std::isnan(cv.metrics[0].mean));
  EXPECT_THAT(cv.warnings, Contains("6 of 6 folds: r2 is not defined on the test rows"));
}

TEST(CrossValidate, AClustererIsScoredOnTheRowsAsItSeesThem) {
  const Matrix X{{1.0}, {9.0}, {2.0}, {8.0}, {1.5}, {8.5}, {0.5}, {9.5}};

  const CrossValidation cv =
      cross_validate(Centre{} | SignClusterer{}, X, {},
                     {.splitter = KFold{.n_splits = 2}, .return_predictions = true});

  EXPECT_EQ(cv.metrics[0].metric, "silhouette");
  EXPECT_EQ(cv.metrics[0].folds[0], silhouette_score(X.topRows(4).array() - 4.875, {0, 1, 0, 1}));
  EXPECT_THAT(cv.predictions.clusters, ElementsAre(0, 1, 0, 1, 0, 1, 0, 1));
}

TEST(CrossValidate, AClustererIsComparedWithLabels) {
  const Matrix X{{-1.0}, {9.0}, {-2.0}, {8.0}};
  const Vector y{{3.0, 4.0, 3.0, 4.0}};
  const std::vector<double> weight(4, 1.0);
  const CrossValidation cv = cross_validate(SignClusterer{}, X, y,
                                            {.splitter = KFold{.n_splits = 2},
                                             .metrics = metrics_of({"adjusted_rand"}),
                                             .context = {.weight = weight}});
  EXPECT_EQ(cv.metrics[0].mean, 1.0);
  EXPECT_THAT(cv.warnings, ElementsAre("adjusted_rand does not heed the weights"));
}

TEST(CrossValidate, GroupsStayTogether) {
  const Labels groups({1, 2, 1, 2, 3, 3});
  const CrossValidation cv = cross_validate(
      MeanRegressor{}, six_rows, Vector(Vector::Zero(6)),
      {.splitter = LeaveOneGroupOut{}, .groups = &groups, .return_predictions = true});
  EXPECT_THAT(cv.predictions.rows, ElementsAre(0, 2, 1, 3, 4, 5));
}

TEST(CrossValidate, AMetricAskedForTwiceIsGivenOnce) {
  const CrossValidation cv = cross_validate(MeanRegressor{}, six_rows, Vector(Vector::Zero(6)),
                                            {.metrics = metrics_of({"mae", "mse", "mae"})});
  EXPECT_EQ(cv.metrics.size(), 2U);
}

TEST(CrossValidate, ProgressCountsFoldsAndMayStop) {
  std::vector<Index> seen;
  CrossValidateOptions options{.splitter = KFold{.n_splits = 3}};
  options.progress = [&](Index done, Index folds) { seen.push_back(10 * folds + done); };
  cross_validate(MeanRegressor{}, six_rows, Vector(Vector::Zero(6)), options);
  EXPECT_THAT(seen, ElementsAre(31, 32, 33));

  options.splitter = LeaveOneOut{};
  options.progress = [](Index, Index) { throw std::runtime_error("interrupted"); };
  EXPECT_THROW(cross_validate(MeanRegressor{}, six_rows, Vector(Vector::Zero(6)), options),
               std::runtime_error);
}

TEST(CrossValidate, AFailingFitNamesItsFold) {
  Matrix X = six_rows;
  X(5, 0) = 99.0;  // not a training row in the last fold
  const Vector y = Vector::Zero(6);
  EXPECT_EQ(message_of([&] { cross_validate(RefusingRegressor{}, X, y); }),
            "Z099: fold 1 of 5: it cannot be (try 98)");
  X(5, 0) = 98.0;
  EXPECT_EQ(message_of([&] { cross_validate(RefusingRegressor{}, X, y); }),
            "Z098: fold 1 of 5: it is not there ()");
  X(5, 0) = std::nan("");
  EXPECT_THAT(message_of([&] { cross_validate(MeanRegressor{}, X, y); }),
              HasSubstr("X002: fold 1 of 5: mean_regressor"));
}

TEST(CrossValidate, TheFirstFailingFoldIsReportedWhateverTheThreads) {
  Matrix X = six_rows;
  X(0, 0) = 99.0;  // a training row in all folds but the first
  const Vector y = Vector::Zero(6);
  const int before = thread_limit();
  for (const int threads : {1, 2, 4}) {
    set_thread_limit(threads);
    EXPECT_THAT(
        message_of([&] { cross_validate(RefusingRegressor{}, X, y, {.splitter = LeaveOneOut{}}); }),
        HasSubstr("fold 2 of 6"));
  }
  set_thread_limit(before);
}

TEST(CrossValidate, RefusesWhatDoesNotFit) {
  const Vector y = Vector::Zero(6);
  EXPECT_EQ(code_of([&] { cross_validate(Centre{}, six_rows, y); }), "V001");
  EXPECT_THAT(message_of([&] {
                cross_validate(MeanRegressor{}, six_rows, y, {.metrics = metrics_of({"accuracy"})});
              }),
              HasSubstr("V002: accuracy needs a target of labels and predicted labels, but "
                        "mean_regressor is a regressor (use one of r2, mse, rmse, mae)"));
  EXPECT_EQ(code_of([&] { cross_validate(MeanRegressor{}, six_rows, Vector(Vector::Zero(5))); }),
            "V003");
  const std::vector<double> weight(5, 1.0);
  EXPECT_EQ(code_of([&] {
              cross_validate(MeanRegressor{}, six_rows, y, {.context = {.weight = weight}});
            }),
            "W001");
  EXPECT_EQ(code_of([&] { cross_validate(MeanRegressor{}, six_rows, {}); }), "T003");
  EXPECT_EQ(code_of([&] {
              cross_validate(MeanRegressor{}, six_rows, Labels({1, 2, 3, 1, 2, 3}));
            }),
            "T002");
  EXPECT_EQ(code_of([&] {
              cross_validate(SignClusterer{}, six_rows, {},
                             {.metrics = metrics_of({"adjusted_rand"})});
            }),
            "T003");
  const std::vector<double> six(6, 1.0);
  EXPECT_THAT(message_of([&] {
                cross_validate(SeedRegressor{}, six_rows, y, {.context = {.weight = six}});
              }),
              HasSubstr("W003: fold 1 of 5: seed_regressor: it takes no sample weights"));
}

}  // namespace
}  // namespace lathe
