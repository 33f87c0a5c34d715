#include "lathe/datasets/csv_cells.h"

#include <algorithm>
#include <functional>
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
  const auto hash = static_cast<std::uint32_t>(std::hash<std::string_view>()(text));
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].code >= 0) {
    const Slot& slot = slots_[at];
    if (slot.hash == hash && texts_[static_cast<std::size_t>(slot.code)] == text) return slot.code;
    at = (at + 1) & mask;
  }
  const auto code = static_cast<std::int32_t>(texts_.size());
  slots_[at] = {hash, code};
  texts_.push_back(cell.doubled ? owned_.emplace_back(std::move(single)) : text);
  if (2 * texts_.size() > slots_.size()) grow();
  return code;
}

void Levels::grow() {
  std::vector<Slot> old(2 * slots_.size());
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.code < 0) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].code >= 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

}  // namespace lathe
