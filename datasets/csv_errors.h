// Messages that show the place in a CSV file. Not installed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lathe {

struct CsvSource {
  std::string_view text;  // the whole file
  const std::string& name;
};

// The line, from 1, in which text[offset] stands. Lines end in LF, CRLF or CR.
std::size_t line_of(std::string_view text, std::size_t offset);

// Text for a message: without control characters, and cut where it is long.
std::string shown(std::string_view text);

// column 3 "age"; the first is j = 0, and the name may be empty.
std::string column_place(std::size_t j, std::string_view name);

// what
//   --> people.csv:1742, column 3 "age"
//    |  1742 | 77,"Oslo","n.d.",1
//    |                    ^^^^^^ note
// `part` is of the source's text; `column`, a column_place, and `note` may be empty.
std::string csv_message(const std::string& what, const CsvSource& source, std::string_view part,
                        const std::string& column, const std::string& note);

}  // namespace lathe
