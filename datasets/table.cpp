#include "lathe/datasets/table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "lathe/datasets/utf8.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/value.h"

namespace lathe {
namespace {

constexpr double missing_number = std::numeric_limits<double>::quiet_NaN();
constexpr double largest_exact_integer = 9007199254740992.0;  // 2^53

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

// Rows are counted from 1 in messages, as people do.
std::string row_number(Index row) { return "row " + std::to_string(row + 1); }

void check_utf8(std::string_view text, const std::string& what) {
  if (find_invalid_utf8(text) == text.size()) return;
  throw InvalidArgument("D024", what + " is not UTF-8");
}

// Sorts the vocabulary bytewise and renumbers the codes to fit.
void sort_vocabulary(const std::string& name, std::vector<std::string>& vocabulary,
                     std::vector<std::int32_t>& codes) {
  for (const std::string& level : vocabulary)
    check_utf8(level, "a level of column " + quoted(name));
  if (!std::is_sorted(vocabulary.begin(), vocabulary.end())) {
    std::vector<std::int32_t> order(vocabulary.size());
    std::iota(order.begin(), order.end(), 0);
    const auto level = [&](std::int32_t code) -> std::string& {
      return vocabulary[static_cast<std::size_t>(code)];
    };
    std::sort(order.begin(), order.end(),
              [&](std::int32_t a, std::int32_t b) { return level(a) < level(b); });
    std::vector<std::int32_t> new_code(vocabulary.size());
    std::vector<std::string> sorted(vocabulary.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      new_code[static_cast<std::size_t>(order[i])] = static_cast<std::int32_t>(i);
      sorted[i] = std::move(level(order[i]));
    }
    vocabulary = std::move(sorted);
    for (std::int32_t& code : codes) {
      if (code != Table::missing_code) code = new_code[static_cast<std::size_t>(code)];
    }
  }
  const auto twice = std::adjacent_find(vocabulary.begin(), vocabulary.end());
  if (twice != vocabulary.end()) {
    throw InvalidArgument("D023", "column " + quoted(name) + ": the vocabulary has the level " +
                                      quoted(*twice) + " twice");
  }
}

}  // namespace

std::optional<Index> Table::find(std::string_view name) const {
  for (Index j = 0; j < cols(); ++j) {
    if (schema_[j].name == name) return j;
  }
  return std::nullopt;
}

Index Table::column(std::string_view name) const {
  if (const auto found = find(name)) return *found;
  std::vector<std::string_view> names;
  for (const Column& column : schema_.columns) names.push_back(column.name);
  const std::string_view nearest = nearest_name(name, names);
  constexpr std::size_t most = 20;
  std::string help;
  if (!nearest.empty()) {
    help = "did you mean " + quoted(nearest) + "?";
  } else {
    help = "it has";
    for (std::size_t j = 0; j < std::min(names.size(), most); ++j) {
      help.append(j == 0 ? " " : ", ").append(names[j]);
    }
    if (names.size() > most) help += ", and " + std::to_string(names.size() - most) + " more";
  }
  throw NotFound("D021", "the table has no column " + quoted(name), help);
}

void Table::check_column(Index column) const {
  if (column >= 0 && column < cols()) return;
  throw InvalidArgument("D026", "column " + std::to_string(column) +
                                    " is out of range: the table has " + std::to_string(cols()) +
                                    " columns, the first being 0");
}

std::span<const double> Table::numeric(Index column) const {
  check_column(column);
  const auto* values = std::get_if<std::vector<double>>(&data_[static_cast<std::size_t>(column)]);
  if (values != nullptr) return *values;
  throw InvalidArgument("D025", "column " + quoted(schema_[column].name) +
                                    " is categorical where numbers are needed");
}

std::span<const std::int32_t> Table::codes(Index column) const {
  check_column(column);
  const auto* codes =
      std::get_if<std::vector<std::int32_t>>(&data_[static_cast<std::size_t>(column)]);
  if (codes != nullptr) return *codes;
  throw InvalidArgument(
      "D025", "column " + quoted(schema_[column].name) + " is numeric where categories are needed");
}

bool Table::is_missing(Index row, Index column) const {
  check_column(column);
  if (row < 0 || row >= rows_) {
    throw InvalidArgument("D026", "row " + std::to_string(row) +
                                      " is out of range: the table has " + std::to_string(rows_) +
                                      " rows, the first being 0");
  }
  const auto i = static_cast<std::size_t>(row);
  if (schema_[column].kind == ColumnKind::numeric) return std::isnan(numeric(column)[i]);
  return codes(column)[i] == missing_code;
}

Index Table::missing_count(Index column) const {
  check_column(column);
  if (schema_[column].kind == ColumnKind::numeric) {
    const auto values = numeric(column);
    return std::count_if(values.begin(), values.end(), [](double v) { return std::isnan(v); });
  }
  const auto values = codes(column);
  return std::count(values.begin(), values.end(), missing_code);
}

void Table::add(Column column, Cells cells, std::size_t size) {
  if (column.name.empty()) throw InvalidArgument("D022", "a column without a name");
  check_utf8(column.name, "the name of column " + std::to_string(cols() + 1));
  if (find(column.name)) {
    throw InvalidArgument("D022", "the table already has a column " + quoted(column.name));
  }
  const auto length = static_cast<Index>(size);
  if (cols() > 0 && length != rows_) {
    throw InvalidArgument("D020", "column " + quoted(column.name) + " has " +
                                      std::to_string(length) + " rows, the table has " +
                                      std::to_string(rows_));
  }
  data_.reserve(data_.size() + 1);  // so that the second of the two cannot fail
  schema_.columns.push_back(std::move(column));
  data_.push_back(std::move(cells));
  rows_ = length;
}

void Table::add_numeric(std::string name, std::vector<double> values) {
  const std::size_t size = values.size();
  add({.name = std::move(name), .kind = ColumnKind::numeric, .vocabulary = {}}, std::move(values),
      size);
}

void Table::add_categorical(std::string name, std::vector<std::int32_t> codes,
                            std::vector<std::string> vocabulary) {
  const auto levels = static_cast<Index>(vocabulary.size());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] >= missing_code && codes[i] < levels) continue;
    throw InvalidArgument("D023", "column " + quoted(name) + ", " +
                                      row_number(static_cast<Index>(i)) + ": code " +
                                      std::to_string(codes[i]) + " is outside the vocabulary of " +
                                      std::to_string(levels) + " levels");
  }
  sort_vocabulary(name, vocabulary, codes);
  const std::size_t size = codes.size();
  add({.name = std::move(name),
       .kind = ColumnKind::categorical,
       .vocabulary = std::move(vocabulary)},
      std::move(codes), size);
}

void Table::add_texts(std::string name, std::span<const std::optional<std::string>> values) {
  std::vector<std::string> vocabulary;
  for (const auto& value : values) {
    if (value) vocabulary.push_back(*value);
  }
  std::sort(vocabulary.begin(), vocabulary.end());
  vocabulary.erase(std::unique(vocabulary.begin(), vocabulary.end()), vocabulary.end());

  std::vector<std::int32_t> codes;
  codes.reserve(values.size());
  for (const auto& value : values) {
    if (!value) {
      codes.push_back(missing_code);
      continue;
    }
    const auto at = std::lower_bound(vocabulary.begin(), vocabulary.end(), *value);
    codes.push_back(static_cast<std::int32_t>(at - vocabulary.begin()));
  }
  add_categorical(std::move(name), std::move(codes), std::move(vocabulary));
}

Table Table::select_rows(std::span<const Index> rows) const {
  for (const Index row : rows) {
    if (row >= 0 && row < rows_) continue;
    throw InvalidArgument("D026", "row " + std::to_string(row) +
                                      " is out of range: the table has " + std::to_string(rows_) +
                                      " rows, the first being 0");
  }
  Table chosen;
  chosen.rows_ = static_cast<Index>(rows.size());
  chosen.schema_ = schema_;
  chosen.data_.reserve(data_.size());
  for (const Cells& cells : data_) {
    std::visit(
        [&](const auto& values) {
          std::decay_t<decltype(values)> kept;
          kept.reserve(rows.size());
          for (const Index row : rows) kept.push_back(values[static_cast<std::size_t>(row)]);
          chosen.data_.emplace_back(std::move(kept));
        },
        cells);
  }
  return chosen;
}

Table Table::drop(std::string_view name) const {
  const Index dropped = column(name);
  Table rest;
  rest.rows_ = rows_;
  for (Index j = 0; j < cols(); ++j) {
    if (j == dropped) continue;
    rest.schema_.columns.push_back(schema_[j]);
    rest.data_.push_back(data_[static_cast<std::size_t>(j)]);
  }
  return rest;
}

Matrix Table::to_matrix(std::span<const Index> columns) const {
  const auto width = static_cast<Index>(columns.size());
  Matrix X(rows_, width);
  for (Index j = 0; j < width; ++j) {
    const Index from = columns[static_cast<std::size_t>(j)];
    check_column(from);
    double* out = X.data() + j;
    if (schema_[from].kind == ColumnKind::numeric) {
      for (const double value : numeric(from)) {
        *out = value;
        out += width;
      }
    } else {
      for (const std::int32_t code : codes(from)) {
        *out = code == missing_code ? missing_number : static_cast<double>(code);
        out += width;
      }
    }
  }
  return X;
}

Labels Table::labels(Index column) const {
  check_column(column);
  const std::string name = "column " + quoted(schema_[column].name);
  const Index missing = missing_count(column);
  if (missing > 0) {
    Index first = 0;
    while (!is_missing(first, column)) ++first;
    throw InvalidArgument("D027",
                          name + " cannot be the classes: it is missing in " +
                              std::to_string(missing) + " of " + std::to_string(rows_) +
                              " rows, the first being " + row_number(first),
                          "leave out the rows that have no class");
  }
  if (schema_[column].kind == ColumnKind::categorical) {
    const auto codes = this->codes(column);
    return Labels({codes.begin(), codes.end()}, Classes(schema_[column].vocabulary));
  }
  const auto values = numeric(column);
  std::vector<std::int64_t> integers;
  integers.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::trunc(values[i]) != values[i] || std::abs(values[i]) > largest_exact_integer) {
      throw InvalidArgument("D028",
                            name + " cannot be the classes: " + to_text(values[i]) + " in " +
                                row_number(static_cast<Index>(i)) + " is not a whole number" +
                                " of at most 2^53",
                            "numbers to predict are for a regressor; to take each different number "
                            "as a class, read the column as a category");
    }
    integers.push_back(static_cast<std::int64_t>(values[i]));
  }
  return Labels(integers);
}

bool Table::operator==(const Table& other) const {
  if (rows_ != other.rows_ || schema_ != other.schema_) return false;
  const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  for (Index j = 0; j < cols(); ++j) {
    if (schema_[j].kind == ColumnKind::categorical) {
      if (!std::ranges::equal(codes(j), other.codes(j))) return false;
    } else if (!std::ranges::equal(numeric(j), other.numeric(j), same)) {
      return false;
    }
  }
  return true;
}

}  // namespace lathe
