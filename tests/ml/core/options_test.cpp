#include "lathe/ml/core/options.h"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tests/ml/core/support.h"
#include "tests/ml/core/toys.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

enum class Strategy { mean, median, most_frequent };
constexpr auto names(Strategy) {
  return std::array<std::string_view, 3>{"mean", "median", "most_frequent"};
}

// One option of each type.
struct Every {
  static constexpr std::string_view name = "every";

  bool flag = false;
  std::int64_t count = 3;
  double number = 0.5;
  std::string text = "a";
  Strategy strategy = Strategy::median;
  std::optional<std::int64_t> maybe = {};
  std::optional<CountOrShare> size = {};
  CountOrShare components = 0.9;
  std::vector<double> numbers = {1.0, 2.0};
  std::vector<std::string> texts = {"x"};
  LabelWeights weights = {};
  std::variant<Strategy, LabelWeights> balance = Strategy::mean;
  Matrix start = Matrix{{1.0, 2.0}, {3.0, 4.0}};
  std::variant<Strategy, Matrix> init = Strategy::mean;
  Estimator inside = toys::RowSum{};

  static void describe(auto& self, auto&& field) {
    field("flag", self.flag, any_value, "a flag");
    field("count", self.count, between(1, 10), "a count");
    field("number", self.number, inside_unit, "a number");
    field("text", self.text, any_value, "a text");
    field("strategy", self.strategy, any_value, "a choice");
    field("maybe", self.maybe, at_least(0), "a count or none");
    field("size", self.size, share_or_count, "a count, a share or none");
    field("components", self.components, share_or_count, "a count or a share");
    field("numbers", self.numbers, above(0.0), "some numbers");
    field("texts", self.texts, any_value, "some texts");
    field("weights", self.weights, at_least(0.0), "some weights");
    field("balance", self.balance, at_least(0.0), "a choice or some weights");
    field("start", self.start, any_value, "a matrix");
    field("init", self.init, any_value, "a choice or a matrix");
    field("inside", self.inside, any_value, "an estimator");
  }
  static constexpr Rule inside_unit = lathe::inside(0.0, 1.0);
  bool operator==(const Every&) const = default;
};

Every set(std::string_view option, std::string_view text) {
  Every object;
  set_option(object, option, parse_value(text), toys::registry());
  return object;
}

std::string why_not(std::string_view option, std::string_view text) {
  return refusal([&] { set(option, text); });
}

TEST(Rule, HoldsItsEdges) {
  EXPECT_TRUE(at_least(0).allows(0.0));
  EXPECT_TRUE(at_least(0).allows(-0.0));
  EXPECT_FALSE(at_least(0).allows(-5e-324));
  EXPECT_FALSE(above(0).allows(0.0));
  EXPECT_TRUE(above(0).allows(5e-324));
  EXPECT_TRUE(between(0, 1).allows(0.0));
  EXPECT_TRUE(between(0, 1).allows(1.0));
  EXPECT_FALSE(between(0, 1).allows(1.0000000000000002));
  EXPECT_FALSE(inside(0, 1).allows(0.0));
  EXPECT_FALSE(inside(0, 1).allows(1.0));
  EXPECT_TRUE(inside(0, 1).allows(0.5));
}

TEST(Rule, AllowsNaNOnlyWhereItSaysSo) {
  for (const Rule& rule : {any_value, at_least(0), above(0), between(0, 1), inside(0, 1)}) {
    EXPECT_FALSE(rule.allows(nan));
  }
  EXPECT_TRUE(any_number_or_nan.allows(nan));
}

TEST(Rule, AllowsInfinityOnlyWhereItsEndIsInfiniteAndClosed) {
  for (const Rule& rule :
       {any_value, at_least(0), above(0), between(0, 1), inside(0, 1), Rule{.hi = 5.0}}) {
    EXPECT_FALSE(rule.allows(infinity)) << rule.text();
    EXPECT_FALSE(rule.allows(-infinity)) << rule.text();
  }
  EXPECT_TRUE(any_number_or_nan.allows(infinity));
  EXPECT_TRUE(any_number_or_nan.allows(-infinity));
  EXPECT_TRUE(between(0, infinity).allows(infinity));
  EXPECT_FALSE(between(0, infinity).allows(-infinity));
  EXPECT_TRUE(any_value.allows(std::numeric_limits<double>::max()));
  EXPECT_TRUE(any_value.allows(std::numeric_limits<double>::lowest()));
}

TEST(Rule, ReadsAsText) {
  EXPECT_EQ(any_value.text(), "");
  EXPECT_EQ(any_number_or_nan.text(), "");
  EXPECT_EQ(at_least(0).text(), ">= 0");
  EXPECT_EQ(above(0.5).text(), "> 0.5");
  EXPECT_EQ(between(1, 1e6).text(), "in [1, 1e+06]");
  EXPECT_EQ(inside(0, 1).text(), "in (0, 1)");
  EXPECT_EQ((Rule{.lo = 0, .hi = 1, .lo_open = true, .hi_open = false}.text()), "in (0, 1]");
  EXPECT_EQ((Rule{.hi = 5.0}.text()), "< 5");
  EXPECT_EQ((Rule{.hi = 5.0, .hi_open = false}.text()), "<= 5");
}

TEST(SetOption, ReadsEachType) {
  EXPECT_TRUE(set("flag", "true").flag);
  EXPECT_EQ(set("count", "10").count, 10);
  EXPECT_EQ(set("number", "0.25").number, 0.25);
  EXPECT_EQ(set("text", "word").text, "word");
  EXPECT_EQ(set("text", "\"two words\"").text, "two words");
  EXPECT_EQ(set("strategy", "most_frequent").strategy, Strategy::most_frequent);
  EXPECT_EQ(set("strategy", "\"mean\"").strategy, Strategy::mean);
  EXPECT_EQ(set("maybe", "7").maybe, 7);
  EXPECT_EQ(set("maybe", "none").maybe, std::nullopt);
  EXPECT_EQ(set("numbers", "[3, 4.5]").numbers, (std::vector<double>{3.0, 4.5}));
  EXPECT_TRUE(set("numbers", "[]").numbers.empty());
  EXPECT_EQ(set("texts", "[p, \"q r\"]").texts, (std::vector<std::string>{"p", "q r"}));
  EXPECT_EQ(set("weights", "[[a, 2], [7, 0.5]]").weights, (LabelWeights{{"a", 2.0}, {"7", 0.5}}));
  EXPECT_EQ(set("start", "[[5, 6, 7]]").start, (Matrix{{5.0, 6.0, 7.0}}));
  EXPECT_EQ(set("inside", "sign").inside, Estimator(toys::Sign{}));
  EXPECT_EQ(set("inside", "centre | row_sum(steps=2)").inside,
            Estimator(toys::Centre{} | toys::RowSum{.steps = 2}));
}

TEST(SetOption, TakesAnIntegerForANumber) {
  Every object;
  object.numbers = {};
  set_option(object, "numbers", parse_value("[2]"), toys::registry());
  EXPECT_EQ(object.numbers[0], 2.0);
}

TEST(SetOption, TellsACountFromAShare) {
  EXPECT_EQ(set("components", "1").components, CountOrShare(std::int64_t{1}));
  EXPECT_EQ(set("components", "1.0").components, CountOrShare(1.0));
  EXPECT_EQ(set("size", "none").size, std::nullopt);
  EXPECT_EQ(set("size", "0.25").size, CountOrShare(0.25));
  EXPECT_THAT(why_not("components", "0"), HasSubstr("components = 0, but it must be > 0"));
  EXPECT_THAT(why_not("components", "0.0"), HasSubstr("components = 0.0, but it must be > 0"));
  EXPECT_THAT(why_not("components", "1.5"),
              HasSubstr("components = 1.5, but a share is at most 1.0 (a count has no point)"));
  EXPECT_THAT(why_not("size", "-0.5"), HasSubstr("must be > 0"));
  EXPECT_THAT(why_not("size", "3.0"), HasSubstr("a share is at most 1.0"));
  EXPECT_THAT(why_not("components", "nan"), HasSubstr("components = nan"));
  EXPECT_THAT(why_not("components", "inf"), HasSubstr("components = inf"));
  EXPECT_THAT(why_not("components", "many"),
              HasSubstr("components = many is not an integer or a number"));
}

TEST(SetOption, TriesTheAlternativesOfAVariantInOrder) {
  EXPECT_EQ(set("balance", "median").balance.index(), 0U);
  EXPECT_EQ(set("balance", "[[a, 1]]").balance.index(), 1U);
  EXPECT_EQ(std::get<Matrix>(set("init", "[[1, 2]]").init), (Matrix{{1.0, 2.0}}));
  EXPECT_THAT(why_not("init", "5"),
              HasSubstr("init = 5 is not one of mean, median, most_frequent or a list of rows"));
  EXPECT_THAT(why_not("balance", "[[a, -1]]"), HasSubstr("balance = -1.0, but it must be >= 0"));
}

TEST(SetOption, RefusesValuesOfAnotherKind) {
  EXPECT_EQ(why_not("flag", "1"), "O002 every: flag = 1 is not true or false | ");
  EXPECT_THAT(why_not("count", "1.0"), HasSubstr("count = 1.0 is not an integer"));
  EXPECT_THAT(why_not("count", "none"), HasSubstr("count = none is not an integer"));
  EXPECT_THAT(why_not("number", "true"), HasSubstr("number = true is not a number"));
  EXPECT_THAT(why_not("text", "1"), HasSubstr("text = 1 is not a text"));
  EXPECT_THAT(why_not("maybe", "0.5"), HasSubstr("maybe = 0.5 is not an integer or none"));
  EXPECT_THAT(why_not("numbers", "[1, a]"), HasSubstr("[1, a] is not a list of numbers"));
  EXPECT_THAT(why_not("numbers", "1"), HasSubstr("is not a list of numbers"));
  EXPECT_THAT(why_not("texts", "[a, 1]"), HasSubstr("is not a list of texts"));
  EXPECT_THAT(why_not("inside", "5"), HasSubstr("inside = 5 is not an estimator"));
  EXPECT_THAT(why_not("inside", "\"row_sum\""), HasSubstr("is not an estimator"));
  for (const char* text : {"1", "[1]", "[[a]]", "[[a, 1, 2]]", "[[a, b]]", "[[1.5, 1]]"}) {
    EXPECT_THAT(why_not("weights", text), HasSubstr("is not a list of [label, weight]")) << text;
  }
  for (const char* text : {"1", "[]", "[1]", "[[1], [1, 2]]", "[[a]]", "[[]]", "[[], []]"}) {
    EXPECT_THAT(why_not("start", text), HasSubstr("is not a list of rows")) << text;
  }
}

TEST(SetOption, OffersTheNearestChoice) {
  EXPECT_EQ(why_not("strategy", "medin"),
            "O002 every: strategy = medin is not one of mean, median, most_frequent (did you mean "
            "median?) | ");
  EXPECT_THAT(why_not("strategy", "zzzzzzzzz"), HasSubstr("mean, median, most_frequent |"));
  EXPECT_THAT(why_not("strategy", "1"), HasSubstr("is not one of mean"));
}

TEST(SetOption, RefusesValuesOutOfRange) {
  EXPECT_EQ(why_not("count", "0"), "O001 every: count = 0, but it must be in [1, 10] | ");
  EXPECT_THAT(why_not("count", "11"), HasSubstr("count = 11"));
  EXPECT_THAT(why_not("number", "1.0"), HasSubstr("number = 1.0, but it must be in (0, 1)"));
  EXPECT_THAT(why_not("number", "nan"), HasSubstr("number = nan"));
  EXPECT_THAT(why_not("maybe", "-1"), HasSubstr("maybe = -1, but it must be >= 0"));
  EXPECT_THAT(why_not("numbers", "[1, 0]"), HasSubstr("numbers = 0.0, but it must be > 0"));
  EXPECT_THAT(why_not("weights", "[[a, -1]]"), HasSubstr("weights = -1.0"));
  EXPECT_THAT(why_not("start", "[[1, inf]]"), HasSubstr("start = inf, but it must be finite"));
}

TEST(SetOption, RefusesUnknownOptions) {
  EXPECT_EQ(why_not("cuont", "1"), "O003 every has no option 'cuont' | did you mean count?");
  EXPECT_THAT(why_not("some_other_thing", "1"),
              HasSubstr("its options are flag, count, number, text"));
  toys::Squares none;
  EXPECT_THAT(refusal([&] { set_option(none, "x", Value(true), toys::registry()); }),
              AllOf(StartsWith("O003 squares has no option 'x'"), HasSubstr("has no options")));
}

TEST(SetOption, ChangesNothingWhenItThrows) {
  Every object;
  for (const auto& [option, text] : {std::pair{"count", "0"},
                                     {"number", "nan"},
                                     {"numbers", "[5, 0]"},
                                     {"start", "[[1, inf]]"},
                                     {"strategy", "none"},
                                     {"inside", "row_sum(steps=0)"},
                                     {"unknown", "1"}}) {
    EXPECT_THROW(set_option(object, option, parse_value(text), toys::registry()), InvalidArgument)
        << option;
  }
  EXPECT_EQ(object, Every());
}

TEST(CheckOptions, NamesTheOptionAndTheRule) {
  EXPECT_NO_THROW(check_options(Every()));
  EXPECT_EQ(refusal([] { check_options(toys::RowSum{.steps = 11}); }),
            "O001 row_sum: steps = 11, but it must be in [1, 10] | ");
  EXPECT_THAT(refusal([] { check_options(toys::RowSum{.offset = nan}); }),
              HasSubstr("offset = nan, but it must be finite"));
  EXPECT_THAT(refusal([] { check_options(toys::Centre{.factor = -1.0}); }),
              HasSubstr("factor = -1.0, but it must be >= 0"));
  Every with_share;
  with_share.size = 2.0;
  EXPECT_THAT(refusal([&] { check_options(with_share); }), HasSubstr("a share is at most 1.0"));
}

TEST(ListOptions, GivesNameTypeValueDefaultRuleAndSentence) {
  const std::vector<OptionInfo> options = list_options(toys::RowSum{.offset = 2.0});
  ASSERT_EQ(options.size(), 3U);
  EXPECT_EQ(options[0].name, "offset");
  EXPECT_EQ(options[0].type, "number");
  EXPECT_EQ(options[0].value, Value(2.0));
  EXPECT_EQ(options[0].default_value, Value(0.0));
  EXPECT_EQ(options[0].allowed, "");
  EXPECT_EQ(options[0].doc, "added to each prediction");
  EXPECT_EQ(options[1].allowed, "in [1, 10]");
  EXPECT_EQ(options[1].rule.hi, 10.0);
  EXPECT_EQ(options[2].type, "one of calm, wild");
  EXPECT_EQ(options[2].value, Value(Word{"calm"}));
}

TEST(ListOptions, NamesEachType) {
  std::vector<std::string> types;
  for (const OptionInfo& info : list_options(Every())) types.push_back(info.type);
  EXPECT_THAT(
      types, ElementsAre(
                 "true or false", "integer", "number", "text", "one of mean, median, most_frequent",
                 "integer or none", "integer or number or none", "integer or number",
                 "list of numbers", "list of texts", "list of [label, weight]",
                 "one of mean, median, most_frequent or list of [label, weight]", "list of rows",
                 "one of mean, median, most_frequent or list of rows", "estimator"));
}

TEST(ToStep, SaysOnlyWhatDiffersFromTheDefaults) {
  EXPECT_EQ(to_text(to_step(toys::RowSum{})), "row_sum");
  EXPECT_EQ(to_text(to_step(toys::RowSum{.offset = 1.0, .mood = toys::Mood::wild})),
            "row_sum(offset=1.0, mood=wild)");
}

TEST(ToStep, RoundTripsEachType) {
  Every object;
  object.flag = true;
  object.count = 4;
  object.number = 0.1;
  object.text = "two \"words\"\n";
  object.strategy = Strategy::most_frequent;
  object.maybe = 5;
  object.size = std::int64_t{3};
  object.components = 1.0;
  object.numbers = {5e-324, 1e300, 3.0};
  object.texts = {"", "none", "a b"};
  object.weights = {{"1", 2.0}, {"a b", 0.0}};
  object.balance = LabelWeights{{"x", 1.0}};
  object.start = Matrix{{-1.0, 0.1, 1e-9}};
  object.init = Matrix{{1.0}};
  object.inside = toys::Centre{.factor = 2.0} | toys::Around{.inside = toys::Sign{}};

  const Step step = parse_pipe(to_text(to_step(object))).steps.at(0);
  EXPECT_EQ(step.arguments.size(), 15U);
  Every read;
  for (const Argument& argument : step.arguments) {
    set_option(read, argument.key, argument.value, toys::registry());
  }
  EXPECT_EQ(read, object);
  EXPECT_EQ(to_step(read), to_step(object));
}

}  // namespace
}  // namespace lathe
