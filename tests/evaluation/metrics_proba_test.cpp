#include "lathe/evaluation/metrics_proba.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/evaluation/error_code.h"

namespace lathe {
namespace {

using testing::HasSubstr;

TEST(LogLoss, IsTheMeanOfTheLogarithms) {
  const Labels y({"a", "b", "c"});
  const Matrix proba{{0.5, 0.25, 0.25}, {0.1, 0.8, 0.1}, {0.2, 0.3, 0.5}};
  EXPECT_DOUBLE_EQ(log_loss(y, proba), -(std::log(0.5) + std::log(0.8) + std::log(0.5)) / 3.0);
}

TEST(LogLoss, OneColumnIsTheUpperClass) {
  const Labels y({0, 1});
  EXPECT_DOUBLE_EQ(log_loss(y, Vector{{0.25, 0.75}}),
                   log_loss(y, Matrix{{0.75, 0.25}, {0.25, 0.75}}));
}

TEST(LogLoss, CertaintyThatIsWrongIsClipped) {
  const Labels y({0, 1});
  const double worst = -std::log(std::numeric_limits<double>::epsilon());
  EXPECT_DOUBLE_EQ(log_loss(y, Vector{{1.0, 0.0}}), worst);
  EXPECT_NEAR(log_loss(y, Vector{{0.0, 1.0}}), 0.0, 1e-15);
}

TEST(LogLoss, RowsAreScaledToAddUpToOne) {
  const Labels y({0, 1});
  EXPECT_DOUBLE_EQ(log_loss(y, Matrix{{0.3, 0.3}, {0.1, 0.1}}), std::log(2.0));
}

TEST(LogLoss, WeighsRows) {
  const Labels y({0, 1});
  const std::vector<double> weight{3.0, 1.0};
  EXPECT_DOUBLE_EQ(log_loss(y, Vector{{0.5, 0.25}}, weight),
                   -(3.0 * std::log(0.5) + std::log(0.25)) / 4.0);
  EXPECT_DOUBLE_EQ(log_loss(y, Vector{{0.5, 0.25}}, std::vector<double>{1.0, 0.0}), std::log(2.0));
}

TEST(LogLoss, RefusesWhatIsNoProbability) {
  const Labels y({0, 1});
  EXPECT_EQ(code_of([&] { log_loss(y, Vector{{1.5, 0.0}}); }), "Q007");
  EXPECT_EQ(code_of([&] { log_loss(y, Vector{{-0.5, 0.0}}); }), "Q007");
  EXPECT_EQ(code_of([&] { log_loss(y, Vector{{std::nan(""), 0.0}}); }), "Q003");
  EXPECT_EQ(code_of([&] { log_loss(y, Matrix::Constant(2, 3, 1.0 / 3.0)); }), "Q002");
  EXPECT_EQ(code_of([&] { log_loss(y, Vector{{0.5}}); }), "Q002");
  EXPECT_EQ(code_of([] { log_loss({1, 1}, Vector{{0.5, 0.5}}); }), "Q008");
}

TEST(RocAuc, IsTheShareOfPairsInOrder) {
  const Labels y({0, 0, 1, 1});
  // Pairs (0.1, 0.35), (0.1, 0.8), (0.4, 0.8) are in order, (0.4, 0.35) is not.
  EXPECT_DOUBLE_EQ(roc_auc_score(y, Vector{{0.1, 0.4, 0.35, 0.8}}), 0.75);
}

TEST(RocAuc, ATieCountsHalf) {
  EXPECT_EQ(roc_auc_score({0, 1, 0, 1}, Vector{{3.0, 3.0, 3.0, 3.0}}), 0.5);
  EXPECT_EQ(roc_auc_score({0, 1, 0, 1}, Vector{{-2.0, 3.0, 0.0, 0.0}}), 3.5 / 4.0);
}

TEST(RocAuc, OfTwoColumnsTakesTheUpperClass) {
  const Labels y({"a", "a", "b", "b"});
  const Matrix proba{{0.9, 0.1}, {0.6, 0.4}, {0.65, 0.35}, {0.2, 0.8}};
  EXPECT_DOUBLE_EQ(roc_auc_score(y, proba), 0.75);
}

TEST(RocAuc, WeightsAreRepeatedRows) {
  const Vector score{{0.3, 0.3, 0.6, 0.8, 0.1}};
  const std::vector<double> weight{1.0, 2.0, 0.0, 1.0, 3.0};
  const Vector repeated{{0.3, 0.3, 0.3, 0.8, 0.1, 0.1, 0.1}};
  EXPECT_DOUBLE_EQ(roc_auc_score({0, 1, 0, 1, 1}, score, {}, weight),
                   roc_auc_score({0, 1, 1, 1, 1, 1, 1}, repeated));
}

TEST(RocAuc, OfThreeClassesEachAgainstTheRest) {
  const Labels y({0, 1, 2, 0});
  const Matrix proba{{0.4, 0.4, 0.2}, {0.4, 0.4, 0.2}, {0.2, 0.4, 0.4}, {0.4, 0.2, 0.4}};
  // By class: 0 in order 2 of 4 and 2 ties; 1: 1 of 3 and 2 ties; 2: 2 of 3 and 1 tie.
  const double a0 = 3.0 / 4.0, a1 = 2.0 / 3.0, a2 = 2.5 / 3.0;
  EXPECT_DOUBLE_EQ(roc_auc_score(y, proba, {.multi_class = MultiClass::ovr}), (a0 + a1 + a2) / 3.0);
  EXPECT_DOUBLE_EQ(
      roc_auc_score(y, proba, {.multi_class = MultiClass::ovr, .average = RocAverage::weighted}),
      (2.0 * a0 + a1 + a2) / 4.0);
}

TEST(RocAuc, OfThreeClassesEachPair) {
  const Labels y({0, 1, 2});
  const Matrix perfect = Matrix::Identity(3, 3);
  EXPECT_EQ(roc_auc_score(y, perfect, {.multi_class = MultiClass::ovo}), 1.0);
  const Matrix swapped{{0.0, 1.0, 0.0}, {1.0, 0.0, 0.0}, {0.0, 0.0, 1.0}};
  // Pair (0, 1) is wrong both ways; in the others the one of 0 and 1 that is right in half ties.
  EXPECT_DOUBLE_EQ(roc_auc_score(y, swapped, {.multi_class = MultiClass::ovo}),
                   (0.0 + 0.75 + 0.75) / 3.0);
}

TEST(RocAuc, RefusesWhatIsNotDefinedAndNamesTheClass) {
  const Labels three({"a", "b", "c"});
  const Labels no_b = three.select(std::vector<Index>{0, 2, 0});
  const Matrix proba = Matrix::Constant(3, 3, 1.0 / 3.0);
  EXPECT_THAT(message_of([&] { roc_auc_score(no_b, proba, {.multi_class = MultiClass::ovr}); }),
              HasSubstr("Q008: roc_auc is not defined: no row counts that is of class b"));
  EXPECT_EQ(code_of([&] { roc_auc_score(no_b, proba, {.multi_class = MultiClass::ovo}); }), "Q008");
  EXPECT_THAT(message_of([&] { roc_auc_score(three, proba); }),
              HasSubstr("use roc_auc(multi_class=ovr)"));
  const std::vector<double> weight{1.0, 1.0, 2.0};
  EXPECT_EQ(code_of([&] { roc_auc_score(three, proba, {.multi_class = MultiClass::ovo}, weight); }),
            "Q009");
  EXPECT_EQ(
      code_of([&] { roc_auc_score(three, Matrix(2.0 * proba), {.multi_class = MultiClass::ovr}); }),
      "Q007");
  EXPECT_EQ(code_of([] { roc_auc_score({1, 1}, Vector{{0.5, 0.5}}); }), "Q008");
  EXPECT_EQ(code_of([] {
              roc_auc_score({0, 1}, Vector{{0.5, 0.5}}, {}, std::vector<double>{1.0, 0.0});
            }),
            "Q008");
  EXPECT_EQ(code_of([] {
              roc_auc_score({0, 1}, Vector{{0.5, 0.5}}, {}, std::vector<double>{0.0, 1.0});
            }),
            "Q008");
}

TEST(RocAuc, RefusesARestWithoutWeight) {
  const Labels three({0, 1, 2});
  const Matrix proba = Matrix::Constant(3, 3, 1.0 / 3.0);
  EXPECT_EQ(code_of([&] {
              roc_auc_score(three, proba, {.multi_class = MultiClass::ovr},
                            std::vector<double>{1.0, 0.0, 0.0});
            }),
            "Q008");
}

}  // namespace
}  // namespace lathe
