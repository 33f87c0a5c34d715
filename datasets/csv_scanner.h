// Cuts CSV text into cells, in place. Not installed.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace lathe {

struct CsvCell {
  std::string_view text;  // without blanks or quotes around it; inner quotes are still doubled
  std::string_view raw;   // from the first to the last character, quotes included
  bool quoted = false;
  bool doubled = false;  // the text holds doubled quotes
  bool last = false;     // of its row
};

// The text with doubled quotes made single.
std::string unquoted(std::string_view text);

class CsvScanner {
 public:
  // `text` begins a row. Both outlive the scanner; `name` is the file's, for messages.
  CsvScanner(std::string_view text, const std::string& name, char delimiter);

  // Whether there is another row. Blank lines are passed over, unless they are rows of one cell.
  bool next_row(bool blank_is_row);

  // The next cell of the row. Throws InvalidArgument on a quote that does not end, and on text
  // after one that does.
  void next_cell(CsvCell& cell) {
    skip_blanks();
    if (at_ != end_ && *at_ == '"') {
      quoted_cell(cell);
      return;
    }
    const char* begin = at_;
    while (at_ != end_ && !stops_[static_cast<unsigned char>(*at_)]) ++at_;
    const char* last = at_;
    while (last != begin && is_blank(last[-1])) --last;
    cell.text = {begin, static_cast<std::size_t>(last - begin)};
    cell.raw = cell.text;
    cell.quoted = false;
    cell.doubled = false;
    end_cell(cell);
  }

 private:
  bool is_blank(char c) const { return c == ' ' || (c == '\t' && delimiter_ != '\t'); }
  void skip_blanks() {
    while (at_ != end_ && is_blank(*at_)) ++at_;
  }

  // At a delimiter, a line's end or the end of the text: steps over it.
  void end_cell(CsvCell& cell) {
    if (at_ != end_ && *at_ == delimiter_) {
      ++at_;
      cell.last = false;
    } else {
      cell.last = true;
      end_line();
    }
  }
  // LF, CRLF or CR.
  void end_line() {
    if (at_ != end_ && *at_ == '\r') ++at_;
    if (at_ != end_ && *at_ == '\n') ++at_;
  }
  void quoted_cell(CsvCell& cell);

  std::string_view text_;
  const std::string& name_;
  const char* at_;
  const char* end_;
  char delimiter_;
  std::array<bool, 256> stops_{};
};

}  // namespace lathe
