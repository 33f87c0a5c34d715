#include "lathe/server/http/json.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"

namespace lathe::server {

namespace {

using testing::HasSubstr;

std::string refusal(const std::string& text) {
  try {
    parse_json(text);
  } catch (const InvalidArgument& error) {
    return error.code() + ": " + error.what();
  }
  return "taken";
}

TEST(Json, TakesWhatTheStandardHas) {
  EXPECT_EQ(parse_json(R"( {"a": [1, -2.5e3, "x\u00e9", true, false, null], "b": {}} )"),
            (Json{{"a", {1, -2500.0, "x\xC3\xA9", true, false, nullptr}}, {"b", Json::object()}}));
  EXPECT_EQ(parse_json("7"), Json(7));
}

TEST(Json, RefusesWhatItHasNot) {
  EXPECT_THAT(refusal("[NaN]"), HasSubstr("R040: JSON: byte 2: NaN is no JSON"));
  EXPECT_THAT(refusal("[1, nan]"), HasSubstr("nan is no JSON"));
  EXPECT_THAT(refusal("[-Infinity]"), HasSubstr("-Infinity is no JSON"));
  EXPECT_THAT(refusal("[1e400]"), HasSubstr("\"1e400\" is too large for a double"));
  EXPECT_THAT(refusal("[1] 2"), HasSubstr("\"2\" is not expected here"));
  EXPECT_THAT(refusal("[1,]"), HasSubstr("\"]\" is not expected here"));
  EXPECT_THAT(refusal("[01]"), HasSubstr("\"01\" is not expected here"));
  EXPECT_THAT(refusal("{'a': 1}"), HasSubstr("is not expected here"));
  EXPECT_THAT(refusal("// a\n1"), HasSubstr("is not expected here"));
  for (const char* text : {"", " ", "[1", "{\"a\"", "\"x"}) {
    EXPECT_THAT(refusal(text), HasSubstr("R040")) << text;
  }
  EXPECT_THAT(refusal(std::string("[1]\0x", 5)), HasSubstr("R040: JSON: byte 4: a NUL byte"));
  EXPECT_THAT(refusal("[\"\xFF\"]"), HasSubstr("R040"));
  EXPECT_THAT(refusal(std::string("\xEF\xBB\xBF[1]x")), HasSubstr("R040"));
}

TEST(Json, RefusesAKeyThatIsThereTwice) {
  EXPECT_THAT(refusal(R"({"a": 1, "b": {"a": 1}, "a": 2})"),
              HasSubstr("R041: JSON: the key \"a\""));
  EXPECT_THAT(refusal(R"([{"x": 1, "\u0078": 2}])"), HasSubstr("the key \"x\" is there twice"));
  EXPECT_EQ(refusal(R"([{"a": 1}, {"a": 1}])"), "taken");
}

TEST(Json, NestsToSixtyFourLevels) {
  EXPECT_EQ(refusal(std::string(64, '[') + std::string(64, ']')), "taken");
  EXPECT_THAT(refusal(std::string(65, '[')), HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(refusal(std::string(5'000'000, '[')), HasSubstr("nested more than 64 deep"));
}

TEST(Json, KeepsIntegersOfSixtyFourBits) {
  const Json parsed = parse_json("[9007199254740993, -9223372036854775808, 18446744073709551615]");
  EXPECT_EQ(parsed[0].get<std::int64_t>(), 9007199254740993);
  EXPECT_EQ(parsed[1].get<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parsed[2].get<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(parse_json("18446744073709551616").is_number_float());
}

std::string written(double value) {
  std::string text;
  append_json(text, value);
  return text;
}

TEST(Json, NumbersReadBackToTheBit) {
  std::mt19937_64 bits(1);
  for (int i = 0; i < 200000; ++i) {
    const auto value = std::bit_cast<double>(bits());
    if (!std::isfinite(value)) continue;
    const double again = parse_json(written(value)).get<double>();
    ASSERT_EQ(std::bit_cast<std::uint64_t>(again), std::bit_cast<std::uint64_t>(value)) << value;
  }
  for (const double value : {0.0, -0.0, 1.0, 5e-324, 1.7976931348623157e308, 9007199254740993.0}) {
    const Json again = parse_json(written(value));
    EXPECT_TRUE(again.is_number_float()) << written(value);
    EXPECT_EQ(std::signbit(again.get<double>()), std::signbit(value));
    EXPECT_EQ(again.get<double>(), value);
  }
}

TEST(Json, WritesNullForWhatIsNoNumber) {
  EXPECT_EQ(written(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(written(-std::numeric_limits<double>::infinity()), "null");
}

TEST(Json, WritesText) {
  std::string text;
  append_json(text, std::string_view("a\"\\\n\x01\xC3\xA9\xFF"));
  EXPECT_EQ(text, "\"a\\\"\\\\\\n\\u0001\xC3\xA9\xEF\xBF\xBD\"");
}

}  // namespace

}  // namespace lathe::server
