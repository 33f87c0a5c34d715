// `width` rows at a time: along a row the lanes are columns, and once its sums are transposed, the
// lanes are rows. Folding lanes row by row would take more than the products at 20 columns.
#include "lathe/ml/core/kernel_lanes.h"
#include "lathe/ml/core/kernel_residuals.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

constexpr ptrdiff_t side_by_side =
    width < 4 ? width : 4;  // rows whose sums do not wait for each other

inline Wide all(double x) { return x - Wide{}; }

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

// sum += x * (high + low). What waits for the sum itself is one addition to each half.
inline void add_product(Double2& sum, Wide x, Wide high, Wide low) {
  const Wide product = x * high;
  const Wide rest = multiply_add(x, low, product_error(x, high, product));
  const Wide total = sum.high + product;
  const Wide part = total - sum.high;
  sum.low += ((sum.high - (total - part)) + (product - part)) + rest;
  sum.high = total;
}

// Rows i and i + half, for each i without that bit: their blocks of `half` numbers beside the
// diagonal change places.
template <ptrdiff_t half>
inline void exchange(Wide* a) {
#pragma GCC unroll 8
  for (ptrdiff_t i = 0; i < width; ++i) {
    if ((i & half) != 0) continue;
    const Wide first = a[i];
    const Wide second = a[i + half];
#if defined(__AVX512F__)
    if constexpr (half == 1) {
      a[i] = __builtin_shufflevector(first, second, 0, 8, 2, 10, 4, 12, 6, 14);
      a[i + half] = __builtin_shufflevector(first, second, 1, 9, 3, 11, 5, 13, 7, 15);
    } else if constexpr (half == 2) {
      a[i] = __builtin_shufflevector(first, second, 0, 1, 8, 9, 4, 5, 12, 13);
      a[i + half] = __builtin_shufflevector(first, second, 2, 3, 10, 11, 6, 7, 14, 15);
    } else {
      a[i] = __builtin_shufflevector(first, second, 0, 1, 2, 3, 8, 9, 10, 11);
      a[i + half] = __builtin_shufflevector(first, second, 4, 5, 6, 7, 12, 13, 14, 15);
    }
#elif defined(__AVX2__)
    if constexpr (half == 1) {
      a[i] = __builtin_shufflevector(first, second, 0, 4, 2, 6);
      a[i + half] = __builtin_shufflevector(first, second, 1, 5, 3, 7);
    } else {
      a[i] = __builtin_shufflevector(first, second, 0, 1, 4, 5);
      a[i + half] = __builtin_shufflevector(first, second, 2, 3, 6, 7);
    }
#else
    a[i] = __builtin_shufflevector(first, second, 0, 2);
    a[i + half] = __builtin_shufflevector(first, second, 1, 3);
#endif
  }
}

// In place.
inline void transpose(Wide* a) {
  exchange<1>(a);
  if constexpr (width > 2) exchange<2>(a);
  if constexpr (width > 4) exchange<4>(a);
}

inline Wide load_within(const double* p, const double* end) {
  if (p + width <= end) return at(p);
  double part[width] = {};
  for (ptrdiff_t k = 0; k < width && p + k < end; ++k) part[k] = p[k];
  return at(part);
}

// One number of each of `count` rows, zeros beyond.
inline Wide gather(const double* p, ptrdiff_t stride, ptrdiff_t count) {
  double values[width] = {};
  for (ptrdiff_t r = 0; r < count; ++r) values[r] = p[r * stride];
  return at(values);
}

// Scaled rows, whole vectors each, zeros for rows that are not there.
inline void copy_rows(const ResidualRows& from, ptrdiff_t first, ptrdiff_t count, double* work) {
  for (ptrdiff_t r = 0; r < width; ++r) {
    const double* x = from.X + (first + r) * from.x_stride;
    double* to = work + r * from.vectors * width;
    for (ptrdiff_t v = 0; v < from.vectors * width; v += width) {
      at(to + v) = r < count ? load_within(x + v, from.x_end) * at(from.scale + v) : Wide{};
    }
  }
}

void add_rows(const ResidualRows& from, ptrdiff_t rows, double* products, double* products_rest,
              double* totals, double* work) {
  const ptrdiff_t cols = from.vectors * width;
  Double2 sum;
  Double2 squares;
  for (ptrdiff_t first = 0; first < rows; first += width) {
    const ptrdiff_t count = rows - first < width ? rows - first : width;
    copy_rows(from, first, count, work);
    Wide high[width];
    Wide low[width];
    for (ptrdiff_t r = 0; r < width; r += side_by_side) {
      Double2 fitted[side_by_side];
      const double* x = work + r * cols;
      for (ptrdiff_t v = 0; v < cols; v += width) {
        const Wide coef = at(from.coef + v);
        const Wide coef_rest = at(from.coef_rest + v);
#pragma GCC unroll 8
        for (ptrdiff_t k = 0; k < side_by_side; ++k) {
          add_product(fitted[k], at(x + k * cols + v), coef, coef_rest);
        }
      }
#pragma GCC unroll 8
      for (ptrdiff_t k = 0; k < side_by_side; ++k) {
        high[r + k] = fitted[k].high;
        low[r + k] = fitted[k].low;
      }
    }
    transpose(high);
    transpose(low);
    // Lanes are rows from here.
    Double2 residual;
    add(residual, gather(from.y + first * from.y_stride, from.y_stride, count) * from.y_scale);
    add(residual, all(-from.constant));
    residual.low -= from.constant_rest;
#pragma GCC unroll 8
    for (ptrdiff_t k = 0; k < width; ++k) {
      add(residual, -high[k]);
      residual.low -= low[k];
    }
    residual = in_order(residual);

    Wide weight = {};
    if (from.weight != nullptr) {
      weight = gather(from.weight + first, 1, count) * from.weight_scale;
    } else {
      for (ptrdiff_t r = 0; r < count; ++r) weight[r] = 1.0;
    }
    Double2 weighted;
    add_product(weighted, weight, residual.high, residual.low);
    weighted = in_order(weighted);
    add(sum, weighted.high);
    sum.low += weighted.low;
    add_product(squares, residual.high, weighted.high, weighted.low);
    squares.low += residual.low * weighted.high;

    double row_high[width];
    double row_low[width];
    at(row_high) = weighted.high;
    at(row_low) = weighted.low;
    for (ptrdiff_t v = 0; v < cols; v += width) {
      Double2 product{at(products + v), at(products_rest + v)};
#pragma GCC unroll 8
      for (ptrdiff_t r = 0; r < width; ++r) {
        add_product(product, at(work + r * cols + v), all(row_high[r]), all(row_low[r]));
      }
      at(products + v) = product.high;
      at(products_rest + v) = product.low;
    }
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

}  // namespace

const ResidualTable residual_table{width, add_rows};

}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
