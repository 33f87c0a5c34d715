#include <limits>

#include <gmock/gmock.h>

#include "lathe/ml/core/error.h"
#include "lathe/ml/fitted_pipeline.h"
#include "lathe/ml/registry.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
using Texts = std::vector<std::optional<std::string>>;

Table houses() {
  Table table;
  table.add_numeric("area", {50.0, 80.0, 65.0, 120.0});
  table.add_numeric("rooms", {2.0, 3.0, missing, 5.0});
  table.add_texts("town", Texts{"Oslo", "Bergen", std::nullopt, "Oslo"});
  table.add_numeric("price", {3.5, 4.0, 3.75, 8.0});
  table.add_numeric("grade", {1.0, 2.0, 1.0, 2.0});
  table.add_numeric("weight", {1.0, 0.0, 2.0, 1.0});
  return table;
}

TrainingData prepared(const char* pipeline, const FitOptions& options) {
  return prepare(make_estimator(pipeline), houses(), options);
}

std::vector<std::string> names(const Schema& schema) {
  std::vector<std::string> result;
  for (const Column& column : schema.columns) result.push_back(column.name);
  return result;
}

FitOptions choice(std::vector<std::string> targets, std::vector<std::string> drop = {},
                  std::string weight = {}) {
  FitOptions options;
  options.targets = std::move(targets);
  options.drop = std::move(drop);
  options.weight = std::move(weight);
  return options;
}

std::string refusal(const char* pipeline, const FitOptions& options, const Table& table) {
  try {
    prepare(make_estimator(pipeline), table, options);
  } catch (const InvalidArgument& error) {
    return error.code() + " " + error.what();
  } catch (const NotFound& error) {
    return "not found: " + std::string(error.what()) + error.help();
  }
  return "prepared";
}

std::string refusal(const char* pipeline, const FitOptions& options) {
  return refusal(pipeline, options, houses());
}

TEST(Prepare, GivesEachColumnItsUse) {
  const TrainingData data =
      prepared("linear_regression", choice({"price"}, {"town", "grade", "town"}, "weight"));
  EXPECT_THAT(names(data.inputs), ElementsAre("area", "rooms"));
  EXPECT_EQ(data.X.rows(), 4);
  EXPECT_EQ(data.X(3, 1), 5.0);
  EXPECT_TRUE(std::isnan(data.X(2, 1)));
  EXPECT_EQ(std::get<Matrix>(data.y), (Matrix{{3.5}, {4.0}, {3.75}, {8.0}}));
  EXPECT_THAT(data.weight, ElementsAre(1.0, 0.0, 2.0, 1.0));
  EXPECT_THAT(data.notes, IsEmpty());
  EXPECT_EQ(data.pipeline.text(), "linear_regression");
}

TEST(Prepare, TheRoleOfTheLastStepSaysWhatTheTargetIs) {
  const FitOptions grade = choice({"grade"}, {"town"});
  EXPECT_TRUE(prepared("standard_scaler | ridge", grade).target().has_numbers());
  EXPECT_EQ(std::get<Labels>(prepared("standard_scaler | logistic_regression", grade).y),
            (Labels{1, 2, 1, 2}));
  const FitOptions two = choice({"price", "grade"}, {"town"});
  EXPECT_EQ(std::get<Matrix>(prepared("ridge", two).y).cols(), 2);
  EXPECT_THAT(refusal("logistic_regression", two), HasSubstr("F006"));
}

TEST(Prepare, ATargetIsOptionalWhereNothingIsPredicted) {
  EXPECT_TRUE(prepared("kmeans", choice({}, {"town"})).target().empty());
  EXPECT_TRUE(prepared("kmeans", choice({"price"}, {"town"})).target().has_numbers());
  EXPECT_THAT(refusal("ridge", choice({})),
              HasSubstr("F005 ridge is a regressor and needs a target"));
  EXPECT_THAT(refusal("logistic_regression", choice({})), HasSubstr("F005"));
}

TEST(Prepare, TextColumnsGetTheDocumentedDefault) {
  const TrainingData data = prepared("ridge", choice({"price"}));
  EXPECT_EQ(data.pipeline.text(),
            "columns(numeric: simple_imputer, categorical: simple_imputer(strategy=most_frequent) "
            "| one_hot_encoder(handle_unknown=ignore)) | ridge");
  ASSERT_EQ(data.notes.size(), 1U);
  EXPECT_THAT(data.notes[0],
              HasSubstr("column \"town\" is text, which the pipeline does not encode"));

  const FitOptions only_text = choice({"price"}, {"area", "rooms", "grade", "weight"});
  EXPECT_EQ(prepared("ridge", only_text).pipeline.text(),
            "columns(categorical: simple_imputer(strategy=most_frequent) | "
            "one_hot_encoder(handle_unknown=ignore)) | ridge");
}

TEST(Prepare, LeavesAPipelineThatTakesCategoriesAlone) {
  const char* pipeline = "columns(categorical: one_hot_encoder) | ridge";
  const TrainingData data = prepared(pipeline, choice({"price"}));
  EXPECT_EQ(data.pipeline, make_estimator(pipeline));
  EXPECT_THAT(data.notes, IsEmpty());
}

TEST(Prepare, RefusesColumnsThatAreNotThereOrHaveTwoUses) {
  EXPECT_THAT(refusal("ridge", choice({"pryce"})),
              testing::AllOf(HasSubstr("not found"), HasSubstr("price")));
  EXPECT_THAT(refusal("ridge", choice({"price"}, {"tawn"})), HasSubstr("town"));
  EXPECT_THAT(refusal("ridge", choice({"price"}, {}, "wait")), HasSubstr("not found"));
  EXPECT_THAT(refusal("ridge", choice({"price", "price"})),
              HasSubstr("F002 column \"price\" is named twice as the target"));
  EXPECT_THAT(refusal("ridge", choice({"price"}, {"price"})), HasSubstr("both target and dropped"));
  EXPECT_THAT(refusal("ridge", choice({"price"}, {}, "price")),
              HasSubstr("both target and weight"));
}

TEST(Prepare, RefusesATargetThatCannotBe) {
  EXPECT_THAT(refusal("ridge", choice({"rooms"})),
              HasSubstr("F003 target \"rooms\" is missing in 1 of 4 rows, first in row 2"));
  Table text = houses().drop("town");
  text.add_texts("size", Texts{"big", "small", "big", "small"});
  EXPECT_THAT(refusal("ridge", choice({"size"}), text),
              HasSubstr("F004 target \"size\" is text, but ridge predicts numbers"));
  EXPECT_THAT(refusal("logistic_regression", choice({"price"})), HasSubstr("price"));
}

TEST(Prepare, RefusesWeightsThatCannotBe) {
  EXPECT_THAT(refusal("ridge", choice({"price"}, {}, "town")),
              HasSubstr("F007 weight \"town\" is text"));
  EXPECT_THAT(refusal("ridge", choice({"price"}, {}, "rooms")),
              HasSubstr("F003 weight \"rooms\" is missing in 1"));
  Table table = houses();
  table.add_numeric("w", {1.0, -0.5, 1.0, 1.0});
  EXPECT_THAT(refusal("ridge", choice({"price"}, {}, "w"), table),
              HasSubstr("F007 weight \"w\" is -0.5 in row 1"));
}

TEST(Prepare, RefusesInputsThatCannotBe) {
  EXPECT_THAT(refusal("ridge", choice({"price"}, {"area", "rooms", "town", "grade", "weight"})),
              HasSubstr("F001 no column is left"));
  EXPECT_THAT(refusal("ridge", choice({"price"}), houses().select_rows({})),
              HasSubstr("F001 the table has no rows"));
  Table table = houses();
  table.add_numeric("far", {1.0, 2.0, -std::numeric_limits<double>::infinity(), 3.0});
  EXPECT_THAT(refusal("ridge", choice({"price"}), table),
              HasSubstr("F008 column \"far\" holds an infinite number in row 2"));
  EXPECT_EQ(refusal("ridge", choice({"price"}, {"far"}), table), "prepared");
}

TEST(Fit, NamesTheColumnWithMissingCellsThatNoStepTakes) {
  try {
    fit(make_estimator("ridge"), houses(), choice({"price"}, {"town"}));
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_THAT(error.what(), HasSubstr("rooms"));
    EXPECT_THAT(error.help(), HasSubstr("simple_imputer"));
  }
}

}  // namespace
}  // namespace lathe
