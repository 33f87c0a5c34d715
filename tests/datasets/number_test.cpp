#include "lathe/datasets/number.h"

#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace lathe {
namespace {

double number(std::string_view text) {
  const ParsedNumber parsed = parse_number(text);
  EXPECT_EQ(parsed.kind, NumberKind::number) << text;
  return parsed.value;
}

TEST(ParseNumber, ReadsWhatPeopleWrite) {
  EXPECT_EQ(number("0"), 0.0);
  EXPECT_EQ(number("-12.50"), -12.5);
  EXPECT_EQ(number("+3"), 3.0);
  EXPECT_EQ(number(".5"), 0.5);
  EXPECT_EQ(number("5."), 5.0);
  EXPECT_EQ(number("-.5"), -0.5);
  EXPECT_EQ(number("1e3"), 1000.0);
  EXPECT_EQ(number("1.5E-3"), 0.0015);
  EXPECT_EQ(number("2e+2"), 200.0);
  EXPECT_EQ(number("0.07"), 0.07);
  EXPECT_EQ(parse_number("007").kind, NumberKind::long_integer);  // a name: the zeros would be lost
  EXPECT_EQ(number(" \t7 "), 7.0);
}

TEST(ParseNumber, RoundsCorrectly) {
  EXPECT_EQ(number("0.1"), 0.1);
  EXPECT_EQ(number("2.2250738585072011e-308"), 2.2250738585072011e-308);
  EXPECT_EQ(number("1.7976931348623157e308"), std::numeric_limits<double>::max());
  EXPECT_EQ(number("4.9406564584124654e-324"), std::numeric_limits<double>::denorm_min());
  // Half way between 1 and the next double, and just above it.
  EXPECT_EQ(number("1.00000000000000011102230246251565404"), 1.0);
  EXPECT_EQ(number("1.00000000000000011102230246251565405"), 1.0 + 0x1p-52);
}

TEST(ParseNumber, WhatIsTooSmallIsZero) {
  EXPECT_EQ(number("1e-400"), 0.0);
  EXPECT_TRUE(std::signbit(number("-1e-99999999999999999999")));
  EXPECT_EQ(number("0." + std::string(400, '0') + "1"), 0.0);
  EXPECT_EQ(number("0e999"), 0.0);
}

TEST(ParseNumber, WhatIsTooLargeIsNotFinite) {
  for (const std::string& text :
       {std::string("1e999"), std::string("-1e+309"), std::string("2e308"),
        "1" + std::string(400, '0'), std::string("0.01e99999999999999999999")}) {
    EXPECT_EQ(parse_number(text).kind, NumberKind::not_finite) << text;
  }
  // Many digits, but a usual size.
  EXPECT_EQ(number("1" + std::string(400, '0') + "e-400"), 1.0);
  EXPECT_EQ(number("0." + std::string(400, '0') + "1e401"), 1.0);
}

TEST(ParseNumber, WordsForInfinityAndNanAreNotFinite) {
  for (const char* text : {"inf", "-Inf", "+INFINITY", "nan", "NAN", "-NaN"}) {
    EXPECT_EQ(parse_number(text).kind, NumberKind::not_finite) << text;
  }
}

TEST(ParseNumber, RefusesWhatIsNoNumber) {
  for (const char* text : {"",
                           "+",
                           "-",
                           ".",
                           "-.",
                           "e5",
                           "1e",
                           "1e+",
                           "--1",
                           "+-1",
                           "++1",
                           "1 2",
                           "- 1",
                           " ",
                           "1,5",
                           "1_000",
                           "0x10",
                           "1.2.3",
                           "12a",
                           "infinit",
                           "nan(1)",
                           "1e5.5",
                           "\xE2\x88\x92"
                           "1",
                           "$5",
                           "5%"}) {
    EXPECT_EQ(parse_number(text).kind, NumberKind::text) << text;
  }
}

TEST(ParseNumber, WholeNumbersThatLoseDigitsAreMarked) {
  EXPECT_EQ(number("9007199254740992"), 0x1p53);
  EXPECT_EQ(parse_number("9007199254740993").kind, NumberKind::long_integer);
  EXPECT_EQ(parse_number("-9007199254740993").kind, NumberKind::long_integer);
  EXPECT_EQ(parse_number("-9007199254740993").value, -0x1p53);
  EXPECT_EQ(parse_number("+0009007199254740993").kind, NumberKind::long_integer);
  EXPECT_EQ(number("9007199254740994"), 9007199254740994.0);
  EXPECT_EQ(number("100000000000000000000"), 1e20);
  EXPECT_EQ(parse_number("100000000000000000001").kind, NumberKind::long_integer);
  EXPECT_EQ(number("9007199254740993.0"), 0x1p53);  // a measurement, not an identifier
}

}  // namespace
}  // namespace lathe
