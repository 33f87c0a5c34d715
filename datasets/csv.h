// Tables from CSV text (RFC 4180, with the usual liberties).
#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/datasets/table.h"

namespace lathe {

struct CsvOptions {
  char delimiter = ',';
  std::vector<std::string> missing = {"", "NA", "NaN", "null", "?"};  // unquoted, after trimming
  std::map<std::string, ColumnKind> types;  // overrules what would be inferred
};

// One header row; UTF-8, LF or CRLF, a BOM is skipped; fields may be quoted. A column is numeric
// when every cell that is not missing is a number, else categorical (boolean words and dates too).
// `.gz` files are unpacked. Throws IoError for a file that cannot be read, and InvalidArgument (D...)
// naming file, line, column and cell for one that is no table.
Table read_csv(const std::string& path, const CsvOptions& options = {});

// The same from text; `name` stands for the file in messages.
Table parse_csv(std::string_view text, const std::string& name, const CsvOptions& options = {});

// One CSV field, quoted where it must be.
std::string csv_field(std::string_view text);

}  // namespace lathe
