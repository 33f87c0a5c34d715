// Numbers as people write them into tables.
#pragma once

#include <string_view>

namespace lathe {

enum class NumberKind {
  number,
  long_integer,  // digits only, some of which a double cannot give back: value is rounded
  not_finite,    // inf, infinity or nan in any case and with any sign, or a number beyond 1.8e308
  text,
};

struct ParsedNumber {
  NumberKind kind = NumberKind::text;
  double value = 0.0;  // of a number or a long integer
};

// [+-] digits [. digits] [e exponent], rounded correctly whatever the locale, with spaces and tabs
// around it or not; no hexadecimal, no thousands separators. What is too small for a double becomes
// 0.
ParsedNumber parse_number(std::string_view text);

}  // namespace lathe
