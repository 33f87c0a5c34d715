#include "lathe/datasets/csv_reader.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

#include "lathe/datasets/csv_cells.h"
#include "lathe/datasets/csv_errors.h"
#include "lathe/datasets/csv_refusal.h"
#include "lathe/datasets/csv_scanner.h"
#include "lathe/datasets/number.h"
#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

constexpr double missing_number = std::numeric_limits<double>::quiet_NaN();
struct CsvColumn {
  std::string name;
  std::optional<ColumnKind> forced;
  bool numeric = true;  // so far
  bool has_number = false;
  bool has_empty = false;
  std::vector<double> values;
  std::vector<std::int32_t> codes;
  Levels levels;
};

// Two passes over the text. The first cuts cells and reads numbers, until a column shows a cell
// that is none; the second collects the texts of such columns.
class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& name, char delimiter,
            const CsvOptions& options)
      : source_{text, name}, options_(options), marks_(options), body_(text, name, delimiter) {
    read_header(delimiter);
  }

  Table read() {
    read_numbers();
    read_texts();
    Table table;
    for (std::size_t j = 0; j < columns_.size(); ++j) {
      CsvColumn& column = columns_[j];
      if (column.numeric) {
        table.add_numeric(std::move(column.name), std::move(column.values));
        continue;
      }
      if (!column.forced) check_meant_as_text(j);
      table.add_categorical(std::move(column.name), std::move(column.codes),
                            {column.levels.texts().begin(), column.levels.texts().end()});
      column.levels = {};
    }
    return table;
  }

 private:
  void read_header(char delimiter);
  void check_delimiter(const CsvCell& cell, char delimiter) const;
  void apply_types();
  void read_numbers();
  void read_texts();
  void reserve_values();
  void take_number(std::size_t j, const CsvCell& cell);
  [[noreturn]] void refuse_row(std::size_t found, const char* row) const;
  void check_meant_as_text(std::size_t j) const;
  [[noreturn]] void refuse(std::size_t j) const;

  bool next_row(CsvScanner& scanner) const { return scanner.next_row(columns_.size() == 1); }

  CsvSource source_;
  const CsvOptions& options_;
  MissingMarks marks_;
  CsvScanner body_;  // at the first row after the header
  std::vector<CsvColumn> columns_;
};

void CsvReader::read_header(char delimiter) {
  if (!body_.next_row(false)) {
    throw InvalidArgument("D004", source_.name + ": the file is empty",
                          "the first line must hold the names of the columns");
  }
  std::unordered_map<std::string, std::size_t> places;
  CsvCell cell;
  do {
    body_.next_cell(cell);
    const std::size_t j = columns_.size();
    CsvColumn& column = columns_.emplace_back();
    column.name = cell.doubled ? unquoted(cell.text) : std::string(cell.text);
    if (column.name.empty()) {
      throw InvalidArgument(
          "D005",
          csv_message("a column without a name", source_, cell.raw, column_place(j, ""), ""),
          "name it in the first line; where it only numbers the rows, leave it out");
    }
    const auto [earlier, is_new] = places.emplace(column.name, j);
    if (!is_new) {
      throw InvalidArgument(
          "D006",
          csv_message("two columns of one name", source_, cell.raw, column_place(j, column.name),
                      "also column " + std::to_string(earlier->second + 1)),
          "rename one of them");
    }
  } while (!cell.last);
  if (columns_.size() == 1 && !cell.quoted) check_delimiter(cell, delimiter);
  apply_types();
}

void CsvReader::check_delimiter(const CsvCell& cell, char delimiter) const {
  for (const char other : {';', '\t', '|', ','}) {
    const std::size_t at = cell.raw.find(other);
    if (other == delimiter || at == cell.raw.npos) continue;
    const std::string name = other == '\t' ? "tab" : std::string("'") + other + "'";
    throw InvalidArgument("D015",
                          csv_message("the columns look separated by " + name, source_,
                                      cell.raw.substr(at, 1), "", ""),
                          std::string("--delimiter '") +
                              (other == '\t' ? "\\t" : std::string(1, other)) +
                              "', or put the name in quotes if there is only one column");
  }
}

void CsvReader::apply_types() {
  std::vector<std::string_view> names;
  for (CsvColumn& column : columns_) {
    names.push_back(column.name);
    const auto type = options_.types.find(column.name);
    if (type == options_.types.end()) continue;
    column.forced = type->second;
    column.numeric = type->second == ColumnKind::numeric;
  }
  if (!options_.strict) return;
  for (const auto& [name, kind] : options_.types) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::string_view nearest = nearest_name(name, names);
    throw NotFound(
        "D012", source_.name + ": a type is given for column \"" + name + "\", which is not there",
        nearest.empty() ? "" : "did you mean \"" + std::string(nearest) + "\"?");
  }
}

// As many as there can be: a row takes a line, and a byte for each cell.
void CsvReader::reserve_values() {
  const std::string_view text = source_.text;
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  const std::size_t rows = std::min(lines, text.size() / columns_.size());
  for (CsvColumn& column : columns_) {
    if (column.numeric) column.values.reserve(rows);
  }
}

void CsvReader::read_numbers() {
  reserve_values();
  CsvScanner scanner = body_;
  CsvCell cell;
  while (next_row(scanner)) {
    const char* row = nullptr;
    std::size_t j = 0;
    do {
      scanner.next_cell(cell);
      if (j == 0) row = cell.raw.data();
      if (j < columns_.size() && columns_[j].numeric) take_number(j, cell);
      ++j;
    } while (!cell.last);
    if (j != columns_.size()) refuse_row(j, row);
  }
  for (CsvColumn& column : columns_) {
    if (!column.forced && !column.has_number && column.has_empty) column.numeric = false;
  }
}

void CsvReader::take_number(std::size_t j, const CsvCell& cell) {
  CsvColumn& column = columns_[j];
  if (marks_.has_number() && marks_.match(cell)) {
    column.values.push_back(missing_number);
    return;
  }
  const ParsedNumber parsed = parse_number(cell.text);
  const bool may_round = column.forced.has_value();
  if (parsed.kind == NumberKind::number || (parsed.kind == NumberKind::long_integer && may_round)) {
    column.has_number = true;
    column.values.push_back(parsed.value);
  } else if (marks_.match(cell)) {
    column.values.push_back(missing_number);
  } else if (cell.text.empty()) {
    column.has_empty = true;
    column.values.push_back(missing_number);
  } else if (column.forced) {
    refuse(j);
  } else {
    column.numeric = false;
    column.values = {};
  }
}

void CsvReader::read_texts() {
  const auto is_text = [](const CsvColumn& column) { return !column.numeric; };
  if (std::none_of(columns_.begin(), columns_.end(), is_text)) return;
  CsvScanner scanner = body_;
  CsvCell cell;
  while (next_row(scanner)) {
    for (CsvColumn& column : columns_) {
      scanner.next_cell(cell);
      if (column.numeric) continue;
      column.codes.push_back(marks_.match(cell) ? Table::missing_code : column.levels.code(cell));
    }
  }
}

void CsvReader::refuse_row(std::size_t found, const char* row) const {
  const auto begin = static_cast<std::size_t>(row - source_.text.data());
  const std::size_t end = std::min(source_.text.find_first_of("\r\n", begin), source_.text.size());
  const auto fields = [](std::size_t n) {
    return std::to_string(n) + (n == 1 ? " field" : " fields");
  };
  throw InvalidArgument("D007",
                        csv_message("a row of " + fields(found) + " where the first line has " +
                                        std::to_string(columns_.size()),
                                    source_, source_.text.substr(begin, end - begin), "", ""),
                        "a field that holds a delimiter or a line break must be in quotes");
}

void CsvReader::check_meant_as_text(std::size_t j) const {
  if (!options_.strict) return;
  const CsvColumn& column = columns_[j];
  const auto& texts = column.levels.texts();
  std::vector<double> counts(texts.size());
  for (const std::int32_t code : column.codes) {
    if (code != Table::missing_code) counts[static_cast<std::size_t>(code)] += 1;
  }
  CellTally tally;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!texts[i].empty()) tally.add(parse_number(texts[i]).kind, counts[i]);
  }
  if (tally.almost_numeric()) refuse(j);
}

void CsvReader::refuse(std::size_t j) const {
  refuse_column({.source = source_,
                 .body = body_,
                 .marks = marks_,
                 .columns = columns_.size(),
                 .column = j,
                 .name = columns_[j].name,
                 .forced = columns_[j].forced.has_value()});
}

}  // namespace

Table read_table(std::string_view text, const std::string& name, char delimiter,
                 const CsvOptions& options) {
  return CsvReader(text, name, delimiter, options).read();
}

}  // namespace lathe
