#include "lathe/datasets/utf8.h"

#include <cstdint>
#include <cstring>

namespace lathe {
namespace {

// Bytes in a sequence that starts with `lead`, and the allowed range of the second byte; length 0
// for a byte that starts none (table 3-7 of the Unicode standard).
struct Sequence {
  std::size_t length;
  unsigned char low;
  unsigned char high;
};

Sequence sequence(unsigned char lead) {
  if (lead < 0x80) return {1, 0, 0};
  if (lead < 0xC2) return {0, 0, 0};
  if (lead < 0xE0) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

std::size_t find_invalid_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::size_t i = 0;
  while (i < text.size()) {
    // Most text is ASCII: eight bytes at a time.
    std::uint64_t word = 0;
    if (i + sizeof word <= text.size()) {
      std::memcpy(&word, text.data() + i, sizeof word);
      if ((word & 0x8080808080808080U) == 0) {
        i += sizeof word;
        continue;
      }
    }
    const Sequence expected = sequence(byte(i));
    if (expected.length == 0 || expected.length > text.size() - i) return i;
    for (std::size_t k = 1; k < expected.length; ++k) {
      const unsigned char low = k == 1 ? expected.low : 0x80;
      const unsigned char high = k == 1 ? expected.high : 0xBF;
      if (byte(i + k) < low || byte(i + k) > high) return i;
    }
    i += expected.length;
  }
  return i;
}

std::size_t control_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x20 || lead == 0x7F) return 1;
  return lead == 0xC2 && text.size() > 1 && (text[1] & 0xE0) == 0x80 ? 2 : 0;
}

std::string without_controls(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const std::size_t control = control_length(text);
    plain.push_back(control > 0 ? ' ' : text[0]);
    text.remove_prefix(control > 0 ? control : 1);
  }
  return plain;
}

}  // namespace lathe
