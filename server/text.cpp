#include "lathe/server/text.h"

#include "lathe/datasets/utf8.h"

namespace lathe::server {

namespace {

// Bytes of the printable character that text begins with; 0 where it does not.
std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  const std::string_view character = text.substr(0, length);
  return control_length(text) == 0 && find_invalid_utf8(character) == length ? length : 0;
}

// Appends what text begins with, as \xNN where it is not printable; the number of bytes taken.
std::size_t append_character(std::string_view text, std::string& result) {
  static constexpr std::string_view digits = "0123456789abcdef";
  const std::size_t length = character_length(text);
  if (length > 0) {
    result += text.substr(0, length);
    return length;
  }
  const auto byte = static_cast<unsigned char>(text[0]);
  result += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
  return 1;
}

}  // namespace

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) text.remove_prefix(append_character(text, result));
  return result;
}

std::string in_quotes(std::string_view text) {
  static constexpr std::size_t most = 40;
  std::string result = "\"";
  while (!text.empty() && result.size() < most) {
    text.remove_prefix(append_character(text, result));
  }
  return result + (text.empty() ? "\"" : "...\"");
}

std::string_view shortened(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
  return text.substr(0, bytes);
}

}  // namespace lathe::server
