#include "lathe/ml/core/splitters.h"

#include "tests/golden/tasks.h"

namespace lathe::golden {
namespace {

Json rows_of(const std::vector<Index>& rows) {
  Json list = Json::array();
  for (Index row : rows) list.push_back(row);
  return list;
}

void give_splits(const Case& given, Settings settings, Results& results, const auto& splitter) {
  settings.only("shuffle", {false});
  settings.finish();
  Labels labels;
  Labels groups;
  SplitData data{.n = given.input("n").get<Index>()};
  if (!given.input("y").is_null()) {
    labels = labels_in(given.input("y"));
    data.labels = &labels;
  }
  if (!given.input("groups").is_null()) {
    groups = labels_in(given.input("groups"));
    data.groups = &groups;
  }
  try {
    const Splits splits = splitter.split(data);
    Json test = Json::array();
    Json train = Json::array();
    for (Index k = 0; k < splits.size(); ++k) {
      const Split split = splits[k];
      test.push_back(rows_of(split.test));
      train.push_back(rows_of(split.train));
    }
    results.give("test", test);
    results.give("train", train);
    results.give("error", nullptr);
  } catch (const Error&) {
    for (const char* key : {"test", "train"}) results.give(key, refusal);
    results.give("error", "ValueError");
  }
}

}  // namespace

void split_rows(const Case& given, Results& results) {
  Settings settings = given.settings();
  const KFold splitter{.n_splits = settings.integer("n_splits", 5)};
  give_splits(given, settings, results, splitter);
}

void split_stratified(const Case& given, Results& results) {
  Settings settings = given.settings();
  const StratifiedKFold splitter{.n_splits = settings.integer("n_splits", 5)};
  give_splits(given, settings, results, splitter);
}

void split_groups(const Case& given, Results& results) {
  Settings settings = given.settings();
  const GroupKFold splitter{.n_splits = settings.integer("n_splits", 5)};
  give_splits(given, settings, results, splitter);
}

void split_leaving_groups_out(const Case& given, Results& results) {
  give_splits(given, given.settings(), results, LeaveOneGroupOut{});
}

void split_time_series(const Case& given, Results& results) {
  Settings settings = given.settings();
  TimeSeriesSplit splitter{.n_splits = settings.integer("n_splits", 5)};
  splitter.gap = settings.integer("gap", 0);
  if (settings.has("test_size")) splitter.test_size = settings.integer("test_size", 0);
  if (settings.has("max_train_size")) {
    splitter.max_train_size = settings.integer("max_train_size", 0);
  }
  give_splits(given, settings, results, splitter);
}

}  // namespace lathe::golden
