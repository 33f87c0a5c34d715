// Ways of cutting rows into training and test rows: pure functions of (options, seed, n, labels,
// groups). Names and options are scikit-learn's, and so are the rows where nothing is shuffled.
//
//   const Splits splits = KFold{.n_splits = 3}.split({.n = 10});
//   splits[0].test;  // 0 1 2 3
//
// Every split() throws InvalidArgument for options out of range, and where the rows, labels or
// groups are too few for the folds asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/options.h"
#include "lathe/ml/core/types.h"

namespace lathe {

struct Split {
  std::vector<Index> train;  // ascending
  std::vector<Index> test;   // ascending

  bool operator==(const Split&) const = default;
};

struct SplitData {
  Index n = 0;                     // rows
  const Labels* labels = nullptr;  // one per row; the stratified ones need them
  const Labels* groups = nullptr;  // one per row; the group ones need them
  std::uint64_t seed = 0;          // where random_state is none
};

// All folds, each made when it is asked for (O(n) time), since leave_one_out's together would take
// n^2 memory. Copies share what they hold; may be used by many threads.
class Splits {
 public:
  using Make = std::function<Split(Index k)>;
  using Test = std::function<std::vector<Index>(Index k)>;

  Splits(Index size, Make make) : size_(size), make_(std::move(make)) {}
  // Training rows are all of the n rows but the test rows.
  static Splits all_others(Index n, Index size, Test test);

  Index size() const { return size_; }
  Split operator[](Index k) const { return make_(k); }  // k in [0, size())
  // The test rows alone, where the training rows are all others: as long as they are many.
  bool trains_on_all_others() const { return test_ != nullptr; }
  std::vector<Index> test(Index k) const { return test_(k); }

 private:
  Index size_;
  Make make_;
  Test test_;  // null where the training rows are not all others
};

namespace splitter_docs {
inline constexpr std::string_view shuffle = "shuffle the rows first";
inline constexpr std::string_view random_state =
    "seed of the shuffle; none: derived from the run's";
}  // namespace splitter_docs

// n_splits blocks of neighbouring rows, the first n % n_splits of them one row longer.
struct KFold {
  static constexpr std::string_view name = "kfold";
  static constexpr std::string_view doc = "Each of n_splits blocks of rows is the test set once.";

  std::int64_t n_splits = 5;
  bool shuffle = false;
  std::optional<std::int64_t> random_state =
      {};  // refused without shuffle, which it would not change

  static void describe(auto& self, auto&& field) {
    field("n_splits", self.n_splits, at_least(2), "number of folds");
    field("shuffle", self.shuffle, any_value, splitter_docs::shuffle);
    field("random_state", self.random_state, at_least(0), splitter_docs::random_state);
  }
  Splits split(const SplitData& data) const;
  bool operator==(const KFold&) const = default;
};

// As kfold, with each class's share alike in all folds. Classes are dealt to the folds in the order
// in which they first appear. A class with fewer members than folds is in some of them only; it is
// an error when all classes are so small.
struct StratifiedKFold {
  static constexpr std::string_view name = "stratified_kfold";
  static constexpr std::string_view doc =
      "Folds that hold each class in the proportion it has in all rows.";

  std::int64_t n_splits = 5;
  bool shuffle = false;  // within each class
  std::optional<std::int64_t> random_state = {};

  static void describe(auto& self, auto&& field) {
    field("n_splits", self.n_splits, at_least(2), "number of folds");
    field("shuffle", self.shuffle, any_value, "shuffle the rows of each class first");
    field("random_state", self.random_state, at_least(0), splitter_docs::random_state);
  }
  Splits split(const SplitData& data) const;
  bool operator==(const StratifiedKFold&) const = default;
};

// Independent random divisions. A test share is rounded up to rows, a training share down; what is
// not given is the rest, and the test share 0.1 where neither is.
struct ShuffleSplit {
  static constexpr std::string_view name = "shuffle_split";
  static constexpr std::string_view doc =
      "Independent random divisions into training and test rows.";

  std::int64_t n_splits = 10;
  std::optional<CountOrShare> test_size = {};
  std::optional<CountOrShare> train_size = {};
  std::optional<std::int64_t> random_state = {};

  static void describe(auto& self, auto&& field) {
    field("n_splits", self.n_splits, between(1, 1e6), "number of divisions");
    field("test_size", self.test_size, share_or_count,
          "count or share of test rows; none: the rest, or 0.1 of all rows");
    field("train_size", self.train_size, share_or_count,
          "count or share of training rows; none: the rest");
    field("random_state", self.random_state, at_least(0), splitter_docs::random_state);
  }
  Splits split(const SplitData& data) const;
  bool operator==(const ShuffleSplit&) const = default;
};

// Whole groups, the largest first, each to the fold with the fewest rows so far.
struct GroupKFold {
  static constexpr std::string_view name = "group_kfold";
  static constexpr std::string_view doc =
      "Folds of whole groups: no group is in both training and test rows.";

  std::int64_t n_splits = 5;

  static void describe(auto& self, auto&& field) {
    field("n_splits", self.n_splits, at_least(2), "number of folds");
  }
  Splits split(const SplitData& data) const;
  bool operator==(const GroupKFold&) const = default;
};

// Rows in the order of time: each test set follows its training rows.
struct TimeSeriesSplit {
  static constexpr std::string_view name = "time_series_split";
  static constexpr std::string_view doc =
      "Successive blocks of rows, each tested by what is learnt from the rows before it.";

  std::int64_t n_splits = 5;
  std::optional<std::int64_t> max_train_size = {};
  std::optional<std::int64_t> test_size = {};
  std::int64_t gap = 0;

  static void describe(auto& self, auto&& field) {
    field("n_splits", self.n_splits, at_least(2), "number of folds");
    field("max_train_size", self.max_train_size, at_least(1),
          "most training rows, the latest ones; none: all before the test rows");
    field("test_size", self.test_size, at_least(1),
          "test rows of each fold; none: n_samples / (n_splits + 1)");
    field("gap", self.gap, at_least(0), "rows left out between training and test rows");
  }
  Splits split(const SplitData& data) const;
  bool operator==(const TimeSeriesSplit&) const = default;
};

struct LeaveOneOut {
  static constexpr std::string_view name = "leave_one_out";
  static constexpr std::string_view doc = "Each row is the test set once: as many fits as rows.";

  static void describe(auto&, auto&&) {}
  Splits split(const SplitData& data) const;
  bool operator==(const LeaveOneOut&) const = default;
};

struct LeaveOneGroupOut {
  static constexpr std::string_view name = "leave_one_group_out";
  static constexpr std::string_view doc =
      "Each group is the test set once, in the order of the groups' names.";

  static void describe(auto&, auto&&) {}
  Splits split(const SplitData& data) const;
  bool operator==(const LeaveOneGroupOut&) const = default;
};

}  // namespace lathe
