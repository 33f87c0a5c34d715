// Text from outside, made fit for a message.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace lathe::server {

// Well-formed UTF-8 without control characters.
bool is_printable(std::string_view text);

// As \xNN what is not printable, the rest as it is.
std::string printable(std::string_view text);

// In quotes; at most about 40 bytes of it, and as \xNN what is not printable.
std::string in_quotes(std::string_view text);

// The longest beginning of UTF-8 text that has at most `bytes` bytes and cuts no character.
std::string_view shortened(std::string_view text, std::size_t bytes);

// "a, b, c, ... (17 in all)": the first `most` of some names, or of what has them.
template <class Names, class Name = std::identity>
std::string listed(const Names& names, std::size_t most = 8, Name name_of = {}) {
  std::string text;
  std::size_t count = 0;
  for (const auto& item : names) {
    if (count < most) {
      if (count > 0) text += ", ";
      text += shortened(std::invoke(name_of, item), 60);
    }
    ++count;
  }
  if (count > most) text += ", ... (" + std::to_string(count) + " in all)";
  return text;
}

}  // namespace lathe::server
