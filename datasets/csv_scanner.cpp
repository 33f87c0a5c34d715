#include "lathe/datasets/csv_scanner.h"

#include <cstring>

#include "lathe/datasets/csv_errors.h"
#include "lathe/ml/core/error.h"

namespace lathe {

std::string unquoted(std::string_view text) {
  std::string single;
  single.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    single.push_back(text[i]);
    if (text[i] == '"') ++i;
  }
  return single;
}

CsvScanner::CsvScanner(std::string_view text, const std::string& name, char delimiter)
    : text_(text),
      name_(name),
      at_(text.data()),
      end_(text.data() + text.size()),
      delimiter_(delimiter) {
  for (const char c : {delimiter, '\n', '\r'}) stops_[static_cast<unsigned char>(c)] = true;
}

bool CsvScanner::next_row(bool blank_is_row) {
  while (at_ != end_) {
    const char* begin = at_;
    skip_blanks();
    const bool blank = at_ == end_ || *at_ == '\n' || *at_ == '\r';
    if (!blank || blank_is_row) {
      at_ = begin;
      return true;
    }
    end_line();
  }
  return false;
}

void CsvScanner::quoted_cell(CsvCell& cell) {
  const char* open = at_;
  const char* begin = at_ + 1;
  cell.doubled = false;
  ++at_;
  while (true) {
    const auto* quote =
        static_cast<const char*>(std::memchr(at_, '"', static_cast<std::size_t>(end_ - at_)));
    if (quote == nullptr) {
      throw InvalidArgument(
          "D008", csv_message("a quote that does not end", {text_, name_}, {open, 1}, {}, {}),
          "a quote inside a quoted field is written twice");
    }
    at_ = quote + 1;
    if (at_ == end_ || *at_ != '"') break;
    cell.doubled = true;
    ++at_;
  }
  cell.text = {begin, static_cast<std::size_t>(at_ - 1 - begin)};
  cell.raw = {open, static_cast<std::size_t>(at_ - open)};
  cell.quoted = true;
  skip_blanks();
  if (at_ != end_ && !stops_[static_cast<unsigned char>(*at_)]) {
    throw InvalidArgument(
        "D009", csv_message("text after the closing quote", {text_, name_}, {at_, 1}, {}, {}),
        "a quote inside a quoted field is written twice");
  }
  end_cell(cell);
}

}  // namespace lathe
