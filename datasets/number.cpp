#include "lathe/datasets/number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <limits>

namespace lathe {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

// Leading zeros are lost (007 is a name, not a number). Otherwise up to 15 digits always fit;
// beyond that, print what the double holds and compare.
bool loses_digits(std::string_view digits, double value) {
  if (digits.size() > 1 && digits[0] == '0') return true;
  if (digits.size() <= std::numeric_limits<double>::digits10) return false;
  std::array<char, 320> exact;  // the largest double has 309 digits
  const auto [end, error] =
      std::to_chars(exact.data(), exact.data() + exact.size(), value, std::chars_format::fixed, 0);
  return digits != std::string_view(exact.data(), static_cast<std::size_t>(end - exact.data()));
}

// Of an unsigned number out of a double's range: whether it is too large, not too small. Decided by
// the decimal exponent of the first digit that is not 0.
bool is_huge(std::string_view text) {
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  std::string_view exponent = text.substr(std::min(e + 1, text.size()));
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  long long scale = 0;
  const auto parsed = std::from_chars(exponent.data(), exponent.data() + exponent.size(), scale);
  if (parsed.ec == std::errc::result_out_of_range) return !exponent.starts_with('-');

  const std::string_view mantissa = text.substr(0, e);
  const auto point = static_cast<long long>(std::min(mantissa.find('.'), mantissa.size()));
  const auto first = static_cast<long long>(mantissa.find_first_of("123456789"));
  const long long place = first < point ? point - first - 1 : point - first;
  constexpr long long limit = 1'000'000'000'000;  // texts are shorter, so that nothing overflows
  return std::clamp(scale, -limit, limit) + place > 0;
}

}  // namespace

ParsedNumber parse_number(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return {};
  if (!is_digit(text[0]) && text[0] != '.') {
    for (const std::string_view word : {"inf", "infinity", "nan"}) {
      if (equals_ignoring_case(text, word)) return {NumberKind::not_finite, 0.0};
    }
    return {};
  }

  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return {};
  if (error == std::errc::result_out_of_range) {
    if (is_huge(text)) return {NumberKind::not_finite, 0.0};
    value = 0.0;
  }
  const bool only_digits =
      (value > 1e15 || text[0] == '0') &&
      std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c); });
  const NumberKind kind =
      only_digits && loses_digits(text, value) ? NumberKind::long_integer : NumberKind::number;
  return {kind, negative ? -value : value};
}

}  // namespace lathe
