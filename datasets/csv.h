// Tables from CSV text (RFC 4180, with the usual liberties).
//
//   Table penguins = read_csv("penguins.csv");
//   Table people = read_csv("people.csv.gz", {.also_missing = {"n.d."},
//                                             .types = {{"postcode", ColumnKind::categorical}}});
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/datasets/table.h"

namespace lathe {

struct CsvOptions {
  // Between fields; none: a tab for .tsv and .tsv.gz, else a comma.
  std::optional<char> delimiter = {};
  // Cells that hold nothing, compared after trimming. These count only where they are not quoted:
  // "NA" in quotes is text.
  std::vector<std::string> missing = {"", "NA", "NaN", "null", "?"};
  // The same for marks of the caller's own, quoted or not (`--missing`).
  std::vector<std::string> also_missing = {};
  // Overrules what would be inferred, by column (`--type`).
  std::map<std::string, ColumnKind> types = {};
  // False where `types` come from a saved model: then a name in `types` may be absent, and a column
  // that is not among them is not refused for being almost numeric (it is a category).
  bool strict = true;
  // Of unpacked .gz data: a few kilobytes can unpack to more than the machine has.
  std::uint64_t max_unpacked_bytes = std::uint64_t{4} << 30;
};

// One header row, then one row per line; UTF-8; LF, CRLF or CR; a byte order mark is skipped.
//
// Fields may be quoted; a quote inside is doubled, and line breaks inside belong to the text.
// Blanks around fields are trimmed, blanks inside quotes kept. Blank lines are passed over, except
// in a table of one column, where each is a missing cell.
//
// A column is numeric when every cell that is not missing is a number (quoted or not), or when it
// has no cell that is not missing; else it is categorical, which includes boolean words and dates.
// Two cases are decided for safety:
// - Whole numbers of which a double would lose digits stay categories: identifiers beyond 2^53, and
//   those with leading zeros (007).
// - A column that is almost numeric, and would become a category by a typo, is refused (D013):
//   where 95 % or more of its cells are numbers, or where the others are only inf or nan or
//   numbers beyond 1.8e308, which is no number to learn from. CsvOptions has the two cures.
// An empty field in quotes is missing in a numeric column and an empty text in a categorical one.
//
// Throws InvalidArgument naming file, line, column and cell (D004..D015); read_csv also IoError
// (D001), and CorruptData (D002) for gzip data that are damaged or cut short.
//
// `path` may be "-" for standard input. Gzip data (of one or more members) are known by their first
// bytes. Time is linear in the size; memory, besides the text, 8 bytes per number and 4 per
// category, with vectors growing to no more than twice that.
Table read_csv(const std::string& path, const CsvOptions& options = {});

// The same from text; `name` stands for the file in messages.
Table parse_csv(std::string_view text, const std::string& name, const CsvOptions& options = {});

// Text as one CSV field, quoted where read_csv would read it otherwise (a missing mark, blanks at
// either end, an empty text), where RFC 4180 asks for it, and where it holds any usual delimiter,
// so that no reader guesses wrong. A missing cell is written as nothing, without this; in a table
// of one column, as NA.
std::string csv_field(std::string_view text, char delimiter = ',');

}  // namespace lathe
