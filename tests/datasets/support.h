// What the tests of this folder share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "lathe/datasets/csv.h"
#include "lathe/ml/core/error.h"

namespace lathe {

// The error of type E that `call` throws; an error without a code when it throws none.
template <class E, class Call>
E caught(Call call) {
  try {
    call();
  } catch (const E& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown, or something else";
  return E("none", "none");
}

inline Table parse(std::string_view text, const CsvOptions& options = {}) {
  return parse_csv(text, "t.csv", options);
}

// The texts of a categorical column, "<missing>" where there is none.
inline std::vector<std::string> texts(const Table& table, std::string_view column) {
  const Index j = table.column(column);
  std::vector<std::string> cells;
  for (const std::int32_t code : table.codes(j)) {
    cells.push_back(code == Table::missing_code
                        ? "<missing>"
                        : table.schema()[j].vocabulary[static_cast<std::size_t>(code)]);
  }
  return cells;
}

inline std::vector<double> numbers(const Table& table, std::string_view column) {
  const auto values = table.numeric(table.column(column));
  return {values.begin(), values.end()};
}

}  // namespace lathe
