// Residuals of a linear model on raw rows in double-double, and their sums: one pass over the rows
// by the kernel of ml/core/kernel_residuals.h, with the same bits for any number of threads.
#pragma once

#include <span>
#include <vector>

#include "lathe/ml/core/double_double.h"
#include "lathe/ml/core/kernel_residuals.h"
#include "lathe/ml/core/types.h"

namespace lathe {

using DoubleDoubles = std::vector<DoubleDouble>;

struct RowRange {
  Index begin = 0;
  Index end = 0;
};

// Rows [begin, end) in ranges of at most `size`, after those that are there.
void cut_rows(Index begin, Index end, Index size, std::vector<RowRange>& ranges);

// Of r = y_scale * y - constant - sum coef * scale * x over rows.
struct ResidualSums {
  DoubleDoubles products;  // sum weight r scale x of each raw column
  DoubleDouble sum;        // sum weight r
  DoubleDouble squares;    // sum weight r^2
};

// Points at the caller's data. Columns of scale 0 do not count, whatever they hold, and neither do
// rows of weight 0.
class ResidualRows {
 public:
  // X: n x d, scale: d powers of two.
  ResidualRows(const double* X, Index rows, Index stride, std::span<const double> scale);

  void set_weight(const double* weight, double scale);  // none: all 1

  struct Target {
    const double* y;
    Index stride;
    double scale;
  };
  // coef: of each raw column. O(n d) time, O(d) memory for each range.
  ResidualSums sums(const Target& y, const DoubleDoubles& coef, DoubleDouble constant,
                    std::span<const RowRange> ranges) const;
  // The same in doubles, r being of columns less `shift`: coef (x - shift). Columns are finite.
  ResidualSums rough_sums(const Target& y, const DoubleDoubles& coef, DoubleDouble constant,
                          std::span<const double> shift, std::span<const RowRange> ranges) const;
  // r of each row; anything in rows of weight 0.
  DoubleDoubles residuals(const Target& y, const DoubleDoubles& coef, DoubleDouble constant,
                          std::span<const RowRange> ranges) const;

 private:
  // Calls body(k, rows, count) for range k, on all threads.
  template <class Body>
  void each(const Target& y, const DoubleDoubles& coef, DoubleDouble constant,
            std::span<const RowRange> ranges, Body body) const;

  kernels::ResidualRows all_{};  // from the first row on; without a target
  Index cols_;
  Index padded_;
  std::vector<double> scale_;
};

}  // namespace lathe
