// Cross-validation from sums of the folds' rows has the scores of refits, and stands back where it
// would not.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/datasets/generators.h"
#include "lathe/evaluation/cross_validate.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/decomposition/pca.h"
#include "lathe/ml/linear/linear_regression.h"
#include "lathe/ml/linear/ridge.h"
#include "lathe/preprocessing/standard_scaler.h"

#include "tests/evaluation/error_code.h"

namespace lathe {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;
using enum CrossValidationMethod;

struct Data {
  Matrix X;
  Matrix y;
};

// Two columns are as near to each other as `apart` says: a condition of about 2 / apart. Where the
// target needs their difference, both have coefficients of about 100 / apart.
Data data(double apart, Index rows = 1000, Index targets = 1, double noise = 10.0,
          bool needs_difference = false) {
  const RegressionData made = make_regression({.n_samples = rows,
                                               .n_features = 9,
                                               .n_informative = 6,
                                               .n_targets = targets,
                                               .noise = noise});
  Data result{made.X, made.y};
  const Index twin = needs_difference ? 1 : 8;
  result.X.col(twin) = result.X.col(0) + apart * result.X.col(twin);
  result.X.col(2) = result.X.col(2).array() * 1e3 + 50.0;
  result.X.col(3) *= 1e-6;
  return result;
}

std::vector<Metric> all_metrics() {
  return {make_metric("r2"), make_metric("mse"), make_metric("rmse"), make_metric("mae")};
}

CrossValidateOptions refits(CrossValidateOptions options) {
  options.method = refit;
  return options;
}

// Each score of each fold to 1e-10, and the same warnings.
void expect_scores_of_refits(const Estimator& estimator, const Data& d,
                             CrossValidateOptions options, CrossValidationMethod method) {
  if (options.metrics.empty()) options.metrics = all_metrics();
  const CrossValidation found = cross_validate(estimator, d.X, d.y, options);
  const CrossValidation truth = cross_validate(estimator, d.X, d.y, refits(options));
  EXPECT_EQ(found.method, method) << estimator.text();
  EXPECT_EQ(truth.method, refit);
  ASSERT_EQ(found.metrics.size(), truth.metrics.size());
  for (std::size_t m = 0; m < truth.metrics.size(); ++m) {
    ASSERT_EQ(found.metrics[m].folds.size(), truth.metrics[m].folds.size());
    for (std::size_t k = 0; k < truth.metrics[m].folds.size(); ++k) {
      const double expected = truth.metrics[m].folds[k];
      EXPECT_NEAR(found.metrics[m].folds[k], expected, 1e-10 * std::abs(expected))
          << estimator.text() << ", " << truth.metrics[m].metric << ", fold " << k;
    }
  }
  EXPECT_EQ(found.warnings, truth.warnings);
  EXPECT_EQ(found.n_train, truth.n_train);
  EXPECT_EQ(found.n_test, truth.n_test);
  EXPECT_EQ(found.splitter, truth.splitter);
}

TEST(FoldStatistics, ScoreAsRefitsDo) {
  for (const double apart : {1.0, 1e-2, 1e-3}) {
    const Data d = data(apart);
    expect_scores_of_refits(LinearRegression{}, d, {}, sufficient_statistics);
    expect_scores_of_refits(Ridge{.alpha = 3.0}, d, {}, sufficient_statistics);
    expect_scores_of_refits(Ridge{.alpha = 1e-3}, d, {}, sufficient_statistics);
  }
}

TEST(FoldStatistics, AreCorrectedByTheRowsWhereTheConditionAsksForIt) {
  for (const double apart : {1e-4, 1e-5}) {
    expect_scores_of_refits(LinearRegression{}, data(apart), {}, refined_statistics);
    expect_scores_of_refits(Ridge{.alpha = 1e-12}, data(apart), {}, refined_statistics);
  }
}

TEST(FoldStatistics, StandBackForRefitsBeyond) {
  expect_scores_of_refits(LinearRegression{}, data(1e-7), {}, refit);
  expect_scores_of_refits(LinearRegression{}, data(0.0), {}, refit);
}

TEST(FoldStatistics, SingleRowsWithSmallErrorsAreFittedWithoutThemAlone) {
  for (const double apart : {1.0, 1e-1, 3e-2}) {
    const Data d = data(apart, 300, 1, 1.0);
    CrossValidateOptions options;
    options.metrics = {make_metric("mse"), make_metric("mae")};
    options.splitter = KFold{.n_splits = 300};
    expect_scores_of_refits(LinearRegression{}, d, options, sufficient_statistics);
    expect_scores_of_refits(Ridge{.alpha = 1e-3}, d, options, sufficient_statistics);
    options.return_predictions = true;
    expect_scores_of_refits(LinearRegression{}, d, options, sufficient_statistics);
  }
}

TEST(FoldStatistics, StandBackWhereCoefficientsAreLargeAndCancel) {
  const auto large = [](double apart) { return data(apart, 1000, 1, 10.0, true); };
  expect_scores_of_refits(LinearRegression{}, large(1e-1), {}, sufficient_statistics);
  expect_scores_of_refits(LinearRegression{}, large(1e-3), {}, refined_statistics);
  expect_scores_of_refits(LinearRegression{}, large(1e-5), {}, refit);
}

TEST(FoldStatistics, StandBackWhereAModelWithoutInterceptSeesHowMeansWereRounded) {
  // A mean of 1e7 in doubles is off by 1e-9, which a shift leaves, and no intercept takes.
  Data d = data(1.0, 300);
  const Estimator through_zero = StandardScaler{} | Ridge{.fit_intercept = false};
  expect_scores_of_refits(through_zero, d, {}, sufficient_statistics);
  d.X.col(0).array() += 1e7;
  expect_scores_of_refits(through_zero, d, {}, refit);
  expect_scores_of_refits(StandardScaler{} | Ridge{}, d, {}, sufficient_statistics);
}

TEST(FoldStatistics, StandBackWhereWhatIsLeftOfMeansMeetsAFarTarget) {
  // What rounding leaves of a mean, times that of a target far from 0, without an intercept.
  Data d = data(1.0, 300);
  d.X.col(0).array() += 1e8;
  d.y.array() += 1e9;
  const Estimator through_zero = StandardScaler{} | LinearRegression{.fit_intercept = false};
  expect_scores_of_refits(through_zero, d, {}, refit);
}

TEST(FoldStatistics, AreRefinedWhereAskedFor) {
  expect_scores_of_refits(LinearRegression{}, data(1.0), {.method = refined_statistics},
                          refined_statistics);
  expect_scores_of_refits(LinearRegression{}, data(1e-3, 1000, 3),
                          {.splitter = KFold{.shuffle = true}, .method = refined_statistics},
                          refined_statistics);
}

TEST(FoldStatistics, OfUnequalAndShuffledFolds) {
  const Data d = data(0.1, 1003);
  for (const char* splitter : {"kfold(n_splits=7)", "kfold(n_splits=4, shuffle=true)",
                               "kfold(n_splits=2)", "leave_one_out"}) {
    CrossValidateOptions options{.splitter = make_splitter(splitter)};
    if (options.splitter->name() == "leave_one_out") {
      options.metrics = {make_metric("mse"), make_metric("mae"), make_metric("r2")};
      const Data few = data(0.1, 60);
      const CrossValidation found = cross_validate(Ridge{}, few.X, few.y, options);
      const CrossValidation truth = cross_validate(Ridge{}, few.X, few.y, refits(options));
      EXPECT_EQ(found.method, sufficient_statistics);
      EXPECT_NEAR(found.metrics[0].mean, truth.metrics[0].mean, 1e-10 * truth.metrics[0].mean);
      EXPECT_TRUE(std::isnan(found.metrics[2].mean));  // r2 of a single row
      EXPECT_EQ(found.warnings, truth.warnings);
      continue;
    }
    expect_scores_of_refits(LinearRegression{}, d, options, sufficient_statistics);
  }
}

TEST(FoldStatistics, OfGroups) {
  const Data d = data(0.1);
  std::vector<int> group;
  for (int i = 0; i < 1000; ++i) group.push_back(i * i % 17);
  const Labels groups{std::span<const int>(group)};
  for (const char* splitter : {"group_kfold(n_splits=4)", "leave_one_group_out"}) {
    expect_scores_of_refits(Ridge{}, d, {.splitter = make_splitter(splitter), .groups = &groups},
                            sufficient_statistics);
  }
}

TEST(FoldStatistics, HeedWeights) {
  const Data d = data(0.01);
  std::vector<double> weight;
  for (int i = 0; i < 1000; ++i) weight.push_back(i % 7 == 0 ? 0.0 : 0.5 + i % 5);
  CrossValidateOptions options;
  options.context.weight = weight;
  expect_scores_of_refits(LinearRegression{}, d, options, sufficient_statistics);
  expect_scores_of_refits(StandardScaler{} | Ridge{}, d, options, sufficient_statistics);
  expect_scores_of_refits(LinearRegression{}, data(1e-5), options, refined_statistics);
  // pca takes none, so its sums would not be those of its rows.
  expect_scores_of_refits(Pca{} | Ridge{}, d, options, refit);
}

TEST(FoldStatistics, OfSeveralTargets) {
  const Data d = data(0.01, 1000, 3);
  expect_scores_of_refits(LinearRegression{}, d, {}, sufficient_statistics);
  expect_scores_of_refits(Ridge{.alpha = 10.0}, d, {}, sufficient_statistics);
}

TEST(FoldStatistics, WithoutAnIntercept) {
  expect_scores_of_refits(LinearRegression{.fit_intercept = false}, data(0.1), {},
                          sufficient_statistics);
  expect_scores_of_refits(Ridge{.alpha = 2.0, .fit_intercept = false}, data(0.1), {},
                          sufficient_statistics);
}

TEST(FoldStatistics, GoThroughThePipelinesSteps) {
  Data d = data(0.5);
  d.X.col(3) *= 1e6;  // so that the components stand apart
  expect_scores_of_refits(StandardScaler{} | Ridge{.alpha = 5.0}, d, {}, sufficient_statistics);
  expect_scores_of_refits(StandardScaler{.with_mean = false} | LinearRegression{}, d, {},
                          sufficient_statistics);
  expect_scores_of_refits(StandardScaler{.with_std = false} | Ridge{}, d, {},
                          sufficient_statistics);
  expect_scores_of_refits(StandardScaler{} | Pca{} | Ridge{}, d, {}, sufficient_statistics);
  expect_scores_of_refits(StandardScaler{} |
                              Pca{.n_components = CountOrShare(std::int64_t{7}), .whiten = true} |
                              LinearRegression{},
                          d, {}, sufficient_statistics);
}

TEST(FoldStatistics, GivePredictionsOfRefits) {
  const Data d = data(0.1, 500);
  const CrossValidateOptions options{.splitter = KFold{.n_splits = 3, .shuffle = true},
                                     .return_predictions = true};
  const CrossValidation found = cross_validate(LinearRegression{}, d.X, d.y, options);
  const CrossValidation truth = cross_validate(LinearRegression{}, d.X, d.y, refits(options));
  EXPECT_EQ(found.method, sufficient_statistics);
  EXPECT_EQ(found.predictions.rows, truth.predictions.rows);
  EXPECT_EQ(found.predictions.folds, truth.predictions.folds);
  EXPECT_LT((found.predictions.numbers - truth.predictions.numbers).cwiseAbs().maxCoeff(),
            1e-11 * truth.predictions.numbers.cwiseAbs().maxCoeff());
}

TEST(FoldStatistics, StandBackWhereSumsLoseDigits) {
  // Nothing is left as residual, so its size is rounding.
  expect_scores_of_refits(LinearRegression{}, data(1.0, 200, 1, 1e-9), {}, refit);
  Data far = data(1.0);
  far.X.array() += 1e9;
  expect_scores_of_refits(LinearRegression{}, far, {}, refit);
  Data constant = data(1.0);
  constant.X.col(4).setConstant(0.1);
  expect_scores_of_refits(StandardScaler{} | Ridge{}, constant, {}, refit);
  const Data few = data(1.0, 10);
  expect_scores_of_refits(Ridge{}, few, {.splitter = KFold{.n_splits = 3}}, refit);
  Data tiny = data(1.0);
  tiny.X.col(4) *= 1e-170;  // whose squares vanish
  expect_scores_of_refits(LinearRegression{}, tiny, {}, refit);
}

TEST(FoldStatistics, StandBackWhereTrainingRowsAreNotAllOthers) {
  const Data d = data(1.0);
  for (const char* splitter : {"shuffle_split(n_splits=3)", "time_series_split",
                               "shuffle_split(n_splits=3, test_size=0.5)"}) {
    expect_scores_of_refits(Ridge{}, d, {.splitter = make_splitter(splitter)}, refit);
  }
}

TEST(FoldStatistics, StandBackForModelsAndTrainingScores) {
  const Data d = data(1.0);
  EXPECT_EQ(cross_validate(Ridge{}, d.X, d.y, {.return_models = true}).method, refit);
  EXPECT_EQ(cross_validate(Ridge{}, d.X, d.y, {.return_train_scores = true}).method, refit);
}

TEST(FoldStatistics, LeaveErrorsToTheFits) {
  Data d = data(1.0);
  EXPECT_THAT(message_of([&] { cross_validate(Ridge{.alpha = -1.0}, d.X, d.y); }),
              HasSubstr("fold 1 of 5: "));
  d.X(500, 2) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(message_of([&] { cross_validate(Ridge{}, d.X, d.y); }),
            message_of([&] { cross_validate(Ridge{}, d.X, d.y, {.method = refit}); }));
}

TEST(FoldStatistics, AreSharedByCandidates) {
  const Data d = data(0.1);
  std::vector<Estimator> candidates;
  for (const double alpha : {0.01, 1.0, 100.0}) {
    candidates.push_back(Ridge{.alpha = alpha});
    candidates.push_back(StandardScaler{} | Ridge{.alpha = alpha});
  }
  candidates.push_back(LinearRegression{});
  const std::vector<CrossValidation> together = cross_validate(candidates, d.X, d.y);
  ASSERT_EQ(together.size(), candidates.size());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const CrossValidation alone = cross_validate(candidates[i], d.X, d.y);
    EXPECT_EQ(together[i].pipeline, candidates[i].text());
    EXPECT_EQ(together[i].method, sufficient_statistics);
    EXPECT_THAT(together[i].metrics[0].folds, ElementsAreArray(alone.metrics[0].folds));
  }
}

TEST(FoldStatistics, HaveTheSameBitsForAnyNumberOfThreads) {
  const Data d = data(0.1, 20000);
  const std::vector<Estimator> candidates = {Ridge{}, StandardScaler{} | Pca{} | Ridge{},
                                             LinearRegression{}};
  const int before = thread_limit();
  for (const auto method : {sufficient_statistics, refined_statistics}) {
    std::vector<std::vector<double>> first;
    for (const int threads : {1, 2, 3, 5, 16}) {
      set_thread_limit(threads);
      std::vector<std::vector<double>> scores;
      for (const CrossValidation& cv : cross_validate(candidates, d.X, d.y, {.method = method})) {
        scores.push_back(cv.metrics[0].folds);
      }
      if (first.empty()) first = scores;
      EXPECT_EQ(scores, first) << threads << " threads";
    }
  }
  set_thread_limit(before);
}

TEST(FoldStatistics, ReportProgressFoldByFold) {
  const Data d = data(1.0);
  std::vector<Index> seen;
  cross_validate(Ridge{}, d.X, d.y,
                 {.splitter = KFold{.n_splits = 3},
                  .progress = [&](Index done, Index) { seen.push_back(done); }});
  EXPECT_THAT(seen, testing::ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace lathe
