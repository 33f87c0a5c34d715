#include <algorithm>
#include <cmath>
#include <numeric>
#include <regex>

#include "lathe/datasets/csv.h"
#include "lathe/preprocessing/standard_scaler.h"

#include "tests/golden/case.h"

namespace lathe::golden {
namespace {

// "python slice [a:b]" of n rows, where either may be absent or count from the end.
std::vector<Index> rows_of(const Json& words, Index n) {
  std::vector<Index> rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), Index{0});
  if (words.is_null()) return rows;
  const std::regex slice(R"(python slice \[(-?\d*):(-?\d*)\])");
  std::smatch parts;
  const std::string text = words.is_string() ? words.get<std::string>() : words.dump();
  if (!std::regex_match(text, parts, slice)) throw NotBuilt{"rows=" + text};
  const auto bound = [&](const std::string& part, Index otherwise) {
    if (part.empty()) return otherwise;
    const Index value = std::stoll(part);
    return std::clamp<Index>(value < 0 ? n + value : value, 0, n);
  };
  const Index begin = bound(parts[1], 0);
  const Index end = std::max(begin, bound(parts[2], n));
  return {rows.begin() + begin, rows.begin() + end};
}

std::vector<Index> without_missing(const Table& table, const std::vector<Index>& rows,
                                   const std::vector<Index>& columns) {
  std::vector<Index> kept;
  for (Index row : rows) {
    const bool missing = std::any_of(columns.begin(), columns.end(),
                                     [&](Index column) { return table.is_missing(row, column); });
    if (!missing) kept.push_back(row);
  }
  return kept;
}

Matrix preprocessed(const Json& words, Matrix X) {
  if (words.is_null()) return X;
  if (words !=
      "each feature: subtract its mean, divide by its population standard deviation (ddof=0)") {
    throw NotBuilt{"preprocess=" + words.dump()};
  }
  return StandardScaler{}.fit(X).transform(X);
}

}  // namespace

Data Case::data(const std::vector<std::string>& categorical) const {
  const Json& dataset = at("dataset");
  if (!dataset.is_string()) throw NotBuilt{"a case without dataset"};
  const auto path = file_.parent_path() / dataset.get<std::string>();
  if (!std::filesystem::exists(path)) throw NotRun{path.filename().string() + " is not there"};
  CsvOptions options;
  options.missing = {""};  // as the format says; "NA" may be a country
  for (const std::string& column : categorical) options.types[column] = ColumnKind::categorical;
  const Table all = read_csv(path.string(), options);

  Data data;
  data.features = texts_in(at("features"));
  std::vector<Index> columns;
  for (const std::string& name : data.features) columns.push_back(all.column(name));
  std::vector<Index> used = columns;
  for (const std::string& name : targets()) used.push_back(all.column(name));

  std::vector<Index> rows = rows_of(at("rows"), all.rows());
  if (!at("drop_missing").is_null()) rows = without_missing(all, rows, used);
  data.table = all.select_rows(rows);
  for (Index column : columns) data.schema.columns.push_back(all.schema()[column]);
  data.X = preprocessed(at("preprocess"), data.table.to_matrix(columns));
  return data;
}

std::vector<double> Case::weights(const Json& described, Index rows) const {
  if (described.is_null()) return {};
  if (described.is_array()) return numbers_in(described);
  const std::regex formula(R"((\d+) \+ \(row index mod (\d+)\))");
  std::smatch parts;
  const std::string text = described.is_string() ? described.get<std::string>() : described.dump();
  if (!std::regex_match(text, parts, formula)) throw NotBuilt{"sample_weight=" + text};
  std::vector<double> weights;
  for (Index i = 0; i < rows; ++i) {
    weights.push_back(std::stod(parts[1]) + static_cast<double>(i % std::stoll(parts[2])));
  }
  return weights;
}

Matrix Data::numbers(const std::vector<std::string>& columns) const {
  std::vector<Index> places;
  for (const std::string& name : columns) places.push_back(table.column(name));
  return table.to_matrix(places);
}

Labels Data::labels(const std::string& column) const {
  return table.labels(table.column(column)).compact();
}

}  // namespace lathe::golden
