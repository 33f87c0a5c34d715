// Sums of rows and of columns for k-means: columns are the lanes, and their sums stay in registers.
#include "lathe/ml/core/kernel_cluster_table.h"
#include "lathe/ml/core/kernel_lanes.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

inline double lane_total(Wide v) {
#if defined(__AVX512F__)
  const Quad four =
      __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
  const Pair two =
      __builtin_shufflevector(four, four, 0, 1) + __builtin_shufflevector(four, four, 2, 3);
  return two[0] + two[1];
#else
  double total = v[0];
  for (ptrdiff_t l = 1; l < width; ++l) total += v[l];
  return total;
#endif
}

// A few columns of all rows before the next ones: grids stay in registers and sums in the first
// cache. Row after row, 1000000 x 8 with k = 16 took 127 ms instead of 117, and ten starts of
// 100000 x 16 with k = 10 took 231 instead of 201, together with sums of potentials in registers.
template <ptrdiff_t V>
inline void move_columns(const double* const* rows, ptrdiff_t n, ptrdiff_t d, ptrdiff_t j,
                         const double* origin, const double* high_grid, const double* low_grid,
                         const double* weight, double* const* from, double* const* to) {
  // Half of the additions are multiply-adds, which other units of the processor do: with 4
  // registers of columns instead of 2, a 20000 x 784 fit with k = 10 went from 28.2 ms to 27.3.
  const Wide one = Wide{} + 1.0;
  Wide shift[V];
  Wide coarse[V];
  Wide fine[V];
  for (ptrdiff_t v = 0; v < V; ++v) {
    shift[v] = at(origin + j + v * width);
    coarse[v] = at(high_grid + j + v * width);
    fine[v] = at(low_grid + j + v * width);
  }
  for (ptrdiff_t i = 0; i < n; ++i) {
#pragma GCC unroll 4
    for (ptrdiff_t v = 0; v < V; ++v) {
      const ptrdiff_t c = j + v * width;
      Wide x = at(rows[i] + c) - shift[v];
      if (weight != nullptr) x *= weight[i];
      const Wide high = multiply_add(x, one, coarse[v]) - coarse[v];
      const Wide low = multiply_add(multiply_add(high, -one, x) + fine[v], one, -fine[v]);
      if (from[i] != nullptr) {
        at(from[i] + c) -= high;
        at(from[i] + d + c) = multiply_add(low, -one, at(from[i] + d + c));
      }
      at(to[i] + c) += high;
      at(to[i] + d + c) = multiply_add(low, one, at(to[i] + d + c));
    }
  }
}

void move_rows(const double* const* rows, ptrdiff_t n, ptrdiff_t d, const double* origin,
               const double* high_grid, const double* low_grid, const double* weight,
               double* const* from, double* const* to) {
  ptrdiff_t j = 0;
  for (; j + 4 * width <= d; j += 4 * width) {
    move_columns<4>(rows, n, d, j, origin, high_grid, low_grid, weight, from, to);
  }
  for (; j + 2 * width <= d; j += 2 * width) {
    move_columns<2>(rows, n, d, j, origin, high_grid, low_grid, weight, from, to);
  }
  for (; j + width <= d; j += width) {
    move_columns<1>(rows, n, d, j, origin, high_grid, low_grid, weight, from, to);
  }
  for (; j < d; ++j) {
    for (ptrdiff_t i = 0; i < n; ++i) {
      const double x = (weight != nullptr ? weight[i] : 1.0) * (rows[i][j] - origin[j]);
      const double high = (x + high_grid[j]) - high_grid[j];
      const double low = ((x - high) + low_grid[j]) - low_grid[j];
      if (from[i] != nullptr) {
        from[i][j] -= high;
        from[i][d + j] -= low;
      }
      to[i][j] += high;
      to[i][d + j] += low;
    }
  }
}

// V registers of columns over all rows, so that sums stay in registers.
template <ptrdiff_t V>
inline bool sum_columns(const double* X, ptrdiff_t n, ptrdiff_t stride, const double* weight,
                        double* sum, double* least, double* greatest) {
  Wide total[V];
  Wide low[V];
  Wide high[V];
  Wide odd = {};  // x * 0 is NaN for NaN and infinity, and a zero for all else
  for (ptrdiff_t v = 0; v < V; ++v) {
    total[v] = Wide{};
    low[v] = high[v] = at(X + v * width);
  }
  for (ptrdiff_t i = 0; i < n; ++i, X += stride) {
    const double w = weight != nullptr ? weight[i] : 1.0;
#pragma GCC unroll 4
    for (ptrdiff_t v = 0; v < V; ++v) {
      const Wide x = at(X + v * width);
      total[v] += w * x;
      low[v] = x < low[v] ? x : low[v];
      high[v] = x > high[v] ? x : high[v];
      odd += x * 0.0;
    }
  }
  for (ptrdiff_t v = 0; v < V; ++v) {
    at(sum + v * width) = total[v];
    at(least + v * width) = low[v];
    at(greatest + v * width) = high[v];
  }
  return lane_total(odd) == 0.0;
}

inline bool sum_column(const double* X, ptrdiff_t n, ptrdiff_t stride, const double* weight,
                       double* sum, double* least, double* greatest) {
  double odd = 0.0;
  *sum = 0.0;
  *least = *greatest = *X;
  for (ptrdiff_t i = 0; i < n; ++i, X += stride) {
    *sum += weight != nullptr ? weight[i] * *X : *X;
    *least = *X < *least ? *X : *least;
    *greatest = *X > *greatest ? *X : *greatest;
    odd += *X * 0.0;
  }
  return odd == 0.0;
}

bool column_sums(const double* X, ptrdiff_t n, ptrdiff_t stride, ptrdiff_t d, const double* weight,
                 double* sum, double* least, double* greatest) {
  bool finite = true;
  ptrdiff_t j = 0;
  for (; j + 4 * width <= d; j += 4 * width) {
    finite &= sum_columns<4>(X + j, n, stride, weight, sum + j, least + j, greatest + j);
  }
  for (; j + 2 * width <= d; j += 2 * width) {
    finite &= sum_columns<2>(X + j, n, stride, weight, sum + j, least + j, greatest + j);
  }
  for (; j + width <= d; j += width) {
    finite &= sum_columns<1>(X + j, n, stride, weight, sum + j, least + j, greatest + j);
  }
  for (; j < d; ++j) {
    finite &= sum_column(X + j, n, stride, weight, sum + j, least + j, greatest + j);
  }
  return finite;
}

template <ptrdiff_t V>
inline void square_columns(const double* X, ptrdiff_t n, ptrdiff_t stride, const double* weight,
                           const double* mean, double* squares) {
  Wide total[V] = {};
  for (ptrdiff_t i = 0; i < n; ++i, X += stride) {
    const double w = weight != nullptr ? weight[i] : 1.0;
#pragma GCC unroll 4
    for (ptrdiff_t v = 0; v < V; ++v) {
      const Wide difference = at(X + v * width) - at(mean + v * width);
      total[v] = multiply_add(w * difference, difference, total[v]);
    }
  }
  for (ptrdiff_t v = 0; v < V; ++v) at(squares + v * width) = total[v];
}

void column_squares(const double* X, ptrdiff_t n, ptrdiff_t stride, ptrdiff_t d,
                    const double* weight, const double* mean, double* squares) {
  ptrdiff_t j = 0;
  for (; j + 4 * width <= d; j += 4 * width) {
    square_columns<4>(X + j, n, stride, weight, mean + j, squares + j);
  }
  for (; j + width <= d; j += width) {
    square_columns<1>(X + j, n, stride, weight, mean + j, squares + j);
  }
  for (; j < d; ++j) {
    squares[j] = 0.0;
    for (ptrdiff_t i = 0; i < n; ++i) {
      const double difference = X[i * stride + j] - mean[j];
      squares[j] += (weight != nullptr ? weight[i] : 1.0) * difference * difference;
    }
  }
}

}  // namespace

const ClusterSumTable cluster_sum_table = {move_rows, column_sums, column_squares};

}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
