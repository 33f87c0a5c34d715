#include <gtest/gtest.h>

#include "tests/golden/case.h"
#include "tests/golden/compare.h"

namespace lathe::golden {
namespace {

bool agree(const Json& expected, const Json& got, const Tolerance& tolerance = {}) {
  return !compare(expected, got, tolerance).has_value();
}

TEST(GoldenComparison, AllowsAShareOfTheLargestNumber) {
  const Json expected = {1000.0, 1.0};
  EXPECT_TRUE(agree(expected, {1000.0, 1.0009}, {.rtol = 1e-6}));
  EXPECT_FALSE(agree(expected, {1000.0, 1.0011}, {.rtol = 1e-6}));
  EXPECT_TRUE(agree(expected, {1000.0, 1.0011}, {.rtol = 1e-6, .atol = 1e-3}));
  const auto difference = compare(expected, {1000.0, 1.002}, {.rtol = 1e-6});
  ASSERT_TRUE(difference.has_value());
  EXPECT_NEAR(difference->excess, 2.0, 1e-9);
  EXPECT_NE(difference->text.find("[1] is 1.002, not 1.0"), std::string::npos);
}

TEST(GoldenComparison, WholeNumbersTextsAndShapesAreExact) {
  const Tolerance loose{.rtol = 1.0, .atol = 10.0};
  EXPECT_FALSE(agree({1, 2}, {1, 3}, loose));
  EXPECT_TRUE(agree({1, 2}, {1.0, 3.0}, loose));  // computed as a number, so a number
  EXPECT_FALSE(agree("a", "b", loose));
  EXPECT_FALSE(agree({1.0, 2.0}, {1.0}, loose));
  EXPECT_FALSE(agree(Json::array({{1.0}}), Json::array({1.0}), loose));
  EXPECT_FALSE(agree(nullptr, 0.0, loose));
  EXPECT_TRUE(agree(nullptr, nullptr));
}

TEST(GoldenComparison, NaNEqualsNaNAndInfinityItself) {
  const Tolerance loose{.atol = 10.0};
  EXPECT_TRUE(agree({"NaN", 1.0}, {"NaN", 1.0}));
  EXPECT_FALSE(agree("NaN", 1.0, loose));
  EXPECT_FALSE(agree(1.0, "NaN", loose));
  EXPECT_TRUE(agree("Infinity", "Infinity"));
  EXPECT_FALSE(agree("Infinity", "-Infinity", loose));
  EXPECT_FALSE(agree("Infinity", 1e300, loose));
}

TEST(GoldenComparison, ARefusalIsNoNumber) {
  EXPECT_FALSE(agree("error: ValueError", 1.0, {.atol = 10.0}));
  EXPECT_TRUE(agree("error: ValueError", "error: ValueError"));
}

TEST(GoldenSettings, OneThatNobodyReadsIsNotBuilt) {
  Settings settings(Json{{"alpha", 1.0}, {"new_option", true}});
  EXPECT_EQ(settings.number("alpha", 0.0), 1.0);
  try {
    settings.finish();
    FAIL() << "no NotBuilt";
  } catch (const NotBuilt& missing) {
    EXPECT_EQ(missing.what, "new_option=true");
  }
  settings.note("new_option");
  EXPECT_NO_THROW(settings.finish());
}

TEST(GoldenSettings, AValueThatIsNotBuiltIsNamed) {
  Settings settings(Json{{"solver", "magic"}, {"n", 1.5}, {"flag", nullptr}});
  EXPECT_THROW(settings.only("solver", {"full", "auto"}), NotBuilt);
  EXPECT_THROW(settings.integer("n", 1), NotBuilt);
  EXPECT_TRUE(settings.flag("flag", true));
}

TEST(GoldenCase, WeightsMayBeWordsOrAList) {
  const Case given("case.json", Json::object());
  EXPECT_TRUE(given.weights(nullptr, 3).empty());
  EXPECT_EQ(given.weights({2.0, 0.5}, 2), (std::vector<double>{2.0, 0.5}));
  EXPECT_EQ(given.weights("1 + (row index mod 3)", 5),
            (std::vector<double>{1.0, 2.0, 3.0, 1.0, 2.0}));
  EXPECT_THROW(given.weights("by hand", 2), NotBuilt);
}

TEST(GoldenCase, DataThatAreNotThereAreNotRun) {
  const Case given("case.json", Json{{"dataset", "no such file.csv"}});
  EXPECT_THROW(given.data(), NotRun);
}

}  // namespace
}  // namespace lathe::golden
