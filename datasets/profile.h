// What a table looks like, column by column: the content of `lathe describe`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lathe/datasets/table.h"

namespace lathe {

struct LevelCount {
  std::string level;
  Index count = 0;

  bool operator==(const LevelCount&) const = default;
};

// Something to look at before a model is made.
struct Hint {
  enum class Kind {
    all_missing,     // no cell is present
    constant,        // one value, in two or more cells that are present
    all_distinct,    // text that differs in every row: a name or a key, not a category
    mostly_numbers,  // categories of which half or more of the cells are numbers
    duplicate,       // the same cells as an earlier column
    equals_target,   // the same cells as the target
    missing_target,  // the target is missing in some rows
  };
  Kind kind;
  std::string text;  // a sentence

  bool operator==(const Hint&) const = default;
};
std::string_view to_text(Hint::Kind kind);  // "all_missing"

struct ColumnProfile {
  std::string name;
  ColumnKind kind = ColumnKind::numeric;
  Index count = 0;     // cells present
  Index missing = 0;   // cells missing
  Index distinct = 0;  // different values among the cells present
  // Of the cells present in a numeric column; NaN where there are none (sd: fewer than two).
  double mean = 0.0;
  double sd = 0.0;  // n - 1 in the denominator
  // Of neighbouring rows: near 1 where they are alike, so that folds should not be shuffled. NaN
  // in a constant column.
  double autocorrelation = 0.0;
  // Quartiles are interpolated linearly, as numpy does (type 7 of Hyndman and Fan 1996).
  double min = 0.0;
  double q1 = 0.0;
  double median = 0.0;
  double q3 = 0.0;
  double max = 0.0;
  // Of a categorical column: the most frequent levels, at most `max_levels`, ties bytewise.
  std::vector<LevelCount> levels;
  std::vector<Hint> hints;
};

struct TableProfile {
  Index rows = 0;
  std::vector<ColumnProfile> columns;
};

// Means and deviations are right to the digits that the data hold (ml/core/moments.h). O(n log n)
// time a column, and memory for one column. Throws NotFound for a target that is no column.
TableProfile profile(const Table& table, const std::optional<std::string>& target = std::nullopt,
                     Index max_levels = 10);

}  // namespace lathe
