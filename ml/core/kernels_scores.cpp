// Rows against all centres of k-means. Three registers of rows (24 with AVX-512) are transposed
// into a small buffer, so a row is a lane, and a tile of centres is held against them: each number
// of a centre is broadcast once for three multiply-adds, the scores stay in registers, and the
// least is kept lane by lane, without a step across a register.
#include "lathe/ml/core/kernel_lanes.h"
#include "lathe/ml/core/kernel_score_table.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

constexpr ptrdiff_t registers = 3;
constexpr ptrdiff_t block = registers * width;  // rows at a time
#if defined(__AVX512F__)
constexpr ptrdiff_t most = 8;  // centres of a tile: 24 of 32 registers hold scores
#elif defined(__AVX2__)
constexpr ptrdiff_t most = 4;  // 12 of 16
#else
constexpr ptrdiff_t most = 3;  // 9 of 16: products need a register of their own
#endif
using Labels [[gnu::vector_size(width * 4)]] = std::int32_t;

// GCC makes of Wide{} + *p a load and a shuffle, which costs a tenth.
inline Wide everywhere(const double* p) {
#if defined(__AVX512F__)
  Wide v;
  asm("vbroadcastsd %1, %0" : "=v"(v) : "m"(*p));
  return v;
#else
  return Wide{} + *p;
#endif
}

// The size of tile that leaves the fewest empty places, the larger of two: 5 for 10, 8 for 16.
ptrdiff_t tile_for(ptrdiff_t k) {
  ptrdiff_t best = k < most ? k : most;
  const auto places = [k](ptrdiff_t size) { return (k + size - 1) / size * size; };
  for (ptrdiff_t size = best; 2 * size > most; --size) {
    if (places(size) < places(best)) best = size;
  }
  return best;
}

ptrdiff_t packed_size(ptrdiff_t k, ptrdiff_t d) {
  const ptrdiff_t tile = tile_for(k);
  return (k + tile - 1) / tile * tile * (d + 1);
}

ptrdiff_t work_size(ptrdiff_t d) { return block * d + width; }

// Tile by tile: half the squared norms, then column by column the numbers, negative.
double pack(const double* centres, ptrdiff_t k, ptrdiff_t d, const double* origin, double* packed) {
  const ptrdiff_t tile = tile_for(k);
  double largest = 0.0;
  for (ptrdiff_t first = 0; first < k; first += tile, packed += tile * (d + 1)) {
    for (ptrdiff_t c = 0; c < tile; ++c) {
      const bool empty = first + c >= k;
      const double* centre = centres + (first + c) * d;
      double norm = 0.0;
      for (ptrdiff_t j = 0; j < d; ++j) {
        const double v = empty ? 0.0 : centre[j] - (origin != nullptr ? origin[j] : 0.0);
        norm += v * v;
        packed[(j + 1) * tile + c] = -v;
      }
      packed[c] = empty ? __builtin_inf() : 0.5 * norm;
      largest = norm > largest || norm != norm ? norm : largest;
    }
  }
  return largest;
}

// width columns of width rows, in registers: 3 shuffles for 8 numbers.
#if defined(__AVX512F__)
inline void transpose(const Wide* r, double* out) {
  Wide t[8];
  for (int i = 0; i < 4; ++i) {
    t[i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    t[4 + i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  const auto even = [](Wide a, Wide b) {
    return __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13);
  };
  const auto odd = [](Wide a, Wide b) {
    return __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15);
  };
  for (int h = 0; h < 2; ++h, out += block) {
    const Wide* u = t + 4 * h;
    const Wide a = even(u[0], u[1]);
    const Wide b = even(u[2], u[3]);
    const Wide e = odd(u[0], u[1]);
    const Wide f = odd(u[2], u[3]);
    at(out) = even(a, b);
    at(out + 2 * block) = even(e, f);
    at(out + 4 * block) = odd(a, b);
    at(out + 6 * block) = odd(e, f);
  }
}
#elif defined(__AVX2__)
inline void transpose(const Wide* r, double* out) {
  for (int h = 0; h < 2; ++h, out += block) {
    const Wide a = h == 0 ? __builtin_shufflevector(r[0], r[1], 0, 4, 2, 6)
                          : __builtin_shufflevector(r[0], r[1], 1, 5, 3, 7);
    const Wide b = h == 0 ? __builtin_shufflevector(r[2], r[3], 0, 4, 2, 6)
                          : __builtin_shufflevector(r[2], r[3], 1, 5, 3, 7);
    at(out) = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    at(out + 2 * block) = __builtin_shufflevector(a, b, 2, 3, 6, 7);
  }
}
#else
inline void transpose(const Wide* r, double* out) {
  for (ptrdiff_t i = 0; i < width; ++i) {
    for (ptrdiff_t j = 0; j < width; ++j) out[j * block + i] = r[i][j];
  }
}
#endif

inline void transpose_all(const double* const* rows, ptrdiff_t d, const double* origin,
                          double* out) {
  ptrdiff_t j = 0;
  for (; j + width <= d; j += width) {
    for (ptrdiff_t g = 0; g < registers; ++g) {
      Wide r[width];
      for (ptrdiff_t i = 0; i < width; ++i) r[i] = at(rows[g * width + i] + j);
      if (origin != nullptr) {
        const Wide shift = at(origin + j);
        for (ptrdiff_t i = 0; i < width; ++i) r[i] -= shift;
      }
      transpose(r, out + j * block + g * width);
    }
  }
  for (; j < d; ++j) {
    const double shift = origin != nullptr ? origin[j] : 0.0;
    for (ptrdiff_t i = 0; i < block; ++i) out[j * block + i] = rows[i][j] - shift;
  }
}

struct Best {
  Wide least[registers];
  Wide second[registers];
  Whole index[registers];
};

template <ptrdiff_t K>
inline void score_tile(const double* x, ptrdiff_t d, const double* packed, ptrdiff_t first,
                       Best& best) {
  Wide score[K][registers];
#pragma GCC unroll 8
  for (ptrdiff_t c = 0; c < K; ++c) {
#pragma GCC unroll 3
    for (ptrdiff_t g = 0; g < registers; ++g) score[c][g] = everywhere(packed + c);
  }
  packed += K;
  for (ptrdiff_t j = 0; j < d; ++j, packed += K, x += block) {
    Wide here[registers];
#pragma GCC unroll 3
    for (ptrdiff_t g = 0; g < registers; ++g) here[g] = at(x + g * width);
#pragma GCC unroll 8
    for (ptrdiff_t c = 0; c < K; ++c) {
      const Wide centre = everywhere(packed + c);
#pragma GCC unroll 3
      for (ptrdiff_t g = 0; g < registers; ++g) {
        score[c][g] = multiply_add(here[g], centre, score[c][g]);
      }
    }
  }
#pragma GCC unroll 8
  for (ptrdiff_t c = 0; c < K; ++c) {
#pragma GCC unroll 3
    for (ptrdiff_t g = 0; g < registers; ++g) {
      const Wide s = score[c][g];
      const Wide least = best.least[g];
      const Wide worse = s > least ? s : least;
      best.index[g] = s < least ? Whole{} + (first + c) : best.index[g];
      best.least[g] = s < least ? s : least;
      best.second[g] = worse < best.second[g] ? worse : best.second[g];
    }
  }
}

template <ptrdiff_t K>
void score_tiles(const double* x, const ScoredTiles& centres, Best& best) {
  const double* packed = centres.packed;
  for (ptrdiff_t c = 0; c < centres.k; c += K, packed += K * (centres.d + 1)) {
    score_tile<K>(x, centres.d, packed, c, best);
  }
}

inline void score(const double* x, const ScoredTiles& centres, Best& best) {
  for (ptrdiff_t g = 0; g < registers; ++g) {
    best.least[g] = best.second[g] = Wide{} + __builtin_inf();
    best.index[g] = Whole{};
  }
  switch (tile_for(centres.k)) {
#if defined(__AVX512F__)
    case 8:
      return score_tiles<8>(x, centres, best);
    case 7:
      return score_tiles<7>(x, centres, best);
    case 6:
      return score_tiles<6>(x, centres, best);
    case 5:
      return score_tiles<5>(x, centres, best);
#endif
#if defined(__AVX2__)
    case 4:
      return score_tiles<4>(x, centres, best);
#endif
    case 3:
      return score_tiles<3>(x, centres, best);
    case 2:
      return score_tiles<2>(x, centres, best);
    default:
      return score_tiles<1>(x, centres, best);
  }
}

inline bool any(Whole v) {
  long long bits = 0;
  for (ptrdiff_t l = 0; l < width; ++l) bits |= v[l];
  return bits != 0;
}

// Each register's squared norms.
inline void square(const double* x, ptrdiff_t d, Wide* norm) {
  for (ptrdiff_t g = 0; g < registers; ++g) norm[g] = Wide{};
  for (ptrdiff_t j = 0; j < d; ++j, x += block) {
    for (ptrdiff_t g = 0; g < registers; ++g) {
      const Wide here = at(x + g * width);
      norm[g] = multiply_add(here, here, norm[g]);
    }
  }
}

void nearest(const double* const* rows, ptrdiff_t n, const ScoredTiles& centres, double* work,
             std::int32_t* label, double* bounds) {
  auto* x = reinterpret_cast<double*>((reinterpret_cast<std::uintptr_t>(work) + sizeof(Wide) - 1) /
                                      sizeof(Wide) * sizeof(Wide));
  for (ptrdiff_t i = 0; i < n; i += block) {
    const double* here[block];  // the last row again where there are no more
    for (ptrdiff_t r = 0; r < block; ++r) here[r] = rows[i + r < n ? i + r : n - 1];
    transpose_all(here, centres.d, centres.origin, x);
    Best best;
    score(x, centres, best);

    Whole doubt[registers];  // all bits where there is any
    Whole some = {};
    for (ptrdiff_t g = 0; g < registers; ++g) {
      doubt[g] = ~(best.second[g] - best.least[g] > centres.margin);
      some |= doubt[g];
    }
    const bool check = any(some);
    alignas(sizeof(Wide)) double squared[2][block];
    if (check || bounds != nullptr) {
      Wide norm[registers];
      square(x, centres.d, norm);
      for (ptrdiff_t g = 0; g < registers; ++g) {
        const Wide error = centres.share * (norm[g] + centres.largest) + centres.tiny;
        doubt[g] = ~(best.second[g] - best.least[g] > error);
        at(squared[0] + g * width) = norm[g] + 2.0 * best.least[g] + error;
        at(squared[1] + g * width) = norm[g] + 2.0 * best.second[g] - error;
      }
    }
    std::int32_t found[block];
    for (ptrdiff_t g = 0; g < registers; ++g) {
      const Labels here_found = __builtin_convertvector(best.index[g] | doubt[g], Labels);
      __builtin_memcpy(found + g * width, &here_found, sizeof here_found);
    }
    const ptrdiff_t left = n - i < block ? n - i : block;
    for (ptrdiff_t r = 0; r < left; ++r) {
      label[i + r] = found[r];
      if (bounds == nullptr) continue;
      bounds[2 * (i + r)] = squared[0][r];
      bounds[2 * (i + r) + 1] = squared[1][r];
    }
  }
}

}  // namespace

const ScoreTable score_table = {packed_size, work_size, pack, nearest};

}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
