#include "tests/golden/models/golden_models.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>

#include <nlohmann/json.hpp>

namespace lathe::golden {
namespace {

using conformance::Data;
using Json = nlohmann::ordered_json;

Json cell(const Table& table, Index row, Index column) {
  if (table.is_missing(row, column)) return nullptr;
  const auto i = static_cast<std::size_t>(row);
  const Column& c = table.schema()[column];
  if (c.kind == ColumnKind::numeric) return table.numeric(column)[i];
  return c.vocabulary[static_cast<std::size_t>(table.codes(column)[i])];
}

void add_column(Table& table, const Json& column) {
  const Json& cells = column.at("cells");
  const bool text =
      std::any_of(cells.begin(), cells.end(), [](const Json& c) { return c.is_string(); });
  std::vector<std::optional<std::string>> texts;
  std::vector<double> numbers;
  for (const Json& c : cells) {
    if (text) {
      texts.push_back(c.is_null() ? std::nullopt : std::optional(c.get<std::string>()));
    } else {
      numbers.push_back(c.is_null() ? std::numeric_limits<double>::quiet_NaN() : c.get<double>());
    }
  }
  const auto name = column.at("name").get<std::string>();
  if (text) {
    table.add_texts(name, texts);
  } else {
    table.add_numeric(name, std::move(numbers));
  }
}

}  // namespace

const std::vector<GoldenModel>& golden_models() {
  static const std::vector<GoldenModel> all = {
      {"columns",
       {"columns(a: min_max_scaler, [size]: ordinal_encoder, colour: drop, "
        "remainder=passthrough)",
        Data::mixed}},
      {"drop", {"drop", Data::mixed}},
      {"kmeans", {"kmeans(n_clusters=3)"}},
      {"linear_regression", {"linear_regression"}},
      {"linear_regression_2", {"linear_regression(refine=always)"}},
      {"logistic_regression", {"logistic_regression"}},
      {"logistic_regression_integers", {"logistic_regression(C=0.1)", Data::numbers, {}, "flag"}},
      {"max_abs_scaler", {"max_abs_scaler", Data::missing}},
      {"min_max_scaler", {"min_max_scaler(feature_range=[-1, 2], clip=true)", Data::missing}},
      {"one_hot_encoder",
       {"one_hot_encoder(handle_unknown=infrequent_if_exist, drop=first, min_frequency=5)",
        Data::mixed}},
      {"ordinal_encoder",
       {"ordinal_encoder(handle_unknown=use_encoded_value, unknown_value=-1)", Data::mixed}},
      {"passthrough", {"passthrough", Data::mixed}},
      {"pca", {"pca(n_components=2, whiten=true)"}},
      {"pipeline",
       {"columns(numeric: simple_imputer | standard_scaler, categorical: "
        "simple_imputer(strategy=most_frequent) | one_hot_encoder(handle_unknown=ignore)) | "
        "logistic_regression",
        Data::mixed}},
      {"ridge", {"ridge(alpha=0.5)"}},
      {"simple_imputer", {"simple_imputer(strategy=median, add_indicator=true)", Data::missing}},
      {"standard_scaler", {"standard_scaler", Data::missing}},
  };
  return all;
}

std::string to_json(const GoldenCase& golden) {
  // A line for each column, and one for each row's answers.
  std::string columns;
  for (Index j = 0; j < golden.rows.cols(); ++j) {
    Json cells = Json::array();
    for (Index i = 0; i < golden.rows.rows(); ++i) cells.push_back(cell(golden.rows, i, j));
    columns += (j > 0 ? ",\n  " : "\n  ") +
               Json{{"name", golden.rows.schema()[j].name}, {"cells", cells}}.dump();
  }
  std::string answers;
  for (const auto& row : golden.answers) {
    answers += (answers.empty() ? "\n  " : ",\n  ") + Json(row).dump();
  }
  return "{\"columns\": [" + columns + "],\n \"answers\": [" + answers + "]}\n";
}

GoldenCase golden_case_from_json(const std::string& text) {
  const Json json = Json::parse(text);
  GoldenCase golden;
  for (const Json& column : json.at("columns")) add_column(golden.rows, column);
  json.at("answers").get_to(golden.answers);
  return golden;
}

std::vector<std::vector<std::string>> hexadecimal(const Matrix& answers) {
  std::vector<std::vector<std::string>> rows;
  for (Index i = 0; i < answers.rows(); ++i) {
    std::vector<std::string>& row = rows.emplace_back();
    for (Index j = 0; j < answers.cols(); ++j) {
      char text[40];
      std::snprintf(text, sizeof text, "%a", std::isnan(answers(i, j)) ? NAN : answers(i, j));
      row.emplace_back(text);
    }
  }
  return rows;
}

}  // namespace lathe::golden
