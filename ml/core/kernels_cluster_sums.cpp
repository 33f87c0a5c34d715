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
inline void move_columns(const double* const* rows, ptrdiff_t n, ptrdiff_t ahead, ptrdiff_t d,
                         ptrdiff_t j, const double* origin, const double* high_grid,
                         const double* low_grid, const double* weight, double* const* from,
                         double* const* to) {
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
      __builtin_prefetch(rows[i] + c + ahead, 0, 2);  // beyond the end nothing happens
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

void move_rows(const double* const* rows, ptrdiff_t n, ptrdiff_t ahead, ptrdiff_t d,
               const double* origin, const double* high_grid, const double* low_grid,
               const double* weight, double* const* from, double* const* to) {
  ptrdiff_t j = 0;
  for (; j + 4 * width <= d; j += 4 * width) {
    move_columns<4>(rows, n, ahead, d, j, origin, high_grid, low_grid, weight, from, to);
  }
  for (; j + 2 * width <= d; j += 2 * width) {
    move_columns<2>(rows, n, ahead, d, j, origin, high_grid, low_grid, weight, from, to);
  }
  for (; j + width <= d; j += width) {
    move_columns<1>(rows, n, ahead, d, j, origin, high_grid, low_grid, weight, from, to);
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

// V registers of columns over all rows, so that sums stay in registers; squares follow while these
// numbers are in the first cache. Meanwhile the next rows come from memory. With sums of all
// columns before all squares, a pass over 20000 x 784 took 7.2 ms instead of 5.1, one over 50000 x
// 128 2.8 instead of 1.9.
template <ptrdiff_t V>
inline bool moments_of(const double* X, ptrdiff_t n, ptrdiff_t ahead, ptrdiff_t stride,
                       const double* weight, double weights, double* mean, double* squares,
                       double* least, double* greatest) {
  Wide total[V];
  Wide low[V];
  Wide high[V];
  for (ptrdiff_t v = 0; v < V; ++v) {
    total[v] = Wide{};
    low[v] = high[v] = at(X + v * width);
  }
  for (ptrdiff_t i = 0; i < n; ++i) {
    const double* row = X + i * stride;
    const double* next = i < ahead ? row + n * stride : row;
    const double w = weight != nullptr ? weight[i] : 1.0;
#pragma GCC unroll 4
    for (ptrdiff_t v = 0; v < V; ++v) {
      __builtin_prefetch(next + v * width, 0, 2);
      const Wide x = at(row + v * width);
      total[v] += w * x;
      low[v] = x < low[v] ? x : low[v];
      high[v] = x > high[v] ? x : high[v];
    }
  }
  Wide odd = {};  // x * 0 is NaN for NaN and infinity, and a zero for all else
  Wide middle[V];
  for (ptrdiff_t v = 0; v < V; ++v) {
    odd += total[v] * 0.0;
    const Wide value = total[v] / weights;
    const Wide above = value >= low[v] ? value : low[v];  // which NaN is not
    middle[v] = above > high[v] ? high[v] : above;
    at(mean + v * width) = middle[v];
    at(least + v * width) = low[v];
    at(greatest + v * width) = high[v];
    total[v] = Wide{};
  }
  for (ptrdiff_t i = 0; i < n; ++i, X += stride) {
    const double w = weight != nullptr ? weight[i] : 1.0;
#pragma GCC unroll 4
    for (ptrdiff_t v = 0; v < V; ++v) {
      const Wide difference = at(X + v * width) - middle[v];
      total[v] = multiply_add(w * difference, difference, total[v]);
    }
  }
  for (ptrdiff_t v = 0; v < V; ++v) at(squares + v * width) = total[v];
  return lane_total(odd) == 0.0;
}

inline bool moments_of_column(const double* X, ptrdiff_t n, ptrdiff_t stride, const double* weight,
                              double weights, double* mean, double* squares, double* least,
                              double* greatest) {
  double total = 0.0;
  double low = *X;
  double high = *X;
  for (ptrdiff_t i = 0; i < n; ++i) {
    const double x = X[i * stride];
    total += weight != nullptr ? weight[i] * x : x;
    low = x < low ? x : low;
    high = x > high ? x : high;
  }
  const double value = total / weights;
  const double above = value >= low ? value : low;
  *mean = above > high ? high : above;
  *least = low;
  *greatest = high;
  *squares = 0.0;
  for (ptrdiff_t i = 0; i < n; ++i) {
    const double difference = X[i * stride] - *mean;
    *squares += (weight != nullptr ? weight[i] : 1.0) * difference * difference;
  }
  return total * 0.0 == 0.0;
}

bool column_moments(const double* X, ptrdiff_t n, ptrdiff_t ahead, ptrdiff_t stride, ptrdiff_t d,
                    const double* weight, double weights, double* mean, double* squares,
                    double* least, double* greatest) {
  bool finite = true;
  ptrdiff_t j = 0;
  const auto next = [&]<ptrdiff_t V>() {
    finite &= moments_of<V>(X + j, n, ahead, stride, weight, weights, mean + j, squares + j,
                            least + j, greatest + j);
    j += V * width;
  };
  while (j + 4 * width <= d) next.template operator()<4>();
  while (j + 2 * width <= d) next.template operator()<2>();
  while (j + width <= d) next.template operator()<1>();
  for (; j < d; ++j) {
    finite &= moments_of_column(X + j, n, stride, weight, weights, mean + j, squares + j, least + j,
                                greatest + j);
  }
  return finite;
}

}  // namespace

const ClusterSumTable cluster_sum_table = {move_rows, column_moments};

}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
