#include "lathe/evaluation/metrics_classification.h"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/evaluation/error_code.h"

namespace lathe {
namespace {

using testing::HasSubstr;

TEST(Accuracy, CountsTheRightOnes) {
  EXPECT_EQ(accuracy_score({"a", "b", "b", "c"}, {"a", "b", "c", "a"}), 0.5);
}

TEST(Accuracy, VocabulariesNeedNotBeTheSame) {
  const Labels truth({"cat", "dog"});
  const Labels guess({"ape", "dog"});
  EXPECT_EQ(accuracy_score(truth, guess), 0.5);
  EXPECT_EQ(accuracy_score(guess, truth), 0.5);
  EXPECT_EQ(accuracy_score({1, 2, 3}, {4, 5, 3}), 1.0 / 3.0);
}

TEST(Accuracy, WeighsRows) {
  EXPECT_EQ(accuracy_score({0, 1, 1}, {0, 1, 0}, std::vector<double>{1.0, 2.0, 5.0}), 3.0 / 8.0);
}

TEST(BalancedAccuracy, IsTheMeanOfTheClassesShares) {
  const Labels truth({0, 0, 0, 0, 1, 1});
  const Labels guess({0, 0, 0, 1, 1, 2});
  EXPECT_DOUBLE_EQ(balanced_accuracy_score(truth, guess), (0.75 + 0.5) / 2.0);
  EXPECT_DOUBLE_EQ(balanced_accuracy_score(truth, guess, {}, {.adjusted = true}),
                   (0.625 - 0.5) / 0.5);
}

TEST(BalancedAccuracy, AdjustedIsNotDefinedForOneClass) {
  EXPECT_TRUE(std::isnan(balanced_accuracy_score({1, 1}, {1, 0}, {}, {.adjusted = true})));
}

// Class 0: 1 right of 1 guessed and 1 true; class 1: 1 of 3 and 1; class 2: 0 of 0 and 2.
struct NeverPredicted : testing::Test {
  Labels truth{0, 1, 2, 2};
  Labels guess{0, 1, 1, 1};
};

TEST_F(NeverPredicted, F1OfEachAverage) {
  EXPECT_DOUBLE_EQ(f1_score(truth, guess, {.average = F1Average::macro}), (1.0 + 0.5 + 0.0) / 3.0);
  EXPECT_DOUBLE_EQ(f1_score(truth, guess, {.average = F1Average::weighted}),
                   (1.0 + 0.5 + 2 * 0.0) / 4.0);
  EXPECT_DOUBLE_EQ(f1_score(truth, guess, {.average = F1Average::micro}), 0.5);
}

TEST_F(NeverPredicted, F1OfChosenLabels) {
  const F1 of_two{.average = F1Average::macro, .labels = {"0", "2"}};
  EXPECT_DOUBLE_EQ(f1_score(truth, guess, of_two), 0.5);
}

TEST(F1, BinaryIsAboutOneLabel) {
  const Labels truth({"no", "yes", "yes", "no"});
  const Labels guess({"no", "yes", "no", "no"});
  EXPECT_DOUBLE_EQ(f1_score(truth, guess, {.pos_label = "yes"}), 2.0 * 1.0 * 0.5 / 1.5);
  EXPECT_DOUBLE_EQ(f1_score(truth, guess, {.pos_label = "no"}), 2.0 * (2.0 / 3.0) / (5.0 / 3.0));
  EXPECT_DOUBLE_EQ(f1_score({0, 1, 1, 0}, {0, 1, 0, 0}), 2.0 * 0.5 / 1.5);
}

TEST(F1, ZeroDivisionSaysWhatNothingIsWorth) {
  const Labels none({0, 0});
  EXPECT_EQ(f1_score(none, none), 0.0);
  EXPECT_EQ(f1_score(none, none, {.zero_division = 1}), 1.0);
  const Labels all({0, 1, 2});
  const Labels subset = all.select(std::vector<Index>{0, 0});
  EXPECT_EQ(f1_score(subset, subset, {.average = F1Average::weighted, .labels = {"2"}}), 0.0);
  EXPECT_EQ(f1_score(subset, subset,
                     {.average = F1Average::weighted, .labels = {"2"}, .zero_division = 1}),
            1.0);
}

TEST(F1, AVocabularyWiderThanTheRowsAddsNoClass) {
  const Labels all({0, 1, 2});
  const Labels truth = all.select(std::vector<Index>{0, 1, 1});
  EXPECT_EQ(f1_score(truth, truth, {.average = F1Average::macro}), 1.0);
}

TEST(F1, WeightsAreRepeatedRows) {
  const std::vector<double> weight{1.0, 2.0, 3.0};
  for (const F1Average average : {F1Average::macro, F1Average::micro, F1Average::weighted}) {
    EXPECT_DOUBLE_EQ(f1_score({0, 1, 1}, {0, 1, 0}, {.average = average}, weight),
                     f1_score({0, 1, 1, 1, 1, 1}, {0, 1, 1, 0, 0, 0}, {.average = average}));
  }
}

TEST(F1, RefusesABinaryAverageOfThreeLabelsAndUnknownLabels) {
  const Labels three({0, 1, 2});
  EXPECT_THAT(message_of([&] { f1_score(three, three); }),
              HasSubstr("Q005: f1: average=binary is for two labels, but there are 3: 0, 1, 2"));
  const Labels texts({"no", "yes"});
  EXPECT_THAT(message_of([&] { f1_score(texts, texts); }),
              HasSubstr("Q006: f1: pos_label = 1 is none of the labels no, yes"));
  EXPECT_EQ(
      code_of([&] { f1_score(three, three, {.average = F1Average::macro, .labels = {"5"}}); }),
      "Q006");
  EXPECT_EQ(code_of([&] { f1_score(three, three, {.zero_division = 2}); }), "O001");
}

TEST(ClassificationMetrics, RefuseOtherLengthsAndKinds) {
  EXPECT_EQ(code_of([] { accuracy_score(Labels(), Labels()); }), "Q001");
  EXPECT_EQ(code_of([] { accuracy_score({1, 2}, {1}); }), "Q002");
  EXPECT_EQ(code_of([] { balanced_accuracy_score({1, 2}, {"1", "2"}); }), "Q004");
  EXPECT_EQ(code_of([] { f1_score({1, 0}, {1, 0}, {}, std::vector<double>{1.0}); }), "W001");
}

}  // namespace
}  // namespace lathe
