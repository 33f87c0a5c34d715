// Of the values of flags, besides CLI11's own.
#pragma once

#include <cmath>
#include <string>

#include <CLI/CLI.hpp>

namespace lathe::server {

// Within [least, most], and a number: CLI::Range takes NaN.
template <class Number>
CLI::Validator in_range(Number least, Number most) {
  const CLI::Range range(least, most);
  return CLI::Validator(
      [range](std::string& text) -> std::string {
        double number = 0.0;
        if (CLI::detail::lexical_cast(text, number) && std::isnan(number)) {
          return text + " is not a number";
        }
        return range(text);
      },
      range.get_description());
}

}  // namespace lathe::server
