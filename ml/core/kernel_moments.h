// The loop of column_moments, compiled once for each instruction level (kernel_table.h).
#pragma once

#include <cstddef>

#include "lathe/ml/core/kernel_table.h"

namespace lathe::kernels {

// The sums of some rows, one row of an array for each, contiguous over the columns.
enum ColumnSum : int {
  sum_count,        // cells that are not NaN
  sum_weight,       // of those cells
  sum_weight_rest,  // what rounding cut off, as below
  sum_shift,        // what deviations are taken from, in units
  sum_deviation,
  sum_deviation_rest,
  sum_square,
  sum_square_rest,
  sum_min,  // of the cells as they are
  sum_max,
  n_column_sums
};

// Columns side by side in registers, no fused multiply-add: same bits at every level.
struct MomentsTable {
  // X: row-major. weight: of each row, >= 0, or null. inverse_unit: what cells are multiplied with,
  // of each column, or null. shift: of each column, in units; null for the mean of its first rows.
  // Writes n_column_sums rows of `cols` numbers, `sums_stride` apart.
  void (*column_sums)(const double* X, std::ptrdiff_t rows, std::ptrdiff_t cols,
                      std::ptrdiff_t stride, const double* weight, const double* inverse_unit,
                      const double* shift, double* sums, std::ptrdiff_t sums_stride);
};

namespace baseline {
extern const MomentsTable moments_table;
}
#ifdef LATHE_X86_LEVELS
namespace v3 {
extern const MomentsTable moments_table;
}
namespace v4 {
extern const MomentsTable moments_table;
}
#endif

const MomentsTable& moments_table();  // of the chosen level

}  // namespace lathe::kernels
