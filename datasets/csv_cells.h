// What a CSV cell stands for. Not installed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/datasets/csv.h"
#include "lathe/datasets/csv_scanner.h"

namespace lathe {

// The marks that stand for a missing cell.
class MissingMarks {
 public:
  explicit MissingMarks(const CsvOptions& options);

  bool match(const CsvCell& cell) const {
    const bool possible =
        cell.text.empty() || begins_[static_cast<unsigned char>(cell.text.front())];
    return possible && match_text(cell);
  }
  // Whether a number can be a mark (-999), so that marks must be looked for first.
  bool has_number() const { return has_number_; }

 private:
  bool match_text(const CsvCell& cell) const;

  const std::vector<std::string>& bare_;      // count where not quoted
  const std::vector<std::string>& anywhere_;  // count quoted or not
  std::array<bool, 256> begins_{};            // some mark begins with this byte
  bool has_number_ = false;
};

// Numbers the distinct texts of a column in order of appearance. Keeps views of the file's text.
class Levels {
 public:
  std::int32_t code(const CsvCell& cell) {
    if (!cell.doubled && last_ >= 0 && texts_[static_cast<std::size_t>(last_)] == cell.text) {
      return last_;  // neighbours are often alike
    }
    last_ = look_up(cell);
    return last_;
  }
  const std::vector<std::string_view>& texts() const { return texts_; }

 private:
  std::int32_t look_up(const CsvCell& cell);

  void grow();

  // A hash table with linear probing, at most half full. The hash beside the code saves reading
  // texts, which are all over the file; std::unordered_map took three times as long.
  struct Slot {
    std::uint32_t hash = 0;
    std::int32_t code = -1;  // free
  };

  std::int32_t last_ = -1;
  std::vector<std::string_view> texts_;
  std::vector<Slot> slots_ = std::vector<Slot>(16);  // a power of two
  std::deque<std::string> owned_;  // texts that differ from the file's, by doubled quotes
};

}  // namespace lathe
