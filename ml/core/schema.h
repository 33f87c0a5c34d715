// Names and kinds of the columns of a Matrix, as it travels between steps.
#pragma once

#include <string>
#include <vector>

#include "lathe/ml/core/types.h"

namespace lathe {

enum class ColumnKind { numeric, categorical };

// A categorical cell holds its code in the vocabulary, NaN where it is missing, and
// `unknown_category` where its text is not in the vocabulary.
inline constexpr double unknown_category = -1.0;

struct Column {
  std::string name;
  ColumnKind kind = ColumnKind::numeric;
  std::vector<std::string> vocabulary;  // sorted bytewise; empty for a numeric column

  bool operator==(const Column&) const = default;
};

struct Schema {
  std::vector<Column> columns;

  Index size() const { return static_cast<Index>(columns.size()); }
  const Column& operator[](Index i) const { return columns[static_cast<std::size_t>(i)]; }
  bool operator==(const Schema&) const = default;
};

// Numeric columns x0, x1, ...: what a Matrix without names has.
Schema numeric_schema(Index n_columns);

// A name that stands further left already gets "#2" added, or the next number that is free.
void make_names_unique(Schema& schema);

}  // namespace lathe
