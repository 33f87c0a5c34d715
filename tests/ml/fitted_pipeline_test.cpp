#include "lathe/ml/fitted_pipeline.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "lathe/ml/core/error.h"
#include "lathe/ml/registry.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
using Texts = std::vector<std::optional<std::string>>;

// y = 2 a + (b is "x" ? 10 : 0), exactly.
Table training() {
  Table table;
  table.add_numeric("a", {0.0, 1.0, 2.0, 3.0});
  table.add_texts("b", Texts{"x", "y", "x", "y"});
  table.add_numeric("y", {10.0, 2.0, 14.0, 6.0});
  return table;
}

FitOptions target(const char* name) {
  FitOptions options;
  options.targets = {name};
  return options;
}

FittedPipeline line() {
  return fit(
      make_estimator("columns(numeric: passthrough, categorical: one_hot_encoder(drop=first, "
                     "handle_unknown=ignore)) | linear_regression"),
      training(), target("y"));
}

template <class Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code() + " " + error.what();
  }
  return "accepted";
}

TEST(FittedPipeline, HasAContractOfWhatItWasTrainedOn) {
  const Contract contract = line().contract();
  EXPECT_EQ(contract.lathe_version, lathe_version());
  EXPECT_EQ(contract.role, Role::regressor);
  ASSERT_EQ(contract.inputs.size(), 2);
  EXPECT_EQ(contract.inputs[0], (Column{"a", ColumnKind::numeric, {}}));
  EXPECT_EQ(contract.inputs[1], (Column{"b", ColumnKind::categorical, {"x", "y"}}));
  EXPECT_EQ(contract.statistics[0].mean, 1.5);
  EXPECT_THAT(contract.statistics[1].category_counts, ElementsAre(2, 2));
  EXPECT_THAT(contract.targets, ElementsAre("y"));
  EXPECT_THAT(contract.outputs, ElementsAre("y"));
  EXPECT_EQ(contract.rows, 4);
  EXPECT_EQ(contract_from_json(to_json(contract)), contract);
}

TEST(FittedPipeline, KeepsTrainingRowsThatAreAskedFor) {
  Table table;
  table.add_numeric("a", {0.0, 1.0, missing, 3.0, 4.0});
  table.add_texts("b", Texts{"x", "y", "x", std::nullopt, "y"});
  FitOptions options;
  options.warm_rows = 2;
  const Estimator pipeline =
      make_estimator("columns(numeric: simple_imputer, categorical: one_hot_encoder)");
  const Contract contract = fit(pipeline, table, options).contract();
  using Row = std::vector<std::optional<double>>;
  EXPECT_THAT(contract.warm_rows, ElementsAre(Row{0.0, 0.0}, Row{std::nullopt, 0.0}));
  const Matrix rows = warm_rows(contract);
  EXPECT_EQ(rows.row(0), RowVector::Zero(2));
  EXPECT_TRUE(std::isnan(rows(1, 0)));

  options.warm_rows = 100;
  EXPECT_EQ(fit(pipeline, table, options).contract().warm_rows.size(), 5U);
  EXPECT_EQ(warm_rows(fit(pipeline, table, {}).contract()).rows(), 0) << "none unless asked for";
}

TEST(FittedPipeline, TheFingerprintIsThatOfTheTrainingData) {
  const auto fingerprint = [](const Table& table) {
    return fit(make_estimator("ridge"), table, target("y")).contract().data_fingerprint;
  };
  Table other = training().drop("y");
  other.add_numeric("y", {10.0, 2.0, 14.0, 6.5});
  EXPECT_EQ(fingerprint(training()), fingerprint(training()));
  EXPECT_NE(fingerprint(training()), fingerprint(other));
}

TEST(FittedPipeline, PredictsByColumnName) {
  Table rows;
  rows.add_texts("b", Texts{"y", "x"});
  rows.add_numeric("other", {7.0, 8.0});
  rows.add_numeric("a", {10.0, 20.0});
  std::vector<std::string> notes;
  const Prediction prediction = line().predict(rows, false, &notes);
  const Matrix& values = std::get<Matrix>(prediction.values);
  EXPECT_NEAR(values(0, 0), 20.0, 1e-12);
  EXPECT_NEAR(values(1, 0), 50.0, 1e-12);
  EXPECT_THAT(notes, ElementsAre("columns that the model does not use were ignored: \"other\""));
}

TEST(FittedPipeline, DoesNotNoteTheTarget) {
  std::vector<std::string> notes;
  line().predict(training(), false, &notes);
  EXPECT_THAT(notes, IsEmpty());
}

TEST(FittedPipeline, ZeroRowsGiveZeroPredictions) {
  const Prediction prediction = line().predict(training().select_rows({}));
  EXPECT_EQ(std::get<Matrix>(prediction.values).rows(), 0);
  EXPECT_EQ(std::get<Matrix>(prediction.values).cols(), 1);
}

TEST(FittedPipeline, LevelsItHasNotSeenAreUnknownAndSaidSo) {
  Table rows;
  rows.add_numeric("a", {0.0, 0.0, 0.0, 0.0});
  rows.add_texts("b", Texts{"x", "new", "newer", std::nullopt});
  std::vector<std::string> notes;
  const Matrix X = line().bind(rows, &notes);
  EXPECT_EQ(X(0, 1), 0.0);
  EXPECT_EQ(X(1, 1), unknown_category);
  EXPECT_EQ(X(2, 1), unknown_category);
  EXPECT_TRUE(std::isnan(X(3, 1)));
  EXPECT_THAT(notes, ElementsAre("column \"b\" has 2 cells with levels that training did not see, "
                                 "first \"new\" in row 1"));
}

TEST(FittedPipeline, RefusesMissingColumnsAllAtOnce) {
  Table table;
  table.add_numeric("length", {1.0, 2.0});
  table.add_numeric("width", {3.0, 5.0});
  const FittedPipeline fitted = fit(make_estimator("standard_scaler"), table, {});
  Table rows;
  rows.add_numeric("lenght", {1.0});
  EXPECT_EQ(refusal([&] { fitted.bind(rows); }),
            "B001 the model needs columns that the data has not: \"length\" (did you mean "
            "\"lenght\"?), \"width\"");
}

TEST(FittedPipeline, RefusesTextWhereNumbersBelong) {
  Table rows;
  rows.add_texts("a", Texts{"1", std::nullopt, "two", "3"});
  rows.add_texts("b", Texts{"x", "x", "x", "x"});
  EXPECT_EQ(refusal([&] { line().bind(rows); }),
            "B002 column \"a\" must be numeric, but row 2 holds the text \"two\"");
  Table numerals;
  numerals.add_texts("a", Texts{std::nullopt, "1"});
  numerals.add_texts("b", Texts{"x", "x"});
  EXPECT_THAT(refusal([&] { line().bind(numerals); }), HasSubstr("row 1 holds the text \"1\""));
  Table empty;
  empty.add_texts("a", Texts{std::nullopt});
  empty.add_texts("b", Texts{"x"});
  EXPECT_TRUE(std::isnan(line().bind(empty)(0, 0)));
}

TEST(FittedPipeline, RefusesNumbersWhereTextBelongs) {
  Table rows;
  rows.add_numeric("a", {1.0, 1.0});
  rows.add_numeric("b", {missing, 2.0});
  EXPECT_EQ(refusal([&] { line().bind(rows); }),
            "B003 column \"b\" must be text, but row 1 holds the number 2.0");
}

TEST(FittedPipeline, FindsNumbersAmongCategoriesThatAreNumerals) {
  Table table;
  table.add_texts("code", Texts{"1", "2", "2.5", "3.0"});
  table.add_numeric("y", {1.0, 2.0, 3.0, 4.0});
  const FittedPipeline fitted =
      fit(make_estimator("columns(categorical: ordinal_encoder(handle_unknown=use_encoded_value, "
                         "unknown_value=-1)) | ridge"),
          table, target("y"));
  Table rows;
  rows.add_numeric("code", {2.0, 2.5, 3.0, 4.0, missing});
  std::vector<std::string> notes;
  const Matrix X = fitted.bind(rows, &notes);
  EXPECT_EQ(X(0, 0), 1.0);
  EXPECT_EQ(X(1, 0), 2.0);
  EXPECT_EQ(X(2, 0), 3.0);
  EXPECT_EQ(X(3, 0), unknown_category);
  EXPECT_TRUE(std::isnan(X(4, 0)));
  EXPECT_THAT(notes, ElementsAre(HasSubstr("first \"4.0\" in row 3")));
}

TEST(FittedPipeline, NamesTheCellThatTheModelDoesNotTake) {
  Table rows;
  rows.add_numeric("a", {1.0, 2.0, missing});
  rows.add_texts("b", Texts{"x", "y", "x"});
  EXPECT_THAT(refusal([&] { line().predict(rows); }),
              HasSubstr("B004 column \"a\" is missing in row 2"));
  Table infinite;
  infinite.add_numeric("a", {1.0, std::numeric_limits<double>::infinity()});
  infinite.add_texts("b", Texts{"x", "y"});
  EXPECT_THAT(refusal([&] { line().predict(infinite); }),
              HasSubstr("B004 column \"a\" is infinite in row 1"));
}

TEST(FittedPipeline, GivesLabelsAndProbabilitiesOfAClassifier) {
  Table table;
  table.add_numeric("a", {-2.0, -1.0, 1.0, 2.0});
  table.add_texts("sign", Texts{"minus", "minus", "plus", "plus"});
  const FittedPipeline fitted = fit(make_estimator("logistic_regression"), table, target("sign"));
  EXPECT_EQ(fitted.contract().classes, Classes(std::vector<std::string>{"minus", "plus"}));
  const Prediction prediction = fitted.predict(table, true);
  EXPECT_EQ(std::get<Labels>(prediction.values), table.labels(1));
  ASSERT_EQ(prediction.proba.rows(), 4);
  ASSERT_EQ(prediction.proba.cols(), 2);
  EXPECT_GT(prediction.proba(3, 1), 0.5);
  EXPECT_EQ(fitted.predict(table).proba.size(), 0);
}

TEST(FittedPipeline, OnlyClassifiersHaveProbabilities) {
  EXPECT_EQ(refusal([] { line().predict(training(), true); }),
            "B005 the pipeline is a regressor and has no probabilities");
}

TEST(FittedPipeline, GivesNumbersOfClustersAndTransformedColumns) {
  Table table;
  table.add_numeric("a", {0.0, 0.1, 9.0, 9.1});
  const FittedPipeline clusters = fit(make_estimator("kmeans(n_clusters=2)"), table, {});
  const auto numbers = std::get<std::vector<std::int64_t>>(clusters.predict(table).values);
  EXPECT_EQ(numbers[0], numbers[1]);
  EXPECT_NE(numbers[0], numbers[2]);
  EXPECT_THAT(clusters.contract().outputs, ElementsAre("cluster"));

  const FittedPipeline scaled = fit(make_estimator("min_max_scaler"), table, {});
  EXPECT_EQ(std::get<Matrix>(scaled.predict(table).values)(3, 0), 1.0);
  EXPECT_THAT(scaled.contract().outputs, ElementsAre("a"));
}

TEST(FittedPipeline, RefusesAContractOfAnotherModel) {
  const FittedPipeline fitted = line();
  const auto with = [&](auto change) {
    Contract contract = fitted.contract();
    change(contract);
    return refusal([&] { FittedPipeline(contract, fitted.model()); });
  };
  EXPECT_EQ(with([](Contract&) {}), "accepted");
  EXPECT_THAT(with([](Contract& c) { c.role = Role::clusterer; }), HasSubstr("M012"));
  EXPECT_THAT(with([](Contract& c) { c.inputs.columns.pop_back(); }), HasSubstr("M012"));
  EXPECT_THAT(with([](Contract& c) { c.statistics.pop_back(); }), HasSubstr("M012"));
  EXPECT_THAT(with([](Contract& c) { c.classes = Classes(std::vector<std::int64_t>{1}); }),
              HasSubstr("M012"));
  EXPECT_THAT(with([](Contract& c) { c.outputs = {"z"}; }), HasSubstr("M012"));
  EXPECT_THAT(with([](Contract& c) { c.targets.push_back("z"); }), HasSubstr("M012"));
  EXPECT_THAT(refusal([&] { FittedPipeline(fitted.contract(), nullptr); }), HasSubstr("M012"));

  Table texts;
  texts.add_texts("b", Texts{"x", "y"});
  const FittedPipeline encoder = fit(make_estimator("one_hot_encoder"), texts, {});
  Contract numeric = encoder.contract();
  numeric.inputs.columns[0] = {"b", ColumnKind::numeric, {}};
  EXPECT_THAT(refusal([&] { FittedPipeline(numeric, encoder.model()); }), HasSubstr("M012"));
}

TEST(FittedPipeline, KeepsScores) {
  FittedPipeline fitted = line();
  fitted.set_scores({{"r2", "kfold", {0.5, 1.0}, 0.75, 0.25}});
  EXPECT_EQ(fitted.contract().scores.at(0).mean, 0.75);
}

TEST(Fit, PassesTheNotesOn) {
  std::vector<std::string> notes;
  fit(make_estimator("ridge"), training(), target("y"), &notes);
  EXPECT_THAT(notes, ElementsAre(HasSubstr("column \"b\" is text")));
}

}  // namespace
}  // namespace lathe
