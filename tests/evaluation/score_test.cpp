#include "lathe/evaluation/score.h"

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/datasets/table.h"
#include "lathe/evaluation/cross_validate.h"
#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/fitted_pipeline.h"

#include "tests/evaluation/error_code.h"
#include "tests/evaluation/toy_estimators.h"

namespace lathe {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double clipped = 36.04365338911715;  // -log(2^-52)

using Texts = std::vector<std::optional<std::string>>;

Table with_target(std::vector<double> y) {
  Table table;
  table.add_numeric("x", std::vector<double>(y.size(), 1.0));
  table.add_numeric("y", std::move(y));
  return table;
}

Table with_labels(const Texts& y) {
  Table table;
  table.add_numeric("x", std::vector<double>(y.size(), 1.0));
  table.add_texts("y", y);
  return table;
}

double value(const FittedPipeline& fitted, const Table& table, const char* metric) {
  return score(fitted, table, {make_metric(metric)}).at(0).value;
}

TEST(Score, OfARegressorOnNewRows) {
  const FittedPipeline fitted = fit(MeanRegressor{}, with_target({1.0, 3.0}), {.targets = {"y"}});

  const std::vector<Score> scores = score(fitted, with_target({2.0, 5.0}));

  ASSERT_EQ(scores.size(), 3U);
  EXPECT_EQ(scores[0].metric, "r2");
  EXPECT_TRUE(scores[0].greater_is_better);
  EXPECT_EQ(scores[0].value, 1.0 - 9.0 / 4.5);
  EXPECT_EQ(scores[2].metric, "mae");
  EXPECT_EQ(scores[2].value, 1.5);
}

TEST(Score, HeedsTheWeightsOfTheModelsColumn) {
  Table train = with_target({1.0, 3.0});
  train.add_numeric("w", {1.0, 1.0});
  const FittedPipeline fitted = fit(MeanRegressor{}, train, {.targets = {"y"}, .weight = "w"});
  Table table = with_target({2.0, 5.0});
  std::vector<std::string> notes;
  EXPECT_EQ(score(fitted, table, {make_metric("mae")}, &notes)[0].value, 1.5);
  EXPECT_THAT(notes, ElementsAre(HasSubstr("there is no column \"w\" of weights")));

  table.add_numeric("w", {1.0, 2.0});
  EXPECT_EQ(value(fitted, table, "mae"), 2.0);

  Table text = with_target({2.0, 5.0});
  text.add_texts("w", Texts{"a", "b"});
  EXPECT_EQ(code_of([&] { score(fitted, text); }), "V005");
}

TEST(Score, AlignsTheClassesOfModelAndTable) {
  const FittedPipeline fitted =
      fit(ShareClassifier{}, with_labels({"a", "b", "b", "b", "c"}), {.targets = {"y"}});
  // The table holds fewer classes than the model.
  const Table table = with_labels({"b", "c"});
  EXPECT_EQ(value(fitted, table, "accuracy"), 0.5);
  EXPECT_DOUBLE_EQ(value(fitted, table, "log_loss"), -(std::log(0.6) + std::log(0.2)) / 2.0);
}

TEST(Score, ALabelThatTrainingDidNotSeeCountsAsWrong) {
  const FittedPipeline fitted =
      fit(ShareClassifier{}, with_labels({"b", "b", "b", "c"}), {.targets = {"y"}});
  std::vector<std::string> notes;
  const std::vector<Score> scores = score(
      fitted, with_labels({"b", "a"}), {make_metric("accuracy"), make_metric("log_loss")}, &notes);
  EXPECT_EQ(scores[0].value, 0.5);
  EXPECT_NEAR(scores[1].value, (clipped - std::log(0.75)) / 2.0, 1e-12);
  EXPECT_THAT(notes, ElementsAre("1 row is of class a, which training did not see: it counts "
                                 "as wrong"));
}

TEST(Score, LabelsThatLookLikeNumbersMatchTextLabels) {
  const FittedPipeline fitted =
      fit(ShareClassifier{}, with_labels({"1", "1", "x"}), {.targets = {"y"}});
  EXPECT_EQ(value(fitted, with_target({1.0, 2.0}), "accuracy"), 0.5);

  const FittedPipeline whole =
      fit(ShareClassifier{}, with_target({7.0, 7.0, 8.0}), {.targets = {"y"}});
  EXPECT_EQ(value(whole, with_labels({"7", "x"}), "accuracy"), 0.5);
  EXPECT_EQ(value(whole, with_target({7.0, 9.0}), "accuracy"), 0.5);
}

TEST(Score, OfAClustererNeedsNoTarget) {
  Table train;
  train.add_numeric("x", {-4.0, 4.0});
  const FittedPipeline fitted = fit(Centre{} | SignClusterer{}, train, {});
  Table table;
  table.add_numeric("x", {-1.0, -2.0, 3.0, 5.0});
  EXPECT_EQ(score(fitted, table)[0].value,
            silhouette_score(Matrix{{-1.0}, {-2.0}, {3.0}, {5.0}}, {0, 0, 1, 1}));
  EXPECT_EQ(code_of([&] { value(fitted, table, "adjusted_rand"); }), "Q011");
}

TEST(Score, OfAClustererAgainstTheLabelsItWasTrainedBeside) {
  Table train;
  train.add_numeric("x", {-4.0, 4.0});
  train.add_texts("y", Texts{"a", "b"});
  train.add_numeric("w", {1.0, 1.0});
  const FittedPipeline fitted = fit(SignClusterer{}, train, {.targets = {"y"}, .weight = "w"});
  std::vector<std::string> notes;
  EXPECT_EQ(score(fitted, train, {make_metric("adjusted_rand")}, &notes)[0].value, 1.0);
  EXPECT_THAT(notes, ElementsAre("adjusted_rand does not heed the weights"));
}

TEST(Score, RefusesTablesThatCannotBeScored) {
  const FittedPipeline numbers = fit(MeanRegressor{}, with_target({1.0, 3.0}), {.targets = {"y"}});
  Table no_target;
  no_target.add_numeric("x", {1.0});
  EXPECT_THROW(score(numbers, no_target), NotFound);
  EXPECT_EQ(message_of([&] {
              score(numbers, with_target({1.0, nan, nan}));
            }),
            "V004: target \"y\" is missing in 2 rows, first in row 1 (leave those rows out: they "
            "cannot be scored)");
  EXPECT_EQ(code_of([&] { score(numbers, with_labels({"a", "b"})); }), "V005");
  EXPECT_EQ(code_of([&] { score(numbers, with_target({})); }), "Q001");
  EXPECT_EQ(code_of([&] { value(numbers, with_target({1.0, 2.0}), "accuracy"); }), "V002");
  Table plain;
  plain.add_numeric("x", {1.0, 2.0});
  EXPECT_EQ(code_of([&] { score(fit(Centre{}, plain, {}), plain); }), "V001");
}

TEST(CrossValidateTable, TakesPipelineTargetAndWeights) {
  Table table = with_target({0.0, 2.0, 4.0, 8.0});
  table.add_numeric("w", {1.0, 3.0, 3.0, 1.0});
  const TrainingData data = prepare(MeanRegressor{}, table, {.targets = {"y"}, .weight = "w"});

  const CrossValidation cv = cross_validate(
      data,
      {.splitter = KFold{.n_splits = 2}, .metrics = {make_metric("mae")}, .context = {.seed = 3}});

  EXPECT_THAT(cv.metrics[0].folds, ElementsAre(3.5, 3.5));
  EXPECT_EQ(cv.seed, 3U);
}

TEST(CrossValidateTable, ScoresForTheContractAreThoseThatAreDefined) {
  const TrainingData data =
      prepare(MeanRegressor{}, with_target({0.0, 2.0, 4.0}), {.targets = {"y"}});
  const CrossValidation cv = cross_validate(data, {.splitter = LeaveOneOut{}});

  const std::vector<CrossValidationScore> scores = contract_scores(cv);

  ASSERT_EQ(cv.metrics[0].metric, "r2");  // not defined for one row
  ASSERT_EQ(scores.size(), 2U);
  EXPECT_EQ(scores[0].metric, "rmse");
  EXPECT_EQ(scores[0].splitter, "leave_one_out");
  EXPECT_THAT(scores[0].folds, ElementsAre(3.0, 0.0, 3.0));
  EXPECT_EQ(scores[0].mean, 2.0);
}

}  // namespace
}  // namespace lathe
