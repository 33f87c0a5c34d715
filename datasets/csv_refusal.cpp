#include "lathe/datasets/csv_refusal.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

constexpr std::size_t most_shown = 4;

struct BadCells {
  std::vector<CsvCell> first;
  CellTally tally;
};

BadCells find_bad_cells(const RefusedColumn& refused) {
  BadCells bad;
  CsvScanner scanner = refused.body;
  CsvCell cell;
  while (scanner.next_row(refused.columns == 1)) {
    for (std::size_t j = 0; j < refused.columns; ++j) {
      scanner.next_cell(cell);
      if (j != refused.column || cell.text.empty() || refused.marks.match(cell)) continue;
      const double before = bad.tally.others();
      bad.tally.add(parse_number(cell.text).kind, 1);
      const bool is_bad = bad.tally.others() > before;
      if (is_bad && bad.first.size() < most_shown) bad.first.push_back(cell);
    }
  }
  return bad;
}

std::string places(const BadCells& bad, std::string_view text) {
  const auto count = static_cast<std::size_t>(bad.tally.others());
  std::string list;
  for (const CsvCell& cell : bad.first) {
    const auto offset = static_cast<std::size_t>(cell.raw.data() - text.data());
    list += (list.empty() ? "\"" : ", \"") + shown(cell.text) + "\" (line " +
            std::to_string(line_of(text, offset)) + ")";
  }
  if (count > bad.first.size()) list += ", ...";
  return std::to_string(count) + (count == 1 ? " such cell: " : " such cells: ") + list;
}

// --missing "n.d."   or   --type age=category
std::string cure(const RefusedColumn& refused, const BadCells& bad) {
  std::vector<std::string> marks;
  for (const CsvCell& cell : bad.first) {
    const std::string mark = cell.doubled ? unquoted(cell.text) : std::string(cell.text);
    const bool is_new = std::find(marks.begin(), marks.end(), mark) == marks.end();
    if (is_new && shown(mark) == mark) marks.push_back(mark);
  }
  std::string help;
  for (const std::string& mark : marks) {
    help += std::string(help.empty() ? "" : " ") + "--missing \"" + mark + "\"";
  }
  if (refused.forced) return help;
  const std::string& name = refused.name;
  const bool is_word = name.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "0123456789_-.") == name.npos;
  const std::string type = shown(name) + "=category";
  if (!help.empty()) help += "   or   ";
  return help + "--type " + (is_word ? type : "\"" + type + "\"");
}

// Rounded, but never up to 100.
std::string percent(double share) {
  std::string text = std::to_string(std::min(std::round(share * 1000), 999.0) / 10);
  text.resize(text.find('.') + 2);
  return text + " %";
}

}  // namespace

void refuse_column(const RefusedColumn& refused) {
  const BadCells bad = find_bad_cells(refused);
  const CsvCell& first = bad.first.front();
  const bool is_text = parse_number(first.text).kind == NumberKind::text;
  const double share = bad.tally.numbers / (bad.tally.numbers + bad.tally.others());
  const std::string what = std::string(is_text ? "not a number" : "not a finite number") + " in " +
                           (refused.forced ? "numeric column" : "column") + " \"" +
                           shown(refused.name) + "\"";
  const std::string note = std::string(is_text ? "read as text" : "not finite") + "; " +
                           percent(share) + " of this column is numeric";
  throw InvalidArgument("D013",
                        csv_message(what, refused.source, first.raw,
                                    column_place(refused.column, refused.name), note) +
                            "\n   = " + places(bad, refused.source.text),
                        cure(refused, bad));
}

}  // namespace lathe
