#include "lathe/datasets/csv_cells.h"

#include <algorithm>
#include <utility>

#include "lathe/datasets/number.h"

namespace lathe {

MissingMarks::MissingMarks(const CsvOptions& options)
    : bare_(options.missing), anywhere_(options.also_missing) {
  for (const auto* marks : {&bare_, &anywhere_}) {
    for (const std::string& mark : *marks) {
      if (!mark.empty()) begins_[static_cast<unsigned char>(mark.front())] = true;
      has_number_ = has_number_ || parse_number(mark).kind != NumberKind::text;
    }
  }
}

bool MissingMarks::match_text(const CsvCell& cell) const {
  if (cell.doubled) {
    return std::find(anywhere_.begin(), anywhere_.end(), unquoted(cell.text)) != anywhere_.end();
  }
  const auto holds = [&](const std::vector<std::string>& marks) {
    return std::find(marks.begin(), marks.end(), cell.text) != marks.end();
  };
  return (!cell.quoted && holds(bare_)) || holds(anywhere_);
}

std::int32_t Levels::look_up(const CsvCell& cell) {
  std::string single;
  std::string_view text = cell.text;
  if (cell.doubled) {
    single = unquoted(cell.text);
    text = single;
  }
  if (const auto known = codes_.find(text); known != codes_.end()) return known->second;
  if (cell.doubled) text = owned_.emplace_back(std::move(single));
  const auto code = static_cast<std::int32_t>(texts_.size());
  codes_.emplace(text, code);
  texts_.push_back(text);
  return code;
}

}  // namespace lathe
