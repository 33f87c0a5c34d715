#include <cmath>

#include "lathe/preprocessing/simple_imputer.h"

#include "tests/golden/categories.h"
#include "tests/golden/tasks.h"

namespace lathe::golden {
namespace {

SimpleImputer options_of(Settings& settings) {
  settings.only("most_frequent_tie", {"smallest value"});
  SimpleImputer options;
  options.strategy = settings.choice("strategy", options.strategy);
  options.add_indicator = settings.flag("add_indicator", false);
  const Json& fill = settings.get("fill_value");
  if (fill.is_string() && !number_in(fill)) {
    options.fill_value = fill.get<std::string>();
  } else if (!fill.is_null()) {
    options.fill_value = settings.number("fill_value", 0.0);
  }
  return options;
}

std::vector<Index> rows_with_missing(const Matrix& X) {
  std::vector<Index> rows;
  for (Index i = 0; i < X.rows(); ++i) {
    if (X.row(i).hasNaN()) rows.push_back(i);
  }
  return rows;
}

Json list_of(const std::vector<Index>& rows) {
  Json list = Json::array();
  for (Index row : rows) list.push_back(row);
  return list;
}

}  // namespace

void simple_imputer(const Case& given, Results& results) {
  Settings settings = given.settings();
  const SimpleImputer options = options_of(settings);
  settings.finish();
  const Data data = given.data();
  const SimpleImputerModel model = options.fit(data.X, {.columns = &data.schema});
  const Matrix filled = model.transform(data.X);
  const std::vector<Index> rows = rows_with_missing(data.X);
  results.give("statistics", to_json(model.statistics()));
  results.give("rows_with_missing", list_of(rows));
  results.give("transform_of_those_rows", to_json(Matrix(filled(rows, Eigen::all))));
  results.give("column_sums", to_json(Vector(filled.colwise().sum())));
}

void simple_imputer_categorical(const Case& given, Results& results) {
  Settings settings = given.settings();
  const SimpleImputer options = options_of(settings);
  settings.finish();
  const Data data = given.data(texts_in(given.at("features")));
  const SimpleImputerModel model = options.fit(data.X, {.columns = &data.schema});
  const Matrix filled = model.transform(data.X);
  const std::vector<Index> rows = rows_with_missing(data.X);
  Json statistics = Json::array();
  for (const std::string& text : model.statistic_texts()) statistics.push_back(text);
  results.give("statistics", statistics);
  results.give("rows_with_missing", list_of(rows));
  results.give("transform_of_those_rows",
               decode_rows(filled(rows, Eigen::all), model.columns_out(data.schema)));
}

}  // namespace lathe::golden
