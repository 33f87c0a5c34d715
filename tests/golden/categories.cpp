#include "tests/golden/categories.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lathe::golden {
namespace {

Table table_of(const Json& rows, const std::vector<std::string>& columns) {
  Table table;
  for (std::size_t j = 0; j < columns.size(); ++j) {
    std::vector<std::optional<std::string>> texts;
    for (const Json& row : rows) {
      const Json& cell = row.at(j);
      texts.push_back(cell.is_null() ? std::nullopt : std::optional(cell.get<std::string>()));
    }
    table.add_texts(columns[j], texts);
  }
  return table;
}

}  // namespace

CategoricalData training_categories(const Case& given) {
  if (given.at("dataset").is_string()) {
    const Data data = given.data(texts_in(given.at("features")));
    return {data.schema, data.X};
  }
  const Table table = table_of(given.input("fit_rows"), texts_in(given.input("columns")));
  std::vector<Index> all(static_cast<std::size_t>(table.cols()));
  std::iota(all.begin(), all.end(), Index{0});
  return {table.schema(), table.to_matrix(all)};
}

Matrix encode_rows(const Json& rows, const Schema& schema) {
  Matrix codes(static_cast<Index>(rows.size()), schema.size());
  for (Index i = 0; i < codes.rows(); ++i) {
    for (Index j = 0; j < codes.cols(); ++j) {
      const Json& cell = rows.at(static_cast<std::size_t>(i)).at(static_cast<std::size_t>(j));
      if (cell.is_null()) {
        codes(i, j) = std::numeric_limits<double>::quiet_NaN();
        continue;
      }
      const auto& levels = schema[j].vocabulary;
      const auto found = std::find(levels.begin(), levels.end(), cell.get<std::string>());
      codes(i, j) =
          found == levels.end() ? unknown_category : static_cast<double>(found - levels.begin());
    }
  }
  return codes;
}

Json decode_rows(const Matrix& codes, const Schema& schema) {
  Json rows = Json::array();
  for (Index i = 0; i < codes.rows(); ++i) {
    Json row = Json::array();
    for (Index j = 0; j < codes.cols(); ++j) {
      const bool known = codes(i, j) >= 0.0;  // false for NaN
      row.push_back(known ? Json(schema[j].vocabulary.at(static_cast<std::size_t>(codes(i, j))))
                          : Json());
    }
    rows.push_back(row);
  }
  return rows;
}

}  // namespace lathe::golden
