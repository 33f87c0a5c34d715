#include "lathe/ml/core/value.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "lathe/ml/core/random.h"

#include "tests/ml/core/support.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class T>
T parsed(std::string_view text) {
  return std::get<T>(parse_value(text).data);
}

int pipe_caret(std::string_view text) {
  return caret(refusal([&] { parse_pipe(text); }));
}
int value_caret(std::string_view text) {
  return caret(refusal([&] { parse_value(text); }));
}

TEST(ParseValue, KnowsEachType) {
  EXPECT_EQ(parsed<bool>("true"), true);
  EXPECT_EQ(parsed<bool>(" false\n"), false);
  EXPECT_NO_THROW(parsed<None>("none"));
  EXPECT_TRUE(std::isnan(parsed<double>("nan")));
  EXPECT_EQ(parsed<double>("inf"), infinity);
  EXPECT_EQ(parsed<double>("-inf"), -infinity);
  EXPECT_EQ(parsed<double>("+inf"), infinity);
  EXPECT_EQ(parsed<std::string>("\"a b\""), "a b");
  EXPECT_EQ(parsed<Word>("k-means++").text, "k-means++");
  EXPECT_EQ(parsed<Word>("_x1.5-a+b").text, "_x1.5-a+b");
  EXPECT_EQ(parsed<std::vector<Value>>("[]").size(), 0U);
  EXPECT_EQ(parsed<std::vector<Value>>("[1, [2.5, x], none]").size(), 3U);
  EXPECT_EQ(parsed<Pipe>("pca(n=1) | ridge").steps.size(), 2U);
}

TEST(ParseValue, TellsIntegersFromNumbersByThePoint) {
  EXPECT_EQ(parsed<std::int64_t>("1"), 1);
  EXPECT_EQ(parsed<std::int64_t>("+1"), 1);
  EXPECT_EQ(parsed<std::int64_t>("-0"), 0);
  EXPECT_EQ(parsed<double>("1.0"), 1.0);
  EXPECT_EQ(parsed<double>("1."), 1.0);
  EXPECT_EQ(parsed<double>(".5"), 0.5);
  EXPECT_EQ(parsed<double>("-.5"), -0.5);
  EXPECT_EQ(parsed<double>("1e3"), 1000.0);
  EXPECT_EQ(parsed<double>("1E-3"), 0.001);
  EXPECT_TRUE(std::signbit(parsed<double>("-0.0")));
  EXPECT_NE(parse_value("1"), parse_value("1.0"));
}

TEST(ParseValue, HoldsNumbersToTheirRange) {
  EXPECT_EQ(parsed<std::int64_t>("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parsed<std::int64_t>("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parsed<double>("9223372036854775808"), 0x1p63);  // too large for an integer
  EXPECT_EQ(parsed<double>("1.7976931348623157e308"), std::numeric_limits<double>::max());
  EXPECT_EQ(parsed<double>("4.9e-324"), std::numeric_limits<double>::denorm_min());
  for (const char* text : {"1e309", "-1e309", "1e-400", "1e99999999999"}) {
    EXPECT_THAT(refusal([&] { parse_value(text); }),
                AllOf(StartsWith("P001"), HasSubstr("does not fit a double at character 1\n")));
  }
}

TEST(ParseValue, RefusesWhatIsNoNumber) {
  for (const char* text : {"-", "+", ".", "+-5", "-+5", "--5", "-x", "- 5"}) {
    EXPECT_THAT(refusal([&] { parse_value(text); }), HasSubstr("expected a number")) << text;
  }
  for (const char* text : {"1x", "0x10", "1.2.3", "1-2", "5k", "-infx", "1e5e5"}) {
    EXPECT_THAT(refusal([&] { parse_value(text); }), HasSubstr("not a number at character 1\n"))
        << text;
  }
}

TEST(ParseValue, ReadsEscapes) {
  EXPECT_EQ(parsed<std::string>(R"("a\"b\\c\nd\te")"), "a\"b\\c\nd\te");
  EXPECT_EQ(parsed<std::string>("\"\""), "");
  EXPECT_EQ(parsed<std::string>("\"é | (x=1)\""), "é | (x=1)");
  const std::string with_zero("\"a\0b\"", 5);
  EXPECT_EQ(parsed<std::string>(with_zero), std::string("a\0b", 3));
  EXPECT_THAT(refusal([] { parse_value(R"("a\r")"); }),
              HasSubstr(R"(unknown escape: use \" \\ \n or \t at character 4)"));
}

TEST(ParseValue, PointsAtTheQuoteThatIsNotClosed) {
  for (const char* text : {"\"abc", "\"", "\"abc\\\"", "\"abc\\"}) {
    EXPECT_THAT(refusal([&] { parse_value(text); }),
                HasSubstr("this text has no closing quote at character 1\n"))
        << text;
  }
}

TEST(ParseValue, ExpectsOneValueAndNoMore) {
  EXPECT_THAT(refusal([] { parse_value(""); }),
              HasSubstr("expected a value at character 1\n  \n  ^"));
  EXPECT_THAT(refusal([] { parse_value("1 2"); }), HasSubstr("expected the end at character 3"));
  EXPECT_THAT(refusal([] { parse_value("[1, 2"); }), HasSubstr("expected ',' or ']'"));
  EXPECT_EQ(value_caret("[1, 2"), 6);
  EXPECT_EQ(value_caret("[1,, 2]"), 4);
  EXPECT_EQ(value_caret("[1 2]"), 4);
  EXPECT_EQ(value_caret("[1,]"), 4);
  const std::string zero("1\0", 2);
  EXPECT_THAT(refusal([&] { parse_value(zero); }), HasSubstr("expected the end"));
}

TEST(ParsePipe, KeepsStepsArgumentsAndBranches) {
  const Pipe pipe =
      parse_pipe("columns(numeric: scale(a=1) | pca, [\"x y\", z]: one_hot, k=2)|ridge()");
  ASSERT_EQ(pipe.steps.size(), 2U);
  const Step& columns = pipe.steps[0];
  EXPECT_EQ(columns.name, "columns");
  ASSERT_EQ(columns.branches.size(), 2U);
  EXPECT_EQ(columns.branches[0].selector, Value(Word{"numeric"}));
  EXPECT_EQ(columns.branches[0].pipe.steps.size(), 2U);
  EXPECT_EQ(columns.branches[1].selector,
            Value(std::vector<Value>{Value(std::string("x y")), Value(Word{"z"})}));
  ASSERT_EQ(columns.arguments.size(), 1U);
  EXPECT_EQ(columns.arguments[0].key, "k");
  EXPECT_EQ(pipe.steps[1], (Step{"ridge", {}, {}, 0}));
}

TEST(ParsePipe, RemembersWhereThingsStood) {
  const Pipe pipe = parse_pipe("  a | b( x = 5, y: c)");
  EXPECT_EQ(pipe.steps[0].position, 2U);
  EXPECT_EQ(pipe.steps[1].position, 6U);
  EXPECT_EQ(pipe.steps[1].arguments[0].position, 9U);
  EXPECT_EQ(pipe.steps[1].arguments[0].value.position, 13U);
  EXPECT_EQ(pipe.steps[1].branches[0].selector.position, 16U);
}

TEST(ParsePipe, PointsAtTheCharacter) {
  EXPECT_EQ(refusal([] { parse_pipe("a | b(x=)"); }),
            "P001 expected a value at character 9\n  a | b(x=)\n          ^ | ");
  EXPECT_EQ(pipe_caret(""), 1);
  EXPECT_EQ(pipe_caret("a |"), 4);
  EXPECT_EQ(pipe_caret("a || b"), 4);
  EXPECT_EQ(pipe_caret("a b"), 3);
  EXPECT_EQ(pipe_caret("a)"), 2);
  EXPECT_EQ(pipe_caret("a(x)"), 4);
  EXPECT_EQ(pipe_caret("a(x=1"), 6);
  EXPECT_EQ(pipe_caret("a(x=1,)"), 7);
  EXPECT_EQ(pipe_caret("a(x=1, x=2)"), 8);
  EXPECT_EQ(pipe_caret("a(\"x\"=1)"), 6);
  EXPECT_EQ(pipe_caret("a([x]=1)"), 6);
  EXPECT_EQ(pipe_caret("a(1=1)"), 3);
  EXPECT_EQ(pipe_caret("1"), 1);
}

TEST(ParsePipe, SaysWhatIsWrong) {
  EXPECT_THAT(refusal([] { parse_pipe("a |"); }), HasSubstr("expected the name of a step"));
  EXPECT_THAT(refusal([] { parse_pipe("a b"); }), HasSubstr("expected '|' or the end"));
  EXPECT_THAT(refusal([] { parse_pipe("a(x)"); }),
              HasSubstr("expected '=' and a value, or ':' and a pipeline"));
  EXPECT_THAT(refusal([] { parse_pipe("a(x=1 y=2)"); }), HasSubstr("expected ',' or ')'"));
  EXPECT_THAT(refusal([] { parse_pipe("a(,)"); }), HasSubstr("expected an option or a column"));
  EXPECT_THAT(refusal([] { parse_pipe("a(\"x\"=1)"); }), HasSubstr("expected ':' and a pipeline"));
  EXPECT_THAT(refusal([] { parse_pipe("a(x=1, x=2)"); }), HasSubstr("'x' is given twice"));
}

TEST(PointAt, PutsTheCaretUnderTheCharacter) {
  EXPECT_EQ(point_at("abc", 1, "why"), "why at character 2\n  abc\n   ^");
  EXPECT_EQ(point_at("", 0, "why"), "why at character 1\n  \n  ^");
  EXPECT_EQ(point_at("a\nb\tc", 4, "why"), "why at character 5\n  a b c\n      ^");
  EXPECT_EQ(point_at("éé!", 4, "why"), "why at character 3\n  éé!\n    ^");
  EXPECT_EQ(point_at("abc", 99, "why"), "why at character 4\n  abc\n     ^");
}

TEST(PointAt, CutsALongTextAroundThePlaceAndBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "é";
  text.insert(600, "!");
  const std::string message = point_at(text, 600, "why");
  EXPECT_THAT(message, StartsWith("why at character 301\n  é"));
  const auto line = message.find("\n  ") + 3;
  const std::string shown = message.substr(line, message.find('\n', line) - line);
  EXPECT_LE(shown.size(), 102U);
  const auto mark = shown.find('!');
  EXPECT_EQ(caret(message) - 1, static_cast<int>(mark) / 2);  // two bytes for each character
  EXPECT_THAT(shown, EndsWith("é"));
  EXPECT_EQ(shown.size() % 2, 1U);  // whole characters and the mark
}

TEST(PointAt, TakesBytesThatAreNoText) {
  const std::string continuation(300, '\x80');
  EXPECT_THAT(point_at(continuation, 150, "why"), StartsWith("why at character 1\n"));
}

std::string nested(int levels, const std::string& open, const std::string& inner,
                   const std::string& close) {
  std::string text;
  for (int i = 0; i < levels; ++i) text += open;
  text += inner;
  for (int i = 0; i < levels; ++i) text += close;
  return text;
}

TEST(Parse, NestsTo64Levels) {
  EXPECT_NO_THROW(parse_value(nested(64, "[", "1", "]")));
  EXPECT_NO_THROW(parse_pipe(nested(63, "a(x=", "b(y=1)", ")")));  // the inmost is the 64th
  EXPECT_NO_THROW(parse_pipe(nested(63, "a(x: ", "b", ")")));
  for (const std::string& text : {nested(64, "a(x=", "b(y=1)", ")"), nested(64, "a(x: ", "b", ")"),
                                  nested(63, "a(x=", "b(y=[1])", ")") + " "}) {
    EXPECT_THAT(refusal([&] { parse_pipe(text); }), HasSubstr("nested more than 64 levels deep"));
  }
  EXPECT_THAT(refusal([] { parse_value(nested(65, "[", "1", "]")); }),
              HasSubstr("nested more than 64 levels deep at character 65\n"));
}

TEST(Parse, StandsHostileDepth) {
  const std::string brackets(1'000'000, '[');
  EXPECT_THAT(refusal([&] { parse_value(brackets); }), HasSubstr("nested more than 64"));
  EXPECT_THAT(refusal([] { parse_pipe(nested(100'000, "a(x: ", "b", "")); }),
              HasSubstr("nested more than 64"));
}

TEST(Parse, TakesLinearTimeForHugeTexts) {
  std::string list = "[0";
  std::string call = "a(k=0";
  std::string steps = "a";
  for (int i = 0; i < 200'000; ++i) {
    list += ",1";
    call += ",k" + std::to_string(i) + "=1";
    steps += "|a";
  }
  EXPECT_EQ(parsed<std::vector<Value>>(list + "]").size(), 200'001U);
  EXPECT_EQ(parse_pipe(call + ")").steps[0].arguments.size(), 200'001U);
  EXPECT_EQ(parse_pipe(steps).steps.size(), 200'001U);
  const std::string message = refusal([&] { parse_pipe(call + ", k7=2)"); });
  EXPECT_THAT(message, HasSubstr("'k7' is given twice"));
  EXPECT_LT(message.size(), 400U);
}

TEST(ToText, WritesNumbersWithTheFewestDigitsThatReadBack) {
  EXPECT_EQ(to_text(1.0), "1.0");
  EXPECT_EQ(to_text(-0.0), "-0.0");
  EXPECT_EQ(to_text(0.1), "0.1");
  EXPECT_EQ(to_text(1e300), "1e+300");
  EXPECT_EQ(to_text(5e-324), "5e-324");
  EXPECT_EQ(to_text(nan), "nan");
  EXPECT_EQ(to_text(infinity), "inf");
  EXPECT_EQ(to_text(-infinity), "-inf");
  EXPECT_EQ(to_text(Value(std::int64_t{1})), "1");
}

TEST(ToText, QuotesWhatWouldReadAsSomethingElse) {
  EXPECT_EQ(to_text(Value(Word{"k-means++"})), "k-means++");
  EXPECT_EQ(to_text(Value(Word{"true"})), "\"true\"");
  EXPECT_EQ(to_text(Value(Word{"1x"})), "\"1x\"");
  EXPECT_EQ(to_text(Value(Word{""})), "\"\"");
  EXPECT_EQ(to_text(Value(std::string("a"))), "\"a\"");
  EXPECT_EQ(to_text(Value(std::string("\"\\\n\t"))), R"("\"\\\n\t")");
}

TEST(ToText, GivesBackWhatWasParsed) {
  for (const char* text :
       {"ridge", "standard_scaler | pca(n_components=5) | logistic_regression(C=0.5)",
        "columns(numeric: simple_imputer(strategy=median), categorical: one_hot_encoder) | ridge",
        "columns([\"a b\", c]: x | y, \"d\": z, n=[1, 2.0, none, true, \"t\"])",
        "a(init=k-means++, inside=b | c(d=1), lo=-inf, missing=nan)",
        "columns(none: a, true: b, nan: c, inf: d)"}) {
    EXPECT_EQ(to_text(parse_pipe(text)), text);
  }
  EXPECT_EQ(to_text(parse_pipe(" a( )|b ( x=+1 )\n")), "a | b(x=1)");
}

TEST(Value, EqualityIgnoresPlacesAndHoldsForNaN) {
  EXPECT_EQ(parse_value("  [nan, 1]"), parse_value("[ nan,1 ]"));
  EXPECT_NE(parse_value("nan"), parse_value("1.0"));
  EXPECT_NE(parse_value("1"), parse_value("1.0"));
  EXPECT_NE(parse_value("a"), parse_value("\"a\""));
  EXPECT_EQ(parse_pipe("a(x=[nan])"), parse_pipe("a( x = [ nan ] )"));
  EXPECT_NE(parse_pipe("a(x=1)"), parse_pipe("a(x=2)"));
  EXPECT_NE(parse_pipe("a(x: b)"), parse_pipe("a(y: b)"));
  EXPECT_NE(parse_pipe("a"), parse_pipe("a | a"));
}

}  // namespace
}  // namespace lathe
