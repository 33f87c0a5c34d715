// Least squares residuals in double-double, and their products with the columns: what the
// refinement of least squares reads the data for. For fits: the bits are those of one level.
#pragma once

#include <cstddef>

namespace lathe::kernels {

// Rows of X and y. Arrays over columns have `width` times `vectors` numbers; beyond the columns,
// and for columns that are left out, `scale` is 0.
struct ResidualRows {
  const double* X;
  std::ptrdiff_t x_stride;
  std::ptrdiff_t vectors;
  const double* x_end;  // one past the last number of X that may be read
  const double* scale;  // powers of two
  const double* coef;   // of the scaled columns, a pair of high and low parts
  const double* coef_rest;
  const double* y;
  std::ptrdiff_t y_stride;
  double y_scale;
  double constant;
  double constant_rest;
  const double* weight;  // null: all 1; what rows of weight 0 hold does not matter
  double weight_scale;
};

struct ResidualTable {
  std::ptrdiff_t width;
  std::ptrdiff_t work_rows;

  // r = y - constant - x coef of rows [0, rows); products += weight r x for each column, pairs in
  // `products` and `products_rest`; totals: sum weight r, sum weight r^2, pairs as well.
  // `work`: work_rows * width * vectors numbers.
  void (*add)(const ResidualRows& from, std::ptrdiff_t rows, double* products,
              double* products_rest, double* totals, double* work);

  // The same in doubles, with x less `shift`, in half the time: residuals are right to some 15
  // digits of |y| + |x coef|, so they improve a coarse start but tell nothing of a fine one. For
  // rows without NaN, of weight 0 too, whose cells stay in range when they are scaled.
  void (*add_roughly)(const ResidualRows& from, std::ptrdiff_t rows, const double* shift,
                      double* products, double* totals);

  // The residuals alone, pairs as well; 0 less what is fitted in rows of weight 0.
  void (*find)(const ResidualRows& from, std::ptrdiff_t rows, double* high, double* low,
               double* work);
};

namespace baseline {
extern const ResidualTable residual_table;
}
#ifdef LATHE_X86_LEVELS
namespace v3 {
extern const ResidualTable residual_table;
}
namespace v4 {
extern const ResidualTable residual_table;
}
#endif

const ResidualTable& residual_table();

}  // namespace lathe::kernels
