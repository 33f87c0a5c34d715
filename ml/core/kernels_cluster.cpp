// The loops of k-means. A tile of rows is held against a panel of centres: the centres are the
// lanes of registers, a number of the row is broadcast, and the distances stay in registers until
// all columns are in. Rows are read where they are: nothing is transposed or copied.
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

// The number at p in all lanes. GCC makes of Wide{} + *p a load and a shuffle, which costs a tenth.
inline Wide everywhere(const double* p) {
#if defined(__AVX512F__)
  Wide v;
  asm("vbroadcastsd %1, %0" : "=v"(v) : "m"(*p));
  return v;
#else
  return Wide{} + *p;
#endif
}

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

std::int32_t clear_least(const double* distance, ptrdiff_t k, double near, double tiny) {
  return least_of(distance, registers_of(k), near, tiny);
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

// Four centres a time, so that a number of x is loaded once for four; all columns in registers.
template <ptrdiff_t M>
inline void row_distances(const double* x, ptrdiff_t d, const double* const* centre, double* out) {
  Wide sum[M] = {};
  ptrdiff_t j = 0;
  for (; j + width <= d; j += width) {
    const Wide here = at(x + j);
#pragma GCC unroll 4
    for (ptrdiff_t m = 0; m < M; ++m) {
      const Wide difference = here - at(centre[m] + j);
      sum[m] = multiply_add(difference, difference, sum[m]);
    }
  }
#pragma GCC unroll 4
  for (ptrdiff_t m = 0; m < M; ++m) {
    double total = lane_total(sum[m]);
    for (ptrdiff_t t = j; t < d; ++t) total += (x[t] - centre[m][t]) * (x[t] - centre[m][t]);
    out[m] = total;
  }
}

void some_distances(const double* x, ptrdiff_t d, const double* centres, const std::int32_t* which,
                    ptrdiff_t m, double* out) {
  const double* centre[4];
  for (; m >= 4; m -= 4, which += 4, out += 4) {
    for (ptrdiff_t c = 0; c < 4; ++c) centre[c] = centres + which[c] * d;
    row_distances<4>(x, d, centre, out);
  }
  for (ptrdiff_t c = 0; c < m; ++c) centre[c] = centres + which[c] * d;
  if (m == 3) row_distances<3>(x, d, centre, out);
  if (m == 2) row_distances<2>(x, d, centre, out);
  if (m == 1) row_distances<1>(x, d, centre, out);
}

void potentials(const double* X, ptrdiff_t n, ptrdiff_t stride, ptrdiff_t d, const double* packed,
                ptrdiff_t k, const double* weight, double* closest, double* work, double* sums) {
  const ptrdiff_t all = registers_of(k);
  const double* rows[tile];
  for (ptrdiff_t i = 0; i < n; i += tile) {
    rows_at(X, i, n, stride, rows);
    tile_distances(rows, d, packed, all, work);
    for (ptrdiff_t r = 0; r < tile && i + r < n; ++r) {
      const double* distance = work + r * all * width;
      if (distance[0] < closest[i + r]) closest[i + r] = distance[0];
      const Wide known = Wide{} + closest[i + r];
      const double w = weight != nullptr ? weight[i + r] : 1.0;
      for (ptrdiff_t v = 0; v < all; ++v) {
        const Wide here = at(distance + v * width);
        at(sums + v * width) += w * (here < known ? here : known);
      }
    }
  }
}

#if defined(__AVX512F__)
constexpr ptrdiff_t bytes = 64;
#elif defined(__AVX2__)
constexpr ptrdiff_t bytes = 32;
#else
constexpr ptrdiff_t bytes = 16;
#endif
using Bytes [[gnu::vector_size(bytes)]] = std::uint8_t;
using LooseBytes [[gnu::vector_size(bytes), gnu::aligned(1), gnu::may_alias]] = std::uint8_t;

inline ptrdiff_t note_low(std::uint8_t* bound, const std::uint8_t* drift, const std::uint8_t* floor,
                          ptrdiff_t begin, ptrdiff_t end, int least, std::int32_t* low,
                          ptrdiff_t count) {
  for (ptrdiff_t i = begin; i < end; ++i) {
    const int moved = bound[i] - drift[i];
    bound[i] = static_cast<std::uint8_t>(moved > 0 ? moved : 0);
    if ((bound[i] > floor[i] ? bound[i] : floor[i]) < least) {
      low[count++] = static_cast<std::int32_t>(i);
    }
  }
  return count;
}

ptrdiff_t low_bounds(std::uint8_t* bound, const std::uint8_t* drift, const std::uint8_t* floor,
                     ptrdiff_t n, int least, std::int32_t* low) {
  ptrdiff_t count = 0;
  ptrdiff_t i = 0;
#if defined(__AVX512F__)
  const Bytes limit = Bytes{} + static_cast<std::uint8_t>(least > 255 ? 255 : least);
  for (; i < n; i += bytes) {
    const __mmask64 here = n - i >= bytes ? ~__mmask64{0} : (__mmask64{1} << (n - i)) - 1;
    const __m512i moved = _mm512_subs_epu8(_mm512_maskz_loadu_epi8(here, bound + i),
                                           _mm512_maskz_loadu_epi8(here, drift + i));
    _mm512_mask_storeu_epi8(bound + i, here, moved);
    const __m512i best = _mm512_max_epu8(moved, _mm512_maskz_loadu_epi8(here, floor + i));
    __mmask64 bits =
        least > 255 ? here
                    : _mm512_mask_cmplt_epu8_mask(here, best, reinterpret_cast<__m512i>(limit));
    for (; bits != 0; bits &= bits - 1) {
      low[count++] = static_cast<std::int32_t>(i + __builtin_ctzll(bits));
    }
  }
  return count;
#else
  for (; i + bytes <= n; i += bytes) {
    const Bytes known = *reinterpret_cast<const LooseBytes*>(bound + i);
    const Bytes gone = *reinterpret_cast<const LooseBytes*>(drift + i);
    const Bytes moved = (known > gone ? known : gone) - gone;
    const Bytes other = *reinterpret_cast<const LooseBytes*>(floor + i);
    const Bytes best = moved > other ? moved : other;
    const auto under = best < Bytes{} + static_cast<std::uint8_t>(least > 255 ? 255 : least);
    long long any[bytes / 8];
    __builtin_memcpy(any, &under, sizeof any);
    long long all = 0;
    for (const long long a : any) all |= a;
    if (all == 0 && least <= 255) {
      *reinterpret_cast<LooseBytes*>(bound + i) = moved;
    } else {
      count = note_low(bound, drift, floor, i, i + bytes, least, low, count);
    }
  }
  return note_low(bound, drift, floor, i, n, least, low, count);
#endif
}

void bound_codes(const double* squared, ptrdiff_t n, double scale, std::uint8_t* code) {
  ptrdiff_t i = 0;
#if defined(__AVX512F__)
  for (; i < n; i += width) {
    const auto here = static_cast<__mmask8>(n - i >= width ? 0xFF : (1 << (n - i)) - 1);
    const __m512d root = _mm512_maskz_sqrt_pd(here, _mm512_maskz_loadu_pd(here, squared + i));
    const Wide all = reinterpret_cast<Wide>(root) * scale;
    const Wide steps = all < 256.0 ? all : Wide{} + 256.0;
    const __m256i whole =
        _mm256_sub_epi32(_mm512_maskz_cvttpd_epi32(here, steps), _mm256_set1_epi32(1));
    _mm256_mask_cvtepi32_storeu_epi8(code + i, here,
                                     _mm256_max_epi32(whole, _mm256_setzero_si256()));
  }
#else
  for (; i < n; ++i) {
    const double steps = __builtin_sqrt(squared[i]) * scale;
    const int whole = (steps < 256.0 ? static_cast<int>(steps) : 256) - 1;
    code[i] = static_cast<std::uint8_t>(whole > 0 ? whole : 0);
  }
#endif
}

void add_row(const double* x, ptrdiff_t d, const double* origin, const double* high_grid,
             const double* low_grid, double weight, double sign, double* sums) {
  ptrdiff_t j = 0;
  for (; j + width <= d; j += width) {
    const Wide v = weight * (at(x + j) - at(origin + j));
    const Wide high = (v + at(high_grid + j)) - at(high_grid + j);
    const Wide low = ((v - high) + at(low_grid + j)) - at(low_grid + j);
    at(sums + j) += sign * high;
    at(sums + d + j) += sign * low;
  }
  for (; j < d; ++j) {
    const double v = weight * (x[j] - origin[j]);
    const double high = (v + high_grid[j]) - high_grid[j];
    const double low = ((v - high) + low_grid[j]) - low_grid[j];
    sums[j] += sign * high;
    sums[d + j] += sign * low;
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

const ClusterTable cluster_table = {lanes_of,    pack,           distances,   nearest,
                                    clear_least, some_distances, potentials,  low_bounds,
                                    bound_codes, add_row,        column_sums, column_squares};

}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
