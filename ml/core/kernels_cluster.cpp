// Distances for k-means++ and for predictions. A tile of rows is held against a panel of centres:
// the centres are the lanes of registers, a number of the row is broadcast, and the distances stay
// in registers until all columns are in. Rows are read where they are: nothing is transposed or
// copied.
#include "lathe/ml/core/kernel_cluster_table.h"
#include "lathe/ml/core/kernel_lanes.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

constexpr ptrdiff_t panel = 3;  // registers of centres
#if defined(__AVX512F__)
constexpr ptrdiff_t tile = 8;  // rows: 24 of 32 registers hold sums
#else
constexpr ptrdiff_t tile = 4;  // 12 of 16
#endif

ptrdiff_t registers_of(ptrdiff_t k) { return (k + width - 1) / width; }

ptrdiff_t lanes_of(ptrdiff_t k) { return registers_of(k) * width; }

// Registers of the panel that starts at register `done` of `all`: 3, but 2 and 2 for the last 4.
ptrdiff_t panel_at(ptrdiff_t done, ptrdiff_t all) {
  const ptrdiff_t left = all - done;
  return left == 4 ? 2 : left < panel ? left : panel;
}

void pack(const double* const* centres, ptrdiff_t k, ptrdiff_t d, double* packed) {
  const ptrdiff_t all = registers_of(k);
  for (ptrdiff_t done = 0; done < all;) {
    const ptrdiff_t here = panel_at(done, all);
    for (ptrdiff_t lane = 0; lane < here * width; ++lane) {
      const ptrdiff_t c = done * width + lane;
      for (ptrdiff_t j = 0; j < d; ++j) {
        packed[j * here * width + lane] = c < k ? centres[c][j] : __builtin_inf();
      }
    }
    packed += d * here * width;
    done += here;
  }
}

// Squared distances of `tile` rows to one panel. GCC keeps the sums in registers.
template <ptrdiff_t P>
inline void tile_panel(const double* const* rows, ptrdiff_t d, const double* packed, double* out,
                       ptrdiff_t out_stride) {
  Wide sum[tile][P] = {};
  for (ptrdiff_t j = 0; j < d; ++j, packed += P * width) {
    Wide centre[P];
#pragma GCC unroll 3
    for (ptrdiff_t p = 0; p < P; ++p) centre[p] = at(packed + p * width);
#pragma GCC unroll 8
    for (ptrdiff_t r = 0; r < tile; ++r) {
      const Wide x = everywhere(rows[r] + j);
#pragma GCC unroll 3
      for (ptrdiff_t p = 0; p < P; ++p) {
        const Wide difference = x - centre[p];
        sum[r][p] = multiply_add(difference, difference, sum[r][p]);
      }
    }
  }
#pragma GCC unroll 8
  for (ptrdiff_t r = 0; r < tile; ++r) {
#pragma GCC unroll 3
    for (ptrdiff_t p = 0; p < P; ++p) at(out + r * out_stride + p * width) = sum[r][p];
  }
}

// Row i and the next ones; beyond the last, the last again.
inline void rows_at(const double* X, ptrdiff_t i, ptrdiff_t n, ptrdiff_t stride,
                    const double** rows) {
  for (ptrdiff_t r = 0; r < tile; ++r) rows[r] = X + (i + r < n ? i + r : n - 1) * stride;
}

inline void tile_distances(const double* const* rows, ptrdiff_t d, const double* packed,
                           ptrdiff_t all, double* out) {
  for (ptrdiff_t done = 0; done < all;) {
    const ptrdiff_t here = panel_at(done, all);
    double* to = out + done * width;
    if (here == 3) {
      tile_panel<3>(rows, d, packed, to, all * width);
    } else if (here == 2) {
      tile_panel<2>(rows, d, packed, to, all * width);
    } else {
      tile_panel<1>(rows, d, packed, to, all * width);
    }
    packed += d * here * width;
    done += here;
  }
}

void distances(const double* X, ptrdiff_t n, ptrdiff_t stride, ptrdiff_t d, const double* packed,
               ptrdiff_t k, double* out) {
  const ptrdiff_t all = registers_of(k);
  const double* rows[tile];
  ptrdiff_t i = 0;
  for (; i + tile <= n; i += tile) {
    rows_at(X, i, n, stride, rows);
    tile_distances(rows, d, packed, all, out + i * all * width);
  }
  if (i == n) return;
  // The last rows once more with some before them, or one by one where there are none.
  if (n >= tile) {
    rows_at(X, n - tile, n, stride, rows);
    tile_distances(rows, d, packed, all, out + (n - tile) * all * width);
    return;
  }
  for (; i < n; ++i) {
    for (ptrdiff_t done = 0, p = 0; done < all; done += p) {
      p = panel_at(done, all);
      for (ptrdiff_t v = 0; v < p; ++v) {
        Wide sum = {};
        for (ptrdiff_t j = 0; j < d; ++j) {
          const Wide difference =
              X[i * stride + j] - at(packed + done * width * d + (j * p + v) * width);
          sum = multiply_add(difference, difference, sum);
        }
        at(out + i * all * width + (done + v) * width) = sum;
      }
    }
  }
}

inline double least_lane(Wide v) {
#if defined(__AVX512F__)
  const Quad a = __builtin_shufflevector(v, v, 0, 1, 2, 3);
  const Quad b = __builtin_shufflevector(v, v, 4, 5, 6, 7);
  const Quad four = a < b ? a : b;
  const Pair c = __builtin_shufflevector(four, four, 0, 1);
  const Pair e = __builtin_shufflevector(four, four, 2, 3);
  const Pair two = c < e ? c : e;
  return two[0] < two[1] ? two[0] : two[1];
#else
  double least = v[0];
  for (ptrdiff_t l = 1; l < width; ++l) least = v[l] < least ? v[l] : least;
  return least;
#endif
}

// Bit l is set where a[l] <= b[l].
inline unsigned at_most(Wide a, Wide b) {
#if defined(__AVX512F__)
  return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ);
#elif defined(__FMA__)
  return static_cast<unsigned>(_mm256_movemask_pd(reinterpret_cast<__m256d>(a <= b)));
#else
  unsigned bits = 0;
  for (ptrdiff_t l = 0; l < width; ++l) bits |= a[l] <= b[l] ? 1u << l : 0u;
  return bits;
#endif
}

// The position of the least of all * width numbers, -1 where another is near it.
inline std::int32_t least_of(const double* distance, ptrdiff_t all, double near, double tiny) {
  Wide least = at(distance);
  for (ptrdiff_t v = 1; v < all; ++v) {
    const Wide other = at(distance + v * width);
    least = other < least ? other : least;
  }
  const Wide limit = Wide{} + (least_lane(least) * near + tiny);
  ptrdiff_t found = -1;
  unsigned count = 0;
  for (ptrdiff_t v = 0; v < all; ++v) {
    const unsigned bits = at_most(at(distance + v * width), limit);
    if (bits == 0) continue;
    found = v * width + __builtin_ctz(bits);
    count += static_cast<unsigned>(__builtin_popcount(bits));
  }
  return count == 1 ? static_cast<std::int32_t>(found) : -1;
}

void nearest(const double* X, ptrdiff_t n, ptrdiff_t stride, ptrdiff_t d, const double* packed,
             ptrdiff_t k, double near, double tiny, double* work, std::int32_t* label) {
  const ptrdiff_t all = registers_of(k);
  const double* rows[tile];
  for (ptrdiff_t i = 0; i < n; i += tile) {
    rows_at(X, i, n, stride, rows);
    tile_distances(rows, d, packed, all, work);
    for (ptrdiff_t r = 0; r < tile && i + r < n; ++r) {
      label[i + r] = least_of(work + r * all * width, all, near, tiny);
    }
  }
}

// Sums of P registers of centres (of `all`, fewer than most_sums, where P is 0) stay in registers:
// added up in memory, each row would wait for the one before.
constexpr ptrdiff_t most_sums = 32;
template <ptrdiff_t P>
void sum_potentials(const double* X, ptrdiff_t n, ptrdiff_t stride, ptrdiff_t d,
                    const double* packed, ptrdiff_t registers, const double* weight,
                    double* closest, double* work, double* sums) {
  const ptrdiff_t all = P > 0 ? P : registers;
  const double* rows[tile];
  Wide total[P > 0 ? P : most_sums];
  for (ptrdiff_t v = 0; v < all; ++v) total[v] = at(sums + v * width);
  for (ptrdiff_t i = 0; i < n; i += tile) {
    rows_at(X, i, n, stride, rows);
    tile_distances(rows, d, packed, all, work);
    for (ptrdiff_t r = 0; r < tile && i + r < n; ++r) {
      const double* distance = work + r * all * width;
      const double known = distance[0] < closest[i + r] ? distance[0] : closest[i + r];
      closest[i + r] = known;
      const Wide most = Wide{} + known;
      const double w = weight != nullptr ? weight[i + r] : 1.0;
#pragma GCC unroll 4
      for (ptrdiff_t v = 0; v < all; ++v) {
        const Wide here = at(distance + v * width);
        total[v] += w * (here < most ? here : most);
      }
    }
  }
  for (ptrdiff_t v = 0; v < all; ++v) at(sums + v * width) = total[v];
}

void potentials(const double* X, ptrdiff_t n, ptrdiff_t stride, ptrdiff_t d, const double* packed,
                ptrdiff_t k, const double* weight, double* closest, double* work, double* sums) {
  const ptrdiff_t all = registers_of(k);
  const auto sum = all == 1   ? sum_potentials<1>
                   : all == 2 ? sum_potentials<2>
                   : all == 3 ? sum_potentials<3>
                              : sum_potentials<0>;
  sum(X, n, stride, d, packed, all, weight, closest, work, sums);
}

}  // namespace

const ClusterTable cluster_table = {lanes_of, pack, distances, nearest, potentials};

}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
