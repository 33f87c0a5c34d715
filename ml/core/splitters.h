// Ways of cutting rows into training and test rows: pure functions of (options, seed, n, y, groups).
// Names and options are scikit-learn's; without shuffling the rows are its rows too.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/ml/core/options.h"
#include "lathe/ml/core/target.h"

namespace lathe {

struct Split {
  std::vector<Index> train;  // ascending
  std::vector<Index> test;   // ascending
};

struct SplitData {
  Index n = 0;
  const Labels* labels = nullptr;          // stratified_kfold needs them
  std::span<const std::int64_t> groups = {};  // group_kfold needs them: one number per row
  std::uint64_t seed = 0;                  // where random_state is none
};

struct KFold {
  static constexpr std::string_view name = "kfold";
  static constexpr std::string_view doc = "n_splits blocks, each the test rows once";
  std::int64_t n_splits = 5;
  bool shuffle = false;
  std::optional<std::int64_t> random_state;

  static void describe(auto& self, auto&& field) {
    field("n_splits", self.n_splits, at_least(2), "number of folds");
    field("shuffle", self.shuffle, any_value, "shuffle the rows first");
    field("random_state", self.random_state, at_least(0), "seed of the shuffle; none: the run's");
  }
  // Throws InvalidArgument where the rows are too few.
  std::vector<Split> split(const SplitData& data) const;
  bool operator==(const KFold&) const = default;
};

// (stratified_kfold, shuffle_split, group_kfold, time_series_split, leave_one_out: likewise)

// Any of them, held by value; from text: "stratified_kfold(n_splits=10, shuffle=true)".
class Splitter;

}  // namespace lathe
