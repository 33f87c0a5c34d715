#include "lathe/ml/core/splitters.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <queue>
#include <span>
#include <string>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/core/words.h"

namespace lathe {
namespace {

std::string says(std::string_view splitter, const std::string& text) {
  return std::string(splitter) + ": " + text;
}

void check_shuffle(std::string_view name, bool shuffle,
                   const std::optional<std::int64_t>& random_state) {
  if (!shuffle && random_state) {
    throw InvalidArgument("S005", says(name, "random_state has no effect without shuffle=true"),
                          "set shuffle=true, or leave random_state out");
  }
}

void check_enough(std::string_view name, std::int64_t n_splits, Index n, const char* what) {
  if (n_splits > n) {
    throw InvalidArgument(
        "S001", says(name, "n_splits = " + std::to_string(n_splits) + " is more than the " +
                               std::to_string(n) + ' ' + what));
  }
}

// The labels or groups that a splitter needs, one for each row.
const Labels& need(std::string_view name, const Labels* labels, Index n, const char* what,
                   const char* help) {
  if (labels == nullptr) {
    throw InvalidArgument("S002", says(name, std::string("needs ") + what), help);
  }
  if (labels->size() != n) {
    throw InvalidArgument("S003", says(name, std::to_string(labels->size()) + ' ' + what + " for " +
                                                 counted(n, "row")));
  }
  return *labels;
}

const Labels& need_groups(std::string_view name, const SplitData& data) {
  return need(name, data.groups, data.n, "groups",
              "say which group each row belongs to (--group COLUMN on the command line)");
}

// Folds by the number of the fold in which each row is a test row.
Splits by_fold(std::vector<std::int32_t> folds, Index n_folds) {
  const auto n = static_cast<Index>(folds.size());
  const auto fold = std::make_shared<const std::vector<std::int32_t>>(std::move(folds));
  return Splits::all_others(n, n_folds, [fold, n](Index k) {
    std::vector<Index> test;
    for (Index row = 0; row < n; ++row) {
      if ((*fold)[static_cast<std::size_t>(row)] == k) test.push_back(row);
    }
    return test;
  });
}

std::vector<Index> range(Index begin, Index end) {
  std::vector<Index> rows(static_cast<std::size_t>(end - begin));
  std::iota(rows.begin(), rows.end(), begin);
  return rows;
}

std::vector<Index> sorted_slice(const std::vector<Index>& rows, Index begin, Index end) {
  std::vector<Index> slice(rows.begin() + begin, rows.begin() + end);
  std::sort(slice.begin(), slice.end());
  return slice;
}

// Rows of each class, and each row's class numbered in the order of first appearance.
struct Appearance {
  std::vector<std::int32_t> of_row;
  std::vector<Index> count;
};

Appearance by_appearance(const Labels& labels) {
  std::vector<std::int32_t> number(static_cast<std::size_t>(labels.classes().size()), -1);
  Appearance seen;
  for (const std::int32_t code : labels.codes()) {
    std::int32_t& mine = number[static_cast<std::size_t>(code)];
    if (mine < 0) {
      mine = static_cast<std::int32_t>(seen.count.size());
      seen.count.push_back(0);
    }
    ++seen.count[static_cast<std::size_t>(mine)];
    seen.of_row.push_back(mine);
  }
  return seen;
}

// numpy's argsort (quicksort by the median of three, short runs by insertion). It is not stable,
// and the order of groups of one size decides their folds, so only the same algorithm gives
// scikit-learn's folds. Past its depth limit numpy takes heapsort; any order is fine there.
void argsort_like_numpy(const std::vector<Index>& key, std::span<Index> order, int depth) {
  const auto less = [&](Index a, Index b) {
    return key[static_cast<std::size_t>(a)] < key[static_cast<std::size_t>(b)];
  };
  while (order.size() > 16) {
    if (depth-- < 0) {
      std::stable_sort(order.begin(), order.end(), less);
      return;
    }
    const std::size_t last = order.size() - 1;
    Index& middle = order[last / 2];
    if (less(middle, order[0])) std::swap(middle, order[0]);
    if (less(order[last], middle)) std::swap(order[last], middle);
    if (less(middle, order[0])) std::swap(middle, order[0]);
    const Index pivot = middle;
    std::swap(middle, order[last - 1]);
    std::size_t i = 0;
    std::size_t j = last - 1;
    while (true) {
      do ++i;
      while (less(order[i], pivot));
      do --j;
      while (less(pivot, order[j]));
      if (i >= j) break;
      std::swap(order[i], order[j]);
    }
    std::swap(order[i], order[last - 1]);
    const std::span<Index> left = order.first(i);
    const std::span<Index> right = order.subspan(i + 1);
    const bool left_is_shorter = left.size() < right.size();
    argsort_like_numpy(key, left_is_shorter ? left : right, depth);
    order = left_is_shorter ? right : left;
  }
  for (std::size_t i = 1; i < order.size(); ++i) {
    const Index item = order[i];
    std::size_t j = i;
    for (; j > 0 && less(item, order[j - 1]); --j) order[j] = order[j - 1];
    order[j] = item;
  }
}

std::vector<Index> largest_first(const std::vector<Index>& count) {
  std::vector<Index> order = range(0, static_cast<Index>(count.size()));
  argsort_like_numpy(count, order, 2 * (static_cast<int>(std::bit_width(count.size())) - 1));
  std::reverse(order.begin(), order.end());
  return order;
}

// All of the rows 0 to n - 1 but these, which ascend.
std::vector<Index> others(Index n, const std::vector<Index>& rows) {
  std::vector<Index> rest;
  rest.reserve(static_cast<std::size_t>(n) - rows.size());
  auto next = rows.begin();
  for (Index row = 0; row < n; ++row) {
    if (next != rows.end() && *next == row) {
      ++next;
    } else {
      rest.push_back(row);
    }
  }
  return rest;
}

}  // namespace

Splits Splits::all_others(Index n, Index size, Test test) {
  Splits splits(size, [n, test](Index k) {
    std::vector<Index> rows = test(k);
    std::vector<Index> train = others(n, rows);
    return Split{std::move(train), std::move(rows)};
  });
  splits.test_ = std::move(test);
  return splits;
}

Splits KFold::split(const SplitData& data) const {
  check_options(*this);
  check_shuffle(name, shuffle, random_state);
  check_enough(name, n_splits, data.n, "rows");
  // The first of the places of fold k.
  const auto first = [size = data.n / n_splits, longer = data.n % n_splits](Index k) {
    return size * k + std::min(k, longer);
  };
  if (!shuffle) {
    return Splits::all_others(data.n, n_splits,
                              [first](Index k) { return range(first(k), first(k + 1)); });
  }
  const auto rows = std::make_shared<const std::vector<Index>>(
      Random(seed_of(random_state, data.seed), name).permutation(data.n));
  return Splits::all_others(data.n, n_splits, [first, rows](Index k) {
    return sorted_slice(*rows, first(k), first(k + 1));
  });
}

Splits StratifiedKFold::split(const SplitData& data) const {
  check_options(*this);
  check_shuffle(name, shuffle, random_state);
  const Labels& labels =
      need(name, data.labels, data.n, "class labels", "use kfold for a numeric target");
  check_enough(name, n_splits, data.n, "rows");
  const Appearance classes = by_appearance(labels);
  const Index largest = *std::max_element(classes.count.begin(), classes.count.end());
  if (n_splits > largest) {
    throw InvalidArgument("S004", says(name, "n_splits = " + std::to_string(n_splits) +
                                                 " is more than the members of every class; the "
                                                 "largest has " +
                                                 std::to_string(largest)));
  }

  // The sorted labels are dealt round to the folds like cards; that fixes how many of each class a
  // fold gets. Which ones: the first to the first fold and so on, in the order of the rows.
  std::vector<std::int32_t> fold(classes.of_row.size());
  std::vector<std::vector<std::int32_t>> folds_of_class;
  Index dealt = 0;
  for (std::size_t c = 0; c < classes.count.size(); ++c) {
    std::vector<std::int32_t> folds;
    for (Index i = 0; i < classes.count[c]; ++i) {
      folds.push_back(static_cast<std::int32_t>((dealt + i) % n_splits));
    }
    dealt += classes.count[c];
    std::sort(folds.begin(), folds.end());
    if (shuffle) {
      Random random(seed_of(random_state, data.seed), name, c);
      random.shuffle(std::span(folds));
    }
    folds_of_class.push_back(std::move(folds));
  }
  std::vector<std::size_t> used(classes.count.size(), 0);
  for (std::size_t row = 0; row < fold.size(); ++row) {
    const auto c = static_cast<std::size_t>(classes.of_row[row]);
    fold[row] = folds_of_class[c][used[c]++];
  }
  return by_fold(std::move(fold), n_splits);
}

Splits ShuffleSplit::split(const SplitData& data) const {
  check_options(*this);
  const Index n = data.n;
  const auto refuse = [&](const std::string& why) {
    throw InvalidArgument("S006", says(name, why + " with " + counted(n, "row")));
  };
  // Rows of a size: a count as it is, a share of n rounded by `round`.
  const auto rows = [&](const CountOrShare& size, const char* option, double (*round)(double)) {
    if (const auto* count = std::get_if<std::int64_t>(&size)) {
      if (*count >= n)
        refuse(std::string(option) + " = " + std::to_string(*count) + " leaves none");
      return static_cast<Index>(*count);
    }
    const double share = std::get<double>(size);
    if (share >= 1.0) refuse(std::string(option) + " = " + to_text(share) + " leaves none");
    return static_cast<Index>(round(share * static_cast<double>(n)));
  };
  const auto up = [](double v) { return std::ceil(v); };
  const auto down = [](double v) { return std::floor(v); };

  Index n_test = test_size ? rows(*test_size, "test_size", up) : 0;
  const Index n_train = train_size ? rows(*train_size, "train_size", down)
                                   : n - (test_size ? n_test : n_test = rows(0.1, "test_size", up));
  if (!test_size && train_size) n_test = n - n_train;
  if (n_train < 1 || n_test < 1) refuse("the training or the test set is empty");
  if (n_train + n_test > n) {
    refuse("test_size and train_size together ask for " + std::to_string(n_test) + " + " +
           std::to_string(n_train));
  }
  const auto order = [n, seed = seed_of(random_state, data.seed)](Index k) {
    return Random(seed, name, static_cast<std::uint64_t>(k)).permutation(n);
  };
  if (n_train + n_test == n) {
    return Splits::all_others(n, n_splits,
                              [=](Index k) { return sorted_slice(order(k), 0, n_test); });
  }
  return {n_splits, [=](Index k) {
            const std::vector<Index> shuffled = order(k);
            return Split{sorted_slice(shuffled, n_test, n_test + n_train),
                         sorted_slice(shuffled, 0, n_test)};
          }};
}

Splits GroupKFold::split(const SplitData& data) const {
  check_options(*this);
  const Labels groups = need_groups(name, data).compact();
  check_enough(name, n_splits, groups.classes().size(), "groups");
  std::vector<Index> count(static_cast<std::size_t>(groups.classes().size()), 0);
  for (const std::int32_t code : groups.codes()) ++count[static_cast<std::size_t>(code)];

  using Fold = std::pair<Index, std::int32_t>;  // its rows so far, and its number
  std::priority_queue<Fold, std::vector<Fold>, std::greater<>> lightest;
  for (std::int32_t k = 0; k < n_splits; ++k) lightest.push({0, k});
  std::vector<std::int32_t> fold_of_group(count.size());
  for (const Index group : largest_first(count)) {
    const auto [rows, k] = lightest.top();
    lightest.pop();
    lightest.push({rows + count[static_cast<std::size_t>(group)], k});
    fold_of_group[static_cast<std::size_t>(group)] = k;
  }
  std::vector<std::int32_t> fold;
  fold.reserve(groups.codes().size());
  for (const std::int32_t code : groups.codes()) {
    fold.push_back(fold_of_group[static_cast<std::size_t>(code)]);
  }
  return by_fold(std::move(fold), n_splits);
}

Splits TimeSeriesSplit::split(const SplitData& data) const {
  check_options(*this);
  const Index n = data.n;
  check_enough(name, n_splits, n - 1, "rows less one");
  const Index size = test_size.value_or(n / (n_splits + 1));
  // Compared without products that could overflow.
  if (gap >= n || size > (n - gap - 1) / n_splits) {
    throw InvalidArgument("S001", says(name, "n_splits = " + std::to_string(n_splits) +
                                                 " with test_size = " + std::to_string(size) +
                                                 " and gap = " + std::to_string(gap) +
                                                 " needs more than the " + counted(n, "row")));
  }
  return {n_splits, [=, splits = n_splits, skip = gap, most = max_train_size.value_or(n)](Index k) {
            const Index start = n - (splits - k) * size;
            const Index end = start - skip;
            return Split{range(std::max<Index>(0, end - most), end), range(start, start + size)};
          }};
}

Splits LeaveOneOut::split(const SplitData& data) const {
  if (data.n < 2) {
    throw InvalidArgument("S001",
                          says(name, "needs two rows or more, got " + std::to_string(data.n)));
  }
  return Splits::all_others(data.n, data.n, [](Index k) { return std::vector<Index>{k}; });
}

Splits LeaveOneGroupOut::split(const SplitData& data) const {
  const Labels groups = need_groups(name, data).compact();
  if (groups.classes().size() < 2) {
    throw InvalidArgument("S001", says(name, "needs two groups or more, got " +
                                                 std::to_string(groups.classes().size())));
  }
  return by_fold({groups.codes().begin(), groups.codes().end()}, groups.classes().size());
}

}  // namespace lathe
