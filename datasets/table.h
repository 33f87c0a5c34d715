// What people have: named columns, each numeric (NaN = missing) or categorical (codes into a sorted
// vocabulary, missing allowed). It enters a pipeline once.
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

class Table {
 public:
  static constexpr std::int32_t missing_code = -1;

  Index rows() const { return rows_; }
  Index cols() const { return schema_.size(); }
  const Schema& schema() const { return schema_; }

  std::optional<Index> find(std::string_view name) const;
  // Throws NotFound, naming the nearest column.
  Index column(std::string_view name) const;

  std::span<const double> numeric(Index column) const;        // kind must be numeric
  std::span<const std::int32_t> codes(Index column) const;    // kind must be categorical
  bool is_missing(Index row, Index column) const;
  Index missing_count(Index column) const;

  // Throw InvalidArgument on another length, an empty or a repeated name, a code outside the
  // vocabulary.
  void add_numeric(std::string name, std::vector<double> values);
  void add_categorical(std::string name, std::vector<std::int32_t> codes,
                       std::vector<std::string> vocabulary);
  void add_texts(std::string name, std::span<const std::optional<std::string>> values);

  Table select_rows(std::span<const Index> rows) const;  // vocabularies stay whole
  Table drop(std::string_view name) const;

  // n_rows x columns.size(): numbers, and codes of categories; NaN where missing.
  Matrix to_matrix(std::span<const Index> columns) const;

  // A column as class labels: text, or whole numbers as integers. Throws InvalidArgument where
  // cells are missing or have decimals, naming the first row.
  Labels labels(Index column) const;

 private:
  Index rows_ = 0;
  Schema schema_;
  std::vector<std::variant<std::vector<double>, std::vector<std::int32_t>>> data_;
};

}  // namespace lathe
