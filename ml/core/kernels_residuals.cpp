// A few rows at a time: along a row the lanes are columns, and once its sums are transposed, the
// lanes are rows. Folding lanes row by row would take more than the products at 20 columns.
//
// A sum in double-double takes 6 additions for each product, since either may be the larger. Here
// sums begin at a bias that is larger than all products together can become, so that Dekker's two
// (1971) do, and the multiply-adds make them one: 5 instructions for a product instead of 10. What
// the bias costs is digits of the low half: of 106 bits, as many as it exceeds the products by.
// Measured (Zen 4, two threads): a pass over 1000000 x 20 takes 9 ms instead of 13, over 20000 x
// 500 3.5 instead of 6; most of what is left is reading the rows.
#include <type_traits>

#include "lathe/ml/core/kernel_exchange.h"
#include "lathe/ml/core/kernel_lanes.h"
#include "lathe/ml/core/kernel_residuals.h"
#include "lathe/ml/core/kernel_rough_residuals.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

constexpr ptrdiff_t side_by_side =
    width < 4 ? width : 4;              // rows, or vectors, whose sums do not wait for each other
constexpr ptrdiff_t rows_at_once = 16;  // share their biases

// a * b - product, exactly; without the instruction by Dekker's splitting (1971).
inline Wide product_error(Wide a, Wide b, Wide product) {
#if defined(__FMA__)
  return multiply_add(a, b, -product);
#else
  const Wide a_shift = a * 134217729.0;
  const Wide b_shift = b * 134217729.0;
  const Wide a_high = a_shift - (a_shift - a);
  const Wide b_high = b_shift - (b_shift - b);
  const Wide a_low = a - a_high;
  const Wide b_low = b - b_high;
  return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
#endif
}

struct Double2 {
  Wide high = {};
  Wide low = {};
};

// high + low gains a, whose error goes to low.
inline void add(Double2& sum, Wide a) {
  const Wide total = sum.high + a;
  const Wide part = total - sum.high;
  sum.low += (sum.high - (total - part)) + (a - part);
  sum.high = total;
}

inline Double2 in_order(Double2 a) {
  const Wide total = a.high + a.low;
  return {total, a.low - (total - a.high)};
}

// sum += x * (high + low).
inline void add_product(Double2& sum, Wide x, Wide high, Wide low) {
  const Wide product = x * high;
  add(sum, product);
  sum.low += multiply_add(x, low, product_error(x, high, product));
}

// The same for a sum whose high half is larger than any of its products.
inline void add_smaller_product(Double2& sum, Wide x, Wide high, Wide low) {
#if defined(__FMA__)
  const Wide total = multiply_add(x, high, sum.high);
  const Wide part = total - sum.high;
  const Wide rest = multiply_add(x, high, -part);
#else
  const Wide product = x * high;
  const Wide total = sum.high + product;
  const Wide part = total - sum.high;
  const Wide rest = (product - part) + product_error(x, high, product);
#endif
  sum.low += multiply_add(x, low, rest);
  sum.high = total;
}

// 1.5 times a power of two, 3 to 6 times as large as `most`, the most that a sum may come to: it
// keeps its exponent.
inline Wide bias_above(Wide most) {
  constexpr long long exponent = 0x7ff0000000000000;
  constexpr long long twice_up_and_half = 0x0028000000000000;
  const Wide limit = all(0x1p+1000);  // beyond, sums become infinite, not another number
  const Whole bits = reinterpret_cast<Whole>(most < limit ? most : limit);
  return reinterpret_cast<Wide>((bits & (Whole{} + exponent)) + (Whole{} + twice_up_and_half));
}

// The sums of the lanes of 2 * half rows, lane i being row i in the end.
template <ptrdiff_t half>
inline Double2 fold_rows(Wide* high, Wide* low) {
#pragma GCC unroll 4
  for (ptrdiff_t i = 0; i < half; ++i) {
    exchange<half>(high[i], high[i + half]);
    exchange<half>(low[i], low[i + half]);
    Double2 sum{high[i], low[i] + low[i + half]};
    add(sum, high[i + half]);
    high[i] = sum.high;
    low[i] = sum.low;
  }
  if constexpr (half > 1) return fold_rows<half / 2>(high, low);
  return {high[0], low[0]};
}

// One number of each of `count` rows, zeros beyond.
inline Wide gather(const double* p, ptrdiff_t stride, ptrdiff_t count) {
  double values[width] = {};
  for (ptrdiff_t r = 0; r < count; ++r) values[r] = p[r * stride];
  return at(values);
}

// Scaled rows, whole vectors each, zeros for rows that are not there or have no weight, since what
// such a row holds must not cost the others digits; `most`: the largest magnitudes of each column.
template <bool weighted>
inline void copy_rows(const ResidualRows& from, ptrdiff_t first, ptrdiff_t count, double* work,
                      double* most) {
  const ptrdiff_t cols = from.vectors * width;
  const double* weight = weighted ? from.weight + first : nullptr;
  for (ptrdiff_t v = 0; v < cols; v += width) {
    const double* x = from.X + first * from.x_stride + v;
    double* to = work + v;
    const Wide scale = at(from.scale + v);
    const Whole is_column = scale != 0.0;  // what stands beside columns may be NaN
    Wide largest = {};
    ptrdiff_t r = 0;
    for (; r < count; ++r, x += from.x_stride, to += cols) {
      if (weighted && weight[r] == 0.0) {
        at(to) = Wide{};
        continue;
      }
      const Wide scaled = masked(load_within(x, from.x_end), is_column) * scale;
      at(to) = scaled;
      largest = larger(magnitude(scaled), largest);
    }
    for (; r < rows_at_once; ++r, to += cols) at(to) = Wide{};
    at(most + v) = largest;
  }
}

// The sums of x coef of `width` rows, lanes being rows.
inline Double2 fit_rows(const ResidualRows& from, const double* work, Wide bias) {
  const ptrdiff_t cols = from.vectors * width;
  Wide high[width];
  Wide low[width];
  for (ptrdiff_t r = 0; r < width; r += side_by_side) {
    Double2 sum[side_by_side];
    for (Double2& row : sum) row.high = bias;
    const double* x = work + r * cols;
    for (ptrdiff_t v = 0; v < cols; v += width) {
      const Wide coef = at(from.coef + v);
      const Wide coef_rest = at(from.coef_rest + v);
#pragma GCC unroll 8
      for (ptrdiff_t k = 0; k < side_by_side; ++k) {
        add_smaller_product(sum[k], at(x + k * cols + v), coef, coef_rest);
      }
    }
#pragma GCC unroll 8
    for (ptrdiff_t k = 0; k < side_by_side; ++k) {
      high[r + k] = sum[k].high - bias;
      low[r + k] = sum[k].low;
    }
  }
  return fold_rows<width / 2>(high, low);
}

// Products of n vectors of columns with the residuals of the rows at once; meanwhile the rows that
// come next are fetched.
template <ptrdiff_t n>
inline void add_columns(const double* work, ptrdiff_t cols, const double* most, double greatest,
                        const double* row_high, const double* row_low, const double* next,
                        ptrdiff_t next_stride, double* products, double* products_rest) {
  Wide bias[n];
  Double2 product[n];
#pragma GCC unroll 8
  for (ptrdiff_t v = 0; v < n; ++v) {
    bias[v] = bias_above(at(most + v * width) * greatest);
    product[v].high = bias[v];
  }
  for (ptrdiff_t r = 0; r < rows_at_once; ++r, work += cols, next += next_stride) {
    for (ptrdiff_t line = 0; line < n * width * 8; line += cache_line) {
      __builtin_prefetch(reinterpret_cast<const char*>(next) + line, 0, 2);
    }
    const Wide high = all(row_high[r]);
    const Wide low = all(row_low[r]);
#pragma GCC unroll 8
    for (ptrdiff_t v = 0; v < n; ++v) {
      add_smaller_product(product[v], at(work + v * width), high, low);
    }
  }
#pragma GCC unroll 8
  for (ptrdiff_t v = 0; v < n; ++v) {
    Double2 sum{at(products + v * width), at(products_rest + v * width)};
    add(sum, product[v].high - bias[v]);
    at(products + v * width) = sum.high;
    at(products_rest + v * width) = sum.low + product[v].low;
  }
}

template <ptrdiff_t n>
constexpr std::integral_constant<ptrdiff_t, n> vectors_of{};

inline double largest_lane(Wide a) {
  double largest = a[0];
  for (ptrdiff_t k = 1; k < width; ++k) largest = a[k] > largest ? a[k] : largest;
  return largest;
}

// Copies the rows from `first` on; a bias for their fits.
inline Wide begin_rows(const ResidualRows& from, ptrdiff_t first, ptrdiff_t count, double* work) {
  const ptrdiff_t cols = from.vectors * width;
  double* most = work + rows_at_once * cols;
  if (from.weight != nullptr) {
    copy_rows<true>(from, first, count, work, most);
  } else {
    copy_rows<false>(from, first, count, work, most);
  }
  Wide together = {};
  for (ptrdiff_t v = 0; v < cols; v += width) {
    together = multiply_add(at(most + v), magnitude(at(from.coef + v)), together);
  }
  return bias_above(together);
}

// Of `here` rows from `row` on, copied to `work`. Lanes are rows.
inline Double2 residuals_of(const ResidualRows& from, ptrdiff_t row, ptrdiff_t here,
                            const double* work, Wide bias) {
  const Double2 fitted = fit_rows(from, work, bias);
  Double2 residual;
  add(residual, gather(from.y + row * from.y_stride, from.y_stride, here) * from.y_scale);
  add(residual, all(-from.constant));
  residual.low -= from.constant_rest;
  add(residual, -fitted.high);
  residual.low -= fitted.low;
  return in_order(residual);
}

// Of the rows from `row` on, those of a register that are there.
inline ptrdiff_t rows_here(ptrdiff_t row, ptrdiff_t rows) {
  const ptrdiff_t left = rows - row;
  return left < 0 ? 0 : left < width ? left : width;
}

void add_rows(const ResidualRows& from, ptrdiff_t rows, double* products, double* products_rest,
              double* totals, double* work) {
  const ptrdiff_t cols = from.vectors * width;
  double* most = work + rows_at_once * cols;
  Double2 sum;
  Double2 squares;
  for (ptrdiff_t first = 0; first < rows; first += rows_at_once) {
    const ptrdiff_t count = rows - first < rows_at_once ? rows - first : rows_at_once;
    const Wide bias = begin_rows(from, first, count, work);

    double row_high[rows_at_once];
    double row_low[rows_at_once];
    Wide greatest = {};
    for (ptrdiff_t r = 0; r < rows_at_once; r += width) {
      const ptrdiff_t here = rows_here(r, count);
      Double2 residual = residuals_of(from, first + r, here, work + r * cols, bias);

      Wide weight = {};
      if (from.weight != nullptr) {
        weight = gather(from.weight + first + r, 1, here) * from.weight_scale;
        const Whole counts = weight != 0.0;  // where not, y may be out of range
        residual.high = masked(residual.high, counts);
        residual.low = masked(residual.low, counts);
      } else {
        for (ptrdiff_t k = 0; k < here; ++k) weight[k] = 1.0;
      }
      Double2 weighted;
      add_product(weighted, weight, residual.high, residual.low);
      weighted = in_order(weighted);
      add(sum, weighted.high);
      sum.low += weighted.low;
      add_product(squares, residual.high, weighted.high, weighted.low);
      squares.low += residual.low * weighted.high;
      at(row_high + r) = weighted.high;
      at(row_low + r) = weighted.low;
      greatest = larger(magnitude(weighted.high), greatest);
    }

    const double all_of_them = largest_lane(greatest) * static_cast<double>(rows_at_once);
    const auto add_to = [&](auto n, ptrdiff_t v) {
      add_columns<n>(work + v, cols, most + v, all_of_them, row_high, row_low,
                     from.X + (first + 2 * rows_at_once) * from.x_stride + v, from.x_stride,
                     products + v, products_rest + v);
    };
    ptrdiff_t v = 0;
    for (; v + 4 * width <= cols; v += 4 * width) add_to(vectors_of<4>, v);
    if (v + 3 * width == cols) add_to(vectors_of<3>, v);
    if (v + 2 * width == cols) add_to(vectors_of<2>, v);
    if (v + width == cols) add_to(vectors_of<1>, v);
  }
  // Lane after lane into pairs of single numbers.
  const auto fold = [](const Double2& lanes_of, double* pair) {
    for (ptrdiff_t k = 0; k < width; ++k) {
      const double a = lanes_of.high[k];
      const double total = pair[0] + a;
      const double part = total - pair[0];
      pair[1] += ((pair[0] - (total - part)) + (a - part)) + lanes_of.low[k];
      pair[0] = total;
    }
  };
  fold(sum, totals);
  fold(squares, totals + 2);
}

void find_rows(const ResidualRows& from, ptrdiff_t rows, double* high, double* low, double* work) {
  for (ptrdiff_t first = 0; first < rows; first += rows_at_once) {
    const ptrdiff_t count = rows - first < rows_at_once ? rows - first : rows_at_once;
    const Wide bias = begin_rows(from, first, count, work);
    for (ptrdiff_t r = 0; r < count; r += width) {
      const ptrdiff_t here = rows_here(r, count);
      const Double2 residual =
          residuals_of(from, first + r, here, work + r * from.vectors * width, bias);
      for (ptrdiff_t k = 0; k < here; ++k) {
        high[first + r + k] = residual.high[k];
        low[first + r + k] = residual.low[k];
      }
    }
  }
}

}  // namespace

const ResidualTable residual_table{width, rows_at_once + 1, add_rows, add_rows_roughly, find_rows};

}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
