#include "lathe/datasets/csv_errors.h"

#include <algorithm>

#include "lathe/datasets/utf8.h"

namespace lathe {
namespace {

constexpr std::size_t shown_before = 50;  // bytes of a long line before the marked part
constexpr std::size_t shown_part = 40;
constexpr std::size_t shown_after = 30;

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues(c); }));
}

// The first `n` bytes, or some fewer so that no character is cut.
std::string_view head(std::string_view text, std::size_t n) {
  if (n >= text.size()) return text;
  while (n > 0 && continues(text[n])) --n;
  return text.substr(0, n);
}

std::string_view tail(std::string_view text, std::size_t n) {
  std::size_t begin = text.size() - std::min(n, text.size());
  while (begin < text.size() && continues(text[begin])) ++begin;
  return text.substr(begin);
}

}  // namespace

std::size_t line_of(std::string_view text, std::size_t offset) {
  std::size_t line = 1;
  for (std::size_t i = 0; i < offset; ++i) {
    if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n'))) {
      ++line;
    }
  }
  return line;
}

std::string shown(std::string_view text) {
  const std::string_view start = head(text, shown_part);
  return without_controls(start) + (start.size() < text.size() ? "..." : "");
}

std::string column_place(std::size_t j, std::string_view name) {
  return "column " + std::to_string(j + 1) + (name.empty() ? "" : " \"" + shown(name) + "\"");
}

std::string csv_message(const std::string& what, const CsvSource& source, std::string_view part,
                        const std::string& column, const std::string& note) {
  const std::string_view text = source.text;
  const auto offset = static_cast<std::size_t>(part.data() - text.data());
  const std::size_t last_break = offset == 0 ? text.npos : text.find_last_of("\r\n", offset - 1);
  const std::size_t begin = last_break == text.npos ? 0 : last_break + 1;
  const std::size_t end = std::min(text.find_first_of("\r\n", offset), text.size());

  const std::string number = std::to_string(line_of(text, offset));
  std::string message = what + "\n  --> " + source.name + ":" + number;
  if (!column.empty()) message += ", " + column;

  const std::string_view before = text.substr(begin, offset - begin);
  const std::string_view marked = part.substr(0, std::min(part.size(), end - offset));
  const std::string_view after = text.substr(offset + marked.size(), end - offset - marked.size());
  const std::string_view left = tail(before, shown_before);
  const std::string_view middle = head(marked, shown_part);
  // What follows the marked part is only shown if the marked part is shown whole.
  const std::string_view right = middle.size() < marked.size() ? "" : head(after, shown_after);

  const std::string excerpt = (left.size() < before.size() ? "..." : "") + without_controls(left) +
                              without_controls(middle) + without_controls(right) +
                              (middle.size() + right.size() < end - offset ? "..." : "");
  const std::size_t indent = width(left) + (left.size() < before.size() ? 3 : 0);
  message += "\n   |  " + number + " | " + excerpt;
  message += "\n   |  " + std::string(number.size() + 3 + indent, ' ') +
             std::string(std::max<std::size_t>(width(middle), 1), '^');
  if (!note.empty()) message += " " + note;
  return message;
}

}  // namespace lathe
