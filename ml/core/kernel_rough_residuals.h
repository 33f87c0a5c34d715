// Residuals in doubles, for kernels_residuals.cpp only: see kernel_lanes.h.
#pragma once

#include "lathe/ml/core/kernel_lanes.h"
#include "lathe/ml/core/kernel_residuals.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

constexpr ptrdiff_t rough_rows = 8;  // at once: 500 columns of them stay in the first cache

// A register of columns of a row, scaled and less the shift.
struct Column {
  Wide scale;
  Wide shift;
  Whole is_there;

  Column(const ResidualRows& from, const double* shifts, ptrdiff_t v)
      : scale(at(from.scale + v)), shift(at(shifts + v)), is_there(scale != 0.0) {}

  Wide of(const double* x, const double* end) const {
    return masked(multiply_add(load_within(x, end), scale, -shift), is_there);
  }
};

inline void add_rows_roughly(const ResidualRows& from, ptrdiff_t rows, const double* shift,
                             double* products, double* totals) {
  const ptrdiff_t cols = from.vectors * width;
  double sum = 0.0;
  double squares = 0.0;
  for (ptrdiff_t first = 0; first < rows; first += rough_rows) {
    const double* row[rough_rows];  // the last one again where there are no more
    for (ptrdiff_t r = 0; r < rough_rows; ++r) {
      row[r] = from.X + (first + r < rows ? first + r : rows - 1) * from.x_stride;
    }
    Wide fit[rough_rows] = {};
    for (ptrdiff_t v = 0; v < cols; v += width) {
      const Column column(from, shift, v);
      const Wide coef = at(from.coef + v);
#pragma GCC unroll 8
      for (ptrdiff_t r = 0; r < rough_rows; ++r) {
        fit[r] = multiply_add(column.of(row[r] + v, from.x_end), coef, fit[r]);
      }
    }
    double residual[rough_rows] = {};
    for (ptrdiff_t r = 0; r < rough_rows && first + r < rows; ++r) {
      const ptrdiff_t i = first + r;
      const double weight = from.weight != nullptr ? from.weight[i] * from.weight_scale : 1.0;
      if (weight == 0.0) continue;
      double left = from.y[i * from.y_stride] * from.y_scale - from.constant;
      for (ptrdiff_t k = 0; k < width; ++k) left -= fit[r][k];
      residual[r] = weight * left;
      sum += residual[r];
      squares += residual[r] * left;
    }
    const double* next = from.X + (first + rough_rows) * from.x_stride;
    for (ptrdiff_t v = 0; v < cols; v += width) {
      const Column column(from, shift, v);
      Wide product = at(products + v);
#pragma GCC unroll 8
      for (ptrdiff_t r = 0; r < rough_rows; ++r) {
        __builtin_prefetch(next + r * from.x_stride + v, 0, 2);  // beyond the end: a hint
        product = multiply_add(column.of(row[r] + v, from.x_end), all(residual[r]), product);
      }
      at(products + v) = product;
    }
  }
  totals[0] += sum;
  totals[1] += squares;
}

}  // namespace
}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
