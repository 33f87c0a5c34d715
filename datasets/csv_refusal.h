// When a column that is not all numbers is a mistake rather than a category. Not installed.
#pragma once

#include <cstddef>
#include <string>

#include "lathe/datasets/csv_cells.h"
#include "lathe/datasets/csv_errors.h"
#include "lathe/datasets/csv_scanner.h"
#include "lathe/datasets/number.h"

namespace lathe {

// Cells of a column that are not missing, by what they look like.
struct CellTally {
  double numbers = 0;
  double not_finite = 0;
  double texts = 0;

  void add(NumberKind kind, double count) {
    const bool is_number = kind == NumberKind::number || kind == NumberKind::long_integer;
    (is_number ? numbers : kind == NumberKind::not_finite ? not_finite : texts) += count;
  }
  double others() const { return not_finite + texts; }
  bool almost_numeric() const {
    if (others() == 0) return false;  // long integers
    if (texts == 0) return numbers > 0;
    return numbers >= 0.95 * (numbers + others());
  }
};

struct RefusedColumn {
  const CsvSource& source;
  const CsvScanner& body;  // at the first row after the header
  const MissingMarks& marks;
  std::size_t columns;
  std::size_t column;
  const std::string& name;
  bool forced;  // numeric by CsvOptions::types, not by its cells
};

// Throws InvalidArgument D013 with the places of the cells that are no numbers, of which there is
// at least one. Reads the whole text once more.
[[noreturn]] void refuse_column(const RefusedColumn& refused);

}  // namespace lathe
