#include "lathe/preprocessing/simple_imputer.h"

#include "tests/preprocessing/support.h"

namespace lathe {
namespace {

using Strategy = SimpleImputer::Strategy;

Vector statistics(const SimpleImputer& options, const Matrix& X) {
  return options.fit(X).statistics();
}

TEST(SimpleImputer, FillsNumbersWithAStatistic) {
  const Matrix X{{4.0, 1.0}, {missing, 2.0}, {2.0, 2.0}, {4.0, missing}, {3.0, 1.0}, {2.0, 7.0}};
  EXPECT_EQ(statistics({}, X), (Vector{{3.0, 2.6}}));
  EXPECT_EQ(statistics({.strategy = Strategy::median}, X), (Vector{{3.0, 2.0}}));
  EXPECT_EQ(statistics({.strategy = Strategy::most_frequent}, X), (Vector{{2.0, 1.0}}));
  EXPECT_EQ(statistics({.strategy = Strategy::constant}, X), (Vector{{0.0, 0.0}}));
  EXPECT_EQ(statistics({.strategy = Strategy::constant, .fill_value = -1.0}, X),
            (Vector{{-1.0, -1.0}}));
  EXPECT_EQ(SimpleImputer{}.fit(X).transform(Matrix{{missing, 5.0}, {1.0, missing}}),
            (Matrix{{3.0, 5.0}, {1.0, 2.6}}));
}

TEST(SimpleImputer, TakesTheMiddleOfTwoForAMedian) {
  const SimpleImputer options{.strategy = Strategy::median};
  EXPECT_EQ(statistics(options, Matrix{{4.0}, {1.0}, {2.0}, {9.0}}), Vector{{3.0}});
  EXPECT_EQ(statistics(options, Matrix{{1.5e308}, {1.7e308}}), Vector{{1.6e308}});
}

TEST(SimpleImputer, TellsWhichCellsWereMissing) {
  const Matrix X{{1.0, missing, 3.0}, {2.0, 4.0, missing}};
  const SimpleImputerModel model = SimpleImputer{.add_indicator = true}.fit(X);
  EXPECT_EQ(model.transform(X), (Matrix{{1.0, 4.0, 3.0, 1.0, 0.0}, {2.0, 4.0, 3.0, 0.0, 1.0}}));
  EXPECT_EQ(names_of(model.columns_out(numeric_schema(3))),
            (Names{"x0", "x1", "x2", "missingindicator_x1", "missingindicator_x2"}));
}

TEST(SimpleImputer, FillsCategoriesWithTheMostFrequentLevel) {
  const Schema schema{{categorical("p", {"a", "b", "c"}), numeric("q")}};
  const Matrix X{{2, 1}, {1, missing}, {missing, 1}, {1, 2}, {2, 2}};
  const SimpleImputerModel model =
      SimpleImputer{.strategy = Strategy::most_frequent}.fit(X, {.columns = &schema});
  EXPECT_EQ(model.statistic_texts(), (Names{"b", "1.0"}));
  EXPECT_EQ(model.columns_out(schema), schema);
  EXPECT_EQ(model.transform(Matrix{{missing, missing}, {unknown_category, 3}}),
            (Matrix{{1, 1}, {unknown_category, 3}}));
}

TEST(SimpleImputer, AddsAConstantLevelToTheVocabulary) {
  const Schema schema{{categorical("p", {"a", "z"}), categorical("r", {"missing"})}};
  const Matrix X{{1, 0}, {missing, missing}, {0, 0}, {unknown_category, unknown_category}};
  const SimpleImputer options{.strategy = Strategy::constant, .fill_value = "missing"};
  const SimpleImputerModel model = options.fit(X.topRows(3), {.columns = &schema});
  EXPECT_EQ(model.columns_out(schema),
            (Schema{{categorical("p", {"a", "missing", "z"}), categorical("r", {"missing"})}}));
  EXPECT_EQ(model.transform(X), (Matrix{{2, 0}, {1, 0}, {0, 0}, {-1, -1}}));
  EXPECT_EQ(model.statistic_texts(), (Names{"missing", "missing"}));
  const SimpleImputerModel unnamed =
      SimpleImputer{.strategy = Strategy::constant}.fit(X.topRows(3), {.columns = &schema});
  EXPECT_EQ(unnamed.statistic_texts(), (Names{"missing_value", "missing_value"}));
}

TEST(SimpleImputer, KeepsColumnsWithoutACell) {
  const Schema schema{{numeric("n"), categorical("c", {})}};
  const Matrix X{{missing, missing}, {missing, missing}};
  const SimpleImputerModel model =
      SimpleImputer{.strategy = Strategy::most_frequent}.fit(X, {.columns = &schema});
  EXPECT_EQ(model.transform(X), Matrix::Zero(2, 2));
  EXPECT_EQ(model.columns_out(schema),
            (Schema{{numeric("n"), categorical("c", {"missing_value"})}}));
  EXPECT_EQ(model.warnings(),
            (Names{"column \"n\" holds only missing values in training; they are filled with 0.0",
                   "column \"c\" holds only missing values in training; they are filled with "
                   "missing_value"}));
  EXPECT_EQ(statistics({}, X), Vector::Zero(2));
}

TEST(SimpleImputer, KeepsItsBitsWhenSaved) {
  const Schema schema{{categorical("p", {"a", "z"}), categorical("q", {"m", "x"})}};
  const Matrix X{{1, 0}, {missing, 1}, {0, 1}};
  const SimpleImputerModel model =
      SimpleImputer{.strategy = Strategy::constant, .fill_value = "m", .add_indicator = true}.fit(
          X, {.columns = &schema});
  const SimpleImputerModel again = reloaded(model);
  EXPECT_EQ(again.transform(X), model.transform(X));
  EXPECT_EQ(again.columns_out(schema), model.columns_out(schema));
  EXPECT_EQ(again.statistic_texts(), (Names{"m", "m"}));
  expect_hardened(model, X);
}

TEST(SimpleImputer, RefusesStatisticsThatAColumnDoesNotHave) {
  const Schema schema{{categorical("sex", {"f", "m"})}};
  const Matrix X{{0.0}, {missing}};
  const auto fit = [&](const SimpleImputer& options, const Schema* columns) {
    return refusal([&] { options.fit(X, {.columns = columns}); });
  };
  EXPECT_EQ(
      fit({}, &schema),
      "G011: simple_imputer: strategy = mean needs numbers, but column \"sex\" is categorical");
  EXPECT_EQ(fit({.strategy = Strategy::median}, &schema).substr(0, 4), "G011");
  EXPECT_EQ(
      fit({.strategy = Strategy::constant, .fill_value = 1.0}, &schema),
      "G010: simple_imputer: fill_value = 1.0 is a number, but column \"sex\" is categorical");
  EXPECT_EQ(fit({.strategy = Strategy::constant, .fill_value = "f"}, nullptr),
            "G010: simple_imputer: fill_value = 'f' is a text, but column \"x0\" is numeric");
  const SimpleImputerModel model = SimpleImputer{}.fit(Matrix{{1.0}});
  EXPECT_EQ(refusal([&] { model.columns_out(schema); }),
            "G005: simple_imputer: the columns are not those it was fitted on, in number or kind");
  const Schema one{{categorical("sex", {"f"})}};
  EXPECT_EQ(refusal([&] {
              SimpleImputer{.strategy = Strategy::most_frequent}.fit(Matrix{{1.0}},
                                                                     {.columns = &one});
            }).substr(0, 4),
            "G003");
}

TEST(SimpleImputer, ReadsAFillValueOfEitherKind) {
  const auto text = [](const char* expression) {
    return make_estimator(expression, transformers()).text();
  };
  EXPECT_EQ(text("simple_imputer(strategy=constant, fill_value=-1)"),
            "simple_imputer(strategy=constant, fill_value=-1.0)");
  EXPECT_EQ(text("simple_imputer(strategy=constant, fill_value=none_seen)"),
            "simple_imputer(strategy=constant, fill_value=\"none_seen\")");
  EXPECT_EQ(text("simple_imputer(fill_value=none)"), "simple_imputer");
}

}  // namespace
}  // namespace lathe
