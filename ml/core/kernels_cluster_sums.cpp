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
// Of many columns, sums stay in registers for neighbours that go to the same cluster: rows of 784
// that go to 10 took 1.5 us each instead of 2.4.
template <ptrdiff_t V, bool weighted, bool leaving>
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
  for (ptrdiff_t i = 0; i < n;) {
    double* const sums = to[i];
    Wide highs[V];
    Wide lows[V];
    for (ptrdiff_t v = 0; v < V; ++v) {
      highs[v] = at(sums + j + v * width);
      lows[v] = at(sums + d + j + v * width);
    }
    do {
#pragma GCC unroll 4
      for (ptrdiff_t v = 0; v < V; ++v) {
        const ptrdiff_t c = j + v * width;
        __builtin_prefetch(rows[i] + c + ahead, 0, 2);  // beyond the end nothing happens
        Wide x = at(rows[i] + c) - shift[v];
        if (weighted) x *= weight[i];
        const Wide high = multiply_add(x, one, coarse[v]) - coarse[v];
        const Wide low = multiply_add(multiply_add(high, -one, x) + fine[v], one, -fine[v]);
        if (leaving && from[i] != nullptr) {
          at(from[i] + c) -= high;
          at(from[i] + d + c) = multiply_add(low, -one, at(from[i] + d + c));
        }
        highs[v] += high;
        lows[v] = multiply_add(low, one, lows[v]);
      }
      ++i;
    } while (V == 4 && i < n && to[i] == sums);
    for (ptrdiff_t v = 0; v < V; ++v) {
      at(sums + j + v * width) = highs[v];
      at(sums + d + j + v * width) = lows[v];
    }
  }
}

template <bool weighted, bool leaving>
inline void move_all(const double* const* rows, ptrdiff_t n, ptrdiff_t ahead, ptrdiff_t d,
                     const double* origin, const double* high_grid, const double* low_grid,
                     const double* weight, double* const* from, double* const* to) {
  ptrdiff_t j = 0;
  for (; j + 4 * width <= d; j += 4 * width) {
    move_columns<4, weighted, leaving>(rows, n, ahead, d, j, origin, high_grid, low_grid, weight,
                                       from, to);
  }
  for (; j + 2 * width <= d; j += 2 * width) {
    move_columns<2, weighted, leaving>(rows, n, ahead, d, j, origin, high_grid, low_grid, weight,
                                       from, to);
  }
  for (; j + width <= d; j += width) {
    move_columns<1, weighted, leaving>(rows, n, ahead, d, j, origin, high_grid, low_grid, weight,
                                       from, to);
  }
  for (; j < d; ++j) {
    for (ptrdiff_t i = 0; i < n; ++i) {
      const double x = (weighted ? weight[i] : 1.0) * (rows[i][j] - origin[j]);
      const double high = (x + high_grid[j]) - high_grid[j];
      const double low = ((x - high) + low_grid[j]) - low_grid[j];
      if (leaving && from[i] != nullptr) {
        from[i][j] -= high;
        from[i][d + j] -= low;
      }
      to[i][j] += high;
      to[i][d + j] += low;
    }
  }
}

void move_rows(const double* const* rows, ptrdiff_t n, ptrdiff_t ahead, ptrdiff_t d,
               const double* origin, const double* high_grid, const double* low_grid,
               const double* weight, double* const* from, double* const* to) {
  bool leaving = false;
  for (ptrdiff_t i = 0; i < n; ++i) leaving = leaving || from[i] != nullptr;
  const auto move = weight != nullptr ? move_all<true, true>
                    : leaving         ? move_all<false, true>
                                      : move_all<false, false>;
  move(rows, n, ahead, d, origin, high_grid, low_grid, weight, from, to);
}

struct Weights {  // sums
  double before;  // of the rows so far
  double here;
};

// Those of more rows are added by their centred moments (Chan, Golub and LeVeque 1979).
template <class V>
inline void merge(const Weights& weights, V mean, V squares, V& all_mean, V& all_squares) {
  if (weights.here == 0.0) return;
  if (weights.before == 0.0) {
    all_mean = mean;
    all_squares = squares;
    return;
  }
  const double share = weights.here / (weights.before + weights.here);
  const V difference = mean - all_mean;
  all_squares += squares + difference * difference * (weights.before * share);
  all_mean += difference * share;
}

// V registers of columns over all rows, so that sums stay in registers; squares follow while these
// numbers are in the first cache. Meanwhile the next rows come from memory. With sums of all
// columns before all squares, a pass over 20000 x 784 took 7.2 ms instead of 5.1, one over 50000 x
// 128 2.8 instead of 1.9.
template <ptrdiff_t V, bool weighted>
inline bool add_registers(const double* X, ptrdiff_t n, ptrdiff_t ahead, ptrdiff_t stride,
                          const double* weight, const Weights& weights,
                          const ColumnMoments& moments, ptrdiff_t j) {
  const Wide one = Wide{} + 1.0;
  Wide total[V];
  Wide low[V];
  Wide high[V];
  X += j;
  for (ptrdiff_t v = 0; v < V; ++v) {
    total[v] = Wide{};
    low[v] = high[v] = at(X + v * width);
  }
  for (ptrdiff_t i = 0; i < n; ++i) {
    const double* row = X + i * stride;
    const double* next = i < ahead ? row + n * stride : row;
#pragma GCC unroll 4
    for (ptrdiff_t v = 0; v < V; ++v) {
      __builtin_prefetch(next + v * width, 0, 2);
      const Wide x = at(row + v * width);
      total[v] = multiply_add(x, weighted ? Wide{} + weight[i] : one, total[v]);
      low[v] = x < low[v] ? x : low[v];
      high[v] = x > high[v] ? x : high[v];
    }
  }
  Wide odd = {};  // x * 0 is NaN for NaN and infinity, and a zero for all else
  Wide middle[V];
  for (ptrdiff_t v = 0; v < V; ++v) {
    odd += total[v] * 0.0;
    const Wide value = total[v] / weights.here;
    const Wide above = value >= low[v] ? value : low[v];  // which NaN is not
    middle[v] = above > high[v] ? high[v] : above;
    total[v] = Wide{};
  }
  for (ptrdiff_t i = 0; i < n; ++i, X += stride) {
#pragma GCC unroll 4
    for (ptrdiff_t v = 0; v < V; ++v) {
      const Wide difference = at(X + v * width) - middle[v];
      const Wide weighed = weighted ? weight[i] * difference : difference;
      total[v] = multiply_add(weighed, difference, total[v]);
    }
  }
  for (ptrdiff_t v = 0; v < V; ++v, j += width) {
    const Wide least = at(moments.least + j);
    const Wide greatest = at(moments.greatest + j);
    Wide mean = at(moments.mean + j);
    Wide squares = at(moments.squares + j);
    merge(weights, middle[v], total[v], mean, squares);
    at(moments.mean + j) = mean;
    at(moments.squares + j) = squares;
    at(moments.least + j) = low[v] < least ? low[v] : least;
    at(moments.greatest + j) = high[v] > greatest ? high[v] : greatest;
  }
  return lane_total(odd) == 0.0;
}

inline bool add_column(const double* X, ptrdiff_t n, ptrdiff_t stride, const double* weight,
                       const Weights& weights, const ColumnMoments& moments, ptrdiff_t j) {
  double total = 0.0;
  double low = X[j];
  double high = X[j];
  for (ptrdiff_t i = 0; i < n; ++i) {
    const double x = X[i * stride + j];
    total += weight != nullptr ? weight[i] * x : x;
    low = x < low ? x : low;
    high = x > high ? x : high;
  }
  const double value = total / weights.here;
  const double above = value >= low ? value : low;
  const double mean = above > high ? high : above;
  double squares = 0.0;
  for (ptrdiff_t i = 0; i < n; ++i) {
    const double difference = X[i * stride + j] - mean;
    squares += (weight != nullptr ? weight[i] : 1.0) * difference * difference;
  }
  merge(weights, mean, squares, moments.mean[j], moments.squares[j]);
  if (low < moments.least[j]) moments.least[j] = low;
  if (high > moments.greatest[j]) moments.greatest[j] = high;
  return total * 0.0 == 0.0;
}

bool add_moments(const double* X, ptrdiff_t n, ptrdiff_t ahead, ptrdiff_t stride, ptrdiff_t d,
                 const double* weight, double weights, double before,
                 const ColumnMoments& moments) {
  const Weights both{before, weights};
  bool finite = true;
  ptrdiff_t j = 0;
  const auto next = [&]<ptrdiff_t V>() {
    const auto add = weight != nullptr ? add_registers<V, true> : add_registers<V, false>;
    finite &= add(X, n, ahead, stride, weight, both, moments, j);
    j += V * width;
  };
  while (j + 4 * width <= d) next.template operator()<4>();
  while (j + 2 * width <= d) next.template operator()<2>();
  while (j + width <= d) next.template operator()<1>();
  for (; j < d; ++j) finite &= add_column(X, n, stride, weight, both, moments, j);
  return finite;
}

}  // namespace

const ClusterSumTable cluster_sum_table = {move_rows, add_moments};

}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
