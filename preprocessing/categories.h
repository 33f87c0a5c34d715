// The distinct values of columns, as encoders learn them: the levels (codes) of a categorical
// column in the order of its vocabulary, or the numbers of a numeric one, ascending. Missing is a
// value of its own, and the last one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/ml/core/schema.h"
#include "lathe/ml/core/types.h"

namespace lathe {

class Categories {
 public:
  Categories() = default;
  // What is in X: n x d. O(n log n) time per column. Throws InvalidArgument, speaking for the
  // estimator `name`, where a categorical cell is not a code of its column's vocabulary.
  Categories(std::string_view name, const MatrixView& X, const Schema& columns);

  Index cols() const { return columns_.size(); }
  const Schema& columns() const { return columns_; }
  // Ascending; NaN, where missing cells were seen, comes last.
  std::span<const double> values(Index column) const { return values_[at(column)]; }
  Index size(Index column) const { return static_cast<Index>(values_[at(column)].size()); }
  bool has_missing(Index column) const;
  std::span<const std::int64_t> counts(Index column) const { return counts_[at(column)]; }

  // Its place among the values, or -1. O(log size).
  Index find(Index column, double value) const;
  // How a value is called: its level, its number, "nan" where missing.
  std::string text(Index column, Index place) const;
  // Throws InvalidArgument: the value in `row` of X was not there in training.
  [[noreturn]] void refuse(std::string_view name, Index row, Index column, double value) const;
  // As many columns as were learnt from, of the same kinds; throws InvalidArgument otherwise.
  void check_columns(std::string_view name, const Schema& in) const;

  std::vector<std::string> texts(Index column) const;  // of all its values

  // For loading constructors: everything is as learning leaves it.
  bool consistent() const;
  static void state(auto& self, auto& archive) {
    archive.version(1);
    archive(self.columns_, self.values_);
  }

 private:
  static std::size_t at(Index column) { return static_cast<std::size_t>(column); }

  Schema columns_;
  std::vector<std::vector<double>> values_;
  std::vector<std::vector<std::int64_t>> counts_;  // of the training rows; not saved
};

// How often each code of the column's vocabulary occurs, and the missing cells in the last place.
// Throws InvalidArgument where a cell is not a code of the vocabulary.
std::vector<std::int64_t> count_codes(std::string_view name, const MatrixView& X, Index column,
                                      const Column& description);

}  // namespace lathe
