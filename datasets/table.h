// What people have: named columns, each numeric (NaN = missing) or categorical (codes into a sorted
// vocabulary, missing allowed). It enters a pipeline once.
//
//   Table table;
//   table.add_numeric("age", {31.0, 54.0});
//   table.add_texts("city", std::vector<std::optional<std::string>>{"Oslo", std::nullopt});
//   table.numeric(table.column("age"))[1];  // 54
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/schema.h"
#include "lathe/ml/core/types.h"

namespace lathe {

// Names are unique, not empty, and UTF-8, as are the vocabularies, which are sorted bytewise and
// may hold levels that no row has. Columns and rows count from 0; one out of range is an
// InvalidArgument.
class Table {
 public:
  static constexpr std::int32_t missing_code = -1;

  Index rows() const { return rows_; }
  Index cols() const { return schema_.size(); }
  const Schema& schema() const { return schema_; }

  std::optional<Index> find(std::string_view name) const;
  // Throws NotFound, naming the nearest column.
  Index column(std::string_view name) const;

  // One per row. Throw InvalidArgument for a column of the other kind.
  std::span<const double> numeric(Index column) const;
  std::span<const std::int32_t> codes(Index column) const;

  bool is_missing(Index row, Index column) const;
  Index missing_count(Index column) const;

  // Throw InvalidArgument, and leave the table as it was, on another number of rows than the first
  // column's, an empty or a repeated name, text that is not UTF-8, a repeated level, or a code that
  // is neither missing_code nor in [0, vocabulary.size()). A vocabulary may come in any order: it
  // is sorted, and the codes with it.
  void add_numeric(std::string name, std::vector<double> values);
  void add_categorical(std::string name, std::vector<std::int32_t> codes,
                       std::vector<std::string> vocabulary);
  void add_texts(std::string name, std::span<const std::optional<std::string>> values);

  Table select_rows(std::span<const Index> rows) const;  // in that order; vocabularies stay whole
  Table drop(std::string_view name) const;               // throws NotFound

  // n_rows x columns.size(): numbers, and codes of categories; NaN where missing.
  Matrix to_matrix(std::span<const Index> columns) const;

  // A column as class labels: text, or whole numbers as integers. A vocabulary is taken whole.
  // Throws InvalidArgument where cells are missing, have decimals or are beyond 2^53, naming the
  // first row.
  Labels labels(Index column) const;

  // Names, kinds, vocabularies and cells; a missing number equals a missing number.
  bool operator==(const Table& other) const;

 private:
  using Cells = std::variant<std::vector<double>, std::vector<std::int32_t>>;

  void check_column(Index column) const;
  void add(Column column, Cells cells, std::size_t size);

  Index rows_ = 0;
  Schema schema_;
  std::vector<Cells> data_;
};

}  // namespace lathe
