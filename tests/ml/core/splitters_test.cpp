#include "lathe/ml/core/splitters.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/splitter.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Rows = std::vector<Index>;

std::vector<Rows> tests_of(const Splits& splits) {
  std::vector<Rows> tests;
  for (Index k = 0; k < splits.size(); ++k) tests.push_back(splits[k].test);
  return tests;
}

// Each row is a training row exactly where it is not a test row.
void expect_complements(const Splits& splits, Index n) {
  for (Index k = 0; k < splits.size(); ++k) {
    const Split split = splits[k];
    ASSERT_TRUE(splits.trains_on_all_others());
    EXPECT_EQ(splits.test(k), split.test);
    Rows all = split.train;
    all.insert(all.end(), split.test.begin(), split.test.end());
    EXPECT_TRUE(std::is_sorted(split.train.begin(), split.train.end()));
    EXPECT_TRUE(std::is_sorted(split.test.begin(), split.test.end()));
    std::sort(all.begin(), all.end());
    ASSERT_EQ(static_cast<Index>(all.size()), n);
    for (Index i = 0; i < n; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)], i);
  }
}

template <class Call>
std::string code_of(Call call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.code();
  }
  return "no error";
}

TEST(KFold, TheFirstFoldsTakeTheRowsThatAreLeftOver) {
  const Splits splits = KFold{.n_splits = 3}.split({.n = 10});

  EXPECT_THAT(tests_of(splits), ElementsAre(Rows{0, 1, 2, 3}, Rows{4, 5, 6}, Rows{7, 8, 9}));
  EXPECT_THAT(splits[1].train, ElementsAre(0, 1, 2, 3, 7, 8, 9));
}

TEST(KFold, ShufflingIsAFunctionOfTheSeed) {
  const KFold folds{.n_splits = 4, .shuffle = true};

  const Splits once = folds.split({.n = 30, .seed = 5});
  expect_complements(once, 30);
  EXPECT_EQ(tests_of(once), tests_of(folds.split({.n = 30, .seed = 5})));
  EXPECT_NE(tests_of(once), tests_of(folds.split({.n = 30, .seed = 6})));
  EXPECT_NE(tests_of(once), tests_of(KFold{.n_splits = 4}.split({.n = 30})));
}

TEST(KFold, RandomStateCountsBeforeTheSeedOfTheRun) {
  const KFold folds{.n_splits = 4, .shuffle = true, .random_state = 1};

  EXPECT_EQ(tests_of(folds.split({.n = 30, .seed = 5})),
            tests_of(folds.split({.n = 30, .seed = 6})));
}

TEST(KFold, RefusesMoreFoldsThanRowsAndARandomStateThatDoesNothing) {
  EXPECT_EQ(code_of([] { KFold{.n_splits = 5}.split({.n = 3}); }), "S001");
  EXPECT_EQ(code_of([] { KFold{.random_state = 1}.split({.n = 30}); }), "S005");
  EXPECT_EQ(code_of([] { KFold{.n_splits = 1}.split({.n = 30}); }), "O001");
}

// Expected rows here and for groups and time series: scikit-learn 1.2.1.
TEST(StratifiedKFold, DealsClassesInTheOrderOfTheirAppearance) {
  const Labels y({"b", "a", "b", "c", "a", "b", "c", "b", "a", "b", "c", "b"});

  const Splits splits = StratifiedKFold{.n_splits = 3}.split({.n = 12, .labels = &y});

  EXPECT_THAT(tests_of(splits),
              ElementsAre(Rows{0, 1, 2, 3}, Rows{4, 5, 6, 7}, Rows{8, 9, 10, 11}));
}

TEST(StratifiedKFold, UnevenClassesLeaveFoldsOfUnevenSize) {
  const Labels y({0, 0, 0, 1, 0, 1, 2, 0, 1, 0, 2, 0, 1, 2, 0, 0, 1});

  const Splits splits = StratifiedKFold{.n_splits = 3}.split({.n = 17, .labels = &y});

  EXPECT_THAT(tests_of(splits), ElementsAre(Rows{0, 1, 2, 3, 5, 6}, Rows{4, 7, 8, 9, 10, 12},
                                            Rows{11, 13, 14, 15, 16}));
  expect_complements(splits, 17);
}

TEST(StratifiedKFold, ARareClassIsInSomeFoldsOnly) {
  const Labels y({0, 0, 0, 0, 0, 0, 0, 0, 1, 1});

  const Splits splits = StratifiedKFold{.n_splits = 4}.split({.n = 10, .labels = &y});

  EXPECT_THAT(tests_of(splits), ElementsAre(Rows{0, 1, 8}, Rows{2, 3, 9}, Rows{4, 5}, Rows{6, 7}));
}

TEST(StratifiedKFold, AVocabularyWiderThanTheRowsChangesNothing) {
  const Labels all({0, 1, 2, 0, 0, 2, 2, 0});
  const Labels y = all.select(Rows{0, 2, 3, 4, 5, 6, 7});
  const Labels same({0, 2, 0, 0, 2, 2, 0});
  const StratifiedKFold folds{.n_splits = 3};

  EXPECT_EQ(tests_of(folds.split({.n = 7, .labels = &y})),
            tests_of(folds.split({.n = 7, .labels = &same})));
}

TEST(StratifiedKFold, ShufflingKeepsTheSharesOfTheClasses) {
  std::vector<int> values;
  for (int i = 0; i < 60; ++i) values.push_back(i % 3 == 0 ? 1 : 0);
  const Labels y{std::span<const int>(values)};
  const StratifiedKFold folds{.n_splits = 5, .shuffle = true, .random_state = 3};

  const Splits splits = folds.split({.n = 60, .labels = &y});

  expect_complements(splits, 60);
  for (const Rows& test : tests_of(splits)) {
    EXPECT_EQ(std::count_if(test.begin(), test.end(), [&](Index row) { return y[row] == 1; }), 4);
  }
  EXPECT_NE(tests_of(splits),
            tests_of(StratifiedKFold{.n_splits = 5}.split({.n = 60, .labels = &y})));
}

TEST(StratifiedKFold, RefusesMissingOrTooFewLabels) {
  const Labels y({0, 0, 1, 1});
  EXPECT_EQ(code_of([] { StratifiedKFold{.n_splits = 3}.split({.n = 4}); }), "S002");
  EXPECT_EQ(code_of([&] { StratifiedKFold{}.split({.n = 5, .labels = &y}); }), "S003");
  EXPECT_EQ(code_of([&] { StratifiedKFold{.n_splits = 3}.split({.n = 4, .labels = &y}); }), "S004");
}

TEST(ShuffleSplit, DividesByCountsAndShares) {
  const auto sizes = [](const ShuffleSplit& splitter, Index n) {
    const Split split = splitter.split({.n = n})[0];
    return std::pair(split.train.size(), split.test.size());
  };
  EXPECT_EQ(sizes({}, 25), std::pair(22UL, 3UL));  // a test share of 0.1, rounded up
  EXPECT_EQ(sizes({.test_size = 4}, 25), std::pair(21UL, 4UL));
  EXPECT_EQ(sizes({.train_size = 0.5}, 25), std::pair(12UL, 13UL));
  EXPECT_EQ(sizes({.test_size = 0.3, .train_size = 5}, 25), std::pair(5UL, 8UL));
}

TEST(ShuffleSplit, ADivisionDoesNotDependOnHowManyThereAre) {
  const Splits two = ShuffleSplit{.n_splits = 2, .random_state = 7}.split({.n = 40});
  const Splits nine = ShuffleSplit{.n_splits = 9, .random_state = 7}.split({.n = 40});

  expect_complements(nine, 40);
  EXPECT_EQ(two[1], nine[1]);
  EXPECT_NE(nine[0], nine[1]);
}

TEST(ShuffleSplit, RefusesSizesThatLeaveNothing) {
  const auto code = [](const ShuffleSplit& splitter, Index n) {
    return code_of([&] { splitter.split({.n = n}); });
  };
  EXPECT_EQ(code({.test_size = 10}, 10), "S006");
  EXPECT_EQ(code({.test_size = 1.0}, 10), "S006");
  EXPECT_EQ(code({.train_size = 0.05}, 10), "S006");
  EXPECT_EQ(code({.test_size = 6, .train_size = 5}, 10), "S006");
  EXPECT_EQ(code({}, 1), "S006");
  EXPECT_EQ(code({}, 0), "S006");
  EXPECT_EQ(code({.test_size = 0}, 10), "O001");
}

TEST(GroupKFold, LargestGroupsFirstToTheLightestFold) {
  const Labels groups({1, 1, 2, 2, 2, 3, 4, 4, 4, 4, 5, 6});

  const Splits splits = GroupKFold{.n_splits = 3}.split({.n = 12, .groups = &groups});

  EXPECT_THAT(tests_of(splits),
              ElementsAre(Rows{6, 7, 8, 9}, Rows{2, 3, 4, 10}, Rows{0, 1, 5, 11}));
}

TEST(GroupKFold, TakesGroupsNamedByText) {
  const Labels groups({"a", "a", "b", "b", "b", "c", "d", "d", "d", "d", "e", "e", "f", "f"});

  const Splits splits = GroupKFold{.n_splits = 4}.split({.n = 14, .groups = &groups});

  EXPECT_THAT(tests_of(splits),
              ElementsAre(Rows{6, 7, 8, 9}, Rows{2, 3, 4}, Rows{0, 1, 12, 13}, Rows{5, 10, 11}));
}

TEST(GroupKFold, ManyGroupsOfOneSizeAreOrderedAsNumpyOrdersThem) {
  // 40 groups whose sizes repeat 1 2 3: past the 16 for which numpy's sort happens to be stable.
  std::vector<int> values;
  for (int group = 0; group < 40; ++group) {
    for (int i = 0; i <= group % 3; ++i) values.push_back(group);
  }
  const Labels groups{std::span<const int>(values)};

  const Splits splits =
      GroupKFold{.n_splits = 6}.split({.n = static_cast<Index>(values.size()), .groups = &groups});

  std::vector<std::vector<int>> groups_of_fold;
  for (const Rows& test : tests_of(splits)) {
    std::vector<int> found;
    for (const Index row : test) found.push_back(values[static_cast<std::size_t>(row)]);
    found.erase(std::unique(found.begin(), found.end()), found.end());
    groups_of_fold.push_back(found);
  }
  EXPECT_THAT(groups_of_fold, ElementsAre(std::vector<int>{0, 1, 11, 14, 21, 29, 39},
                                          std::vector<int>{10, 17, 22, 23, 24, 37},
                                          std::vector<int>{4, 5, 7, 25, 27, 32},
                                          std::vector<int>{2, 6, 12, 13, 20, 28, 30},
                                          std::vector<int>{3, 8, 15, 16, 26, 31, 33},
                                          std::vector<int>{9, 18, 19, 34, 35, 36, 38}));
}

TEST(GroupKFold, RefusesTooFewOrNoGroups) {
  const Labels groups({1, 1, 2, 2});
  EXPECT_EQ(code_of([&] { GroupKFold{.n_splits = 3}.split({.n = 4, .groups = &groups}); }), "S001");
  EXPECT_EQ(code_of([] { GroupKFold{.n_splits = 2}.split({.n = 4}); }), "S002");
  EXPECT_EQ(code_of([&] { GroupKFold{.n_splits = 2}.split({.n = 5, .groups = &groups}); }), "S003");
}

TEST(LeaveOneGroupOut, GroupsInTheOrderOfTheirNames) {
  const Labels groups({2, 2, 1, 1, 3, 3, 3, 1});

  const Splits splits = LeaveOneGroupOut{}.split({.n = 8, .groups = &groups});

  EXPECT_THAT(tests_of(splits), ElementsAre(Rows{2, 3, 7}, Rows{0, 1}, Rows{4, 5, 6}));
}

TEST(LeaveOneGroupOut, RefusesASingleGroup) {
  const Labels groups({2, 2});
  EXPECT_EQ(code_of([&] { LeaveOneGroupOut{}.split({.n = 2, .groups = &groups}); }), "S001");
}

TEST(TimeSeriesSplit, TestsFollowTheirTrainingRows) {
  const Splits splits = TimeSeriesSplit{.n_splits = 3}.split({.n = 12});

  EXPECT_THAT(tests_of(splits), ElementsAre(Rows{3, 4, 5}, Rows{6, 7, 8}, Rows{9, 10, 11}));
  EXPECT_THAT(splits[1].train, ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(TimeSeriesSplit, LeavesAGapAndForgetsTheOldest) {
  const TimeSeriesSplit gap{.n_splits = 4, .test_size = 3, .gap = 2};
  EXPECT_EQ(gap.split({.n = 20})[0], (Split{{0, 1, 2, 3, 4, 5}, {8, 9, 10}}));

  const TimeSeriesSplit recent{.n_splits = 3, .max_train_size = 6};
  EXPECT_EQ(recent.split({.n = 20})[2], (Split{{9, 10, 11, 12, 13, 14}, {15, 16, 17, 18, 19}}));
}

TEST(TimeSeriesSplit, RefusesTooFewRows) {
  EXPECT_EQ(code_of([] { TimeSeriesSplit{}.split({.n = 5}); }), "S001");
  EXPECT_EQ(code_of([] { TimeSeriesSplit{.n_splits = 3, .test_size = 4}.split({.n = 12}); }),
            "S001");
  EXPECT_EQ(code_of([] { TimeSeriesSplit{.n_splits = 3, .gap = 3}.split({.n = 12}); }), "S001");
  EXPECT_EQ(code_of([] { TimeSeriesSplit{.n_splits = 3, .gap = 300}.split({.n = 12}); }), "S001");
}

TEST(LeaveOneOut, EachRowOnce) {
  const Splits splits = LeaveOneOut{}.split({.n = 3});

  EXPECT_THAT(tests_of(splits), ElementsAre(Rows{0}, Rows{1}, Rows{2}));
  expect_complements(splits, 3);
  EXPECT_EQ(code_of([] { LeaveOneOut{}.split({.n = 1}); }), "S001");
}

TEST(Splitter, TextReadsBackToAnEqualSplitter) {
  const Splitter splitter = make_splitter("stratified_kfold(n_splits=10, shuffle=true)");

  EXPECT_EQ(splitter, Splitter(StratifiedKFold{.n_splits = 10, .shuffle = true}));
  EXPECT_EQ(splitter.text(), "stratified_kfold(n_splits=10, shuffle=true)");
  EXPECT_EQ(make_splitter("shuffle_split(test_size=0.25)").text(), "shuffle_split(test_size=0.25)");
  EXPECT_EQ(Splitter(KFold{}).text(), "kfold");
  EXPECT_NE(Splitter(KFold{}), Splitter(LeaveOneOut{}));
  EXPECT_NE(Splitter(KFold{}), Splitter(KFold{.n_splits = 3}));
}

TEST(Splitter, EveryOneOfTheTableIsMadeByItsName) {
  for (const SplitterEntry& entry : splitters()) {
    const Splitter splitter = make_splitter(entry.name);
    EXPECT_EQ(splitter.name(), entry.name);
    EXPECT_EQ(splitter.text(), entry.name);
    EXPECT_EQ(splitter, entry.make());
    for (const OptionInfo& option : splitter.options()) EXPECT_FALSE(option.doc.empty());
  }
}

TEST(Splitter, CopiesAreDeep) {
  Splitter a = KFold{};
  const Splitter b = a;
  a.set("n_splits", parse_value("7"));
  EXPECT_EQ(a.text(), "kfold(n_splits=7)");
  EXPECT_EQ(b.text(), "kfold");
}

std::string message_of(std::string_view text) {
  try {
    make_splitter(text);
  } catch (const InvalidArgument& error) {
    return error.code() + ": " + error.what() + " (" + error.help() + ")";
  }
  return "no error";
}

TEST(Splitter, ErrorsPointAtThePlaceAndNameTheNearest) {
  EXPECT_THAT(message_of("k_fold(n_splits=3)"), HasSubstr("did you mean kfold?"));
  EXPECT_THAT(message_of("zzz"), HasSubstr("there are kfold, stratified_kfold, shuffle_split"));
  EXPECT_THAT(message_of("kfold(n_split=3)"), HasSubstr("did you mean n_splits?"));
  EXPECT_THAT(message_of("kfold(n_splits=3.5)"),
              HasSubstr("kfold: n_splits = 3.5 is not an integer at character 7\n"
                        "  kfold(n_splits=3.5)\n"
                        "        ^"));
  EXPECT_THAT(message_of("kfold(n_splits=1)"), HasSubstr("O001"));
  EXPECT_THAT(message_of("kfold | kfold"), HasSubstr("P006: a splitter is one step"));
  EXPECT_THAT(message_of("kfold(numeric: kfold)"), HasSubstr("P006: a splitter takes option"));
  EXPECT_THAT(message_of("kfold("), HasSubstr("P001"));
}

}  // namespace
}  // namespace lathe
