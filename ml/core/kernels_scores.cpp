// Rows against all centres of k-means. Three registers of rows (48 floats or 24 doubles with
// AVX-512) are transposed into a small buffer, so a row is a lane, and a tile of centres is held
// against them: each number of a centre is broadcast once for three multiply-adds, the scores stay
// in registers, and the least is kept lane by lane, without a step across a register. Floats
// instead of doubles took a 100000 x 16, k = 10 fit from 23 ms to 15 and a 50000 x 128, k = 100 one
// from 162 to 119 (2 threads of Zen 4, 20 iterations).
#include "lathe/ml/core/kernel_fetch.h"
#include "lathe/ml/core/kernel_lanes.h"
#include "lathe/ml/core/kernel_score_table.h"
#include "lathe/ml/core/kernel_transposed.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

constexpr ptrdiff_t registers = 3;
#if defined(__AVX512F__)
constexpr ptrdiff_t most = 8;  // centres of a tile: 24 of 32 registers hold scores
#elif defined(__AVX2__)
constexpr ptrdiff_t most = 4;  // 12 of 16
#else
constexpr ptrdiff_t most = 3;  // 9 of 16: products need a register of their own
#endif

template <class Number>
constexpr ptrdiff_t block_of = registers* Register<Number>::size;  // rows at a time

// GCC makes of a vector + *p a load and a shuffle, which costs a tenth.
inline Register<double>::Numbers everywhere(const double* p) {
#if defined(__AVX512F__)
  Register<double>::Numbers v;
  asm("vbroadcastsd %1, %0" : "=v"(v) : "m"(*p));
  return v;
#else
  return Register<double>::Numbers{} + *p;
#endif
}
inline Register<float>::Numbers everywhere(const float* p) {
#if defined(__AVX512F__)
  Register<float>::Numbers v;
  asm("vbroadcastss %1, %0" : "=v"(v) : "m"(*p));
  return v;
#else
  return Register<float>::Numbers{} + *p;
#endif
}

inline Register<float>::Numbers multiply_add(Register<float>::Numbers a, Register<float>::Numbers b,
                                             Register<float>::Numbers c) {
#if defined(__AVX512F__)
  return reinterpret_cast<Register<float>::Numbers>(_mm512_fmadd_ps(a, b, c));
#elif defined(__FMA__)
  return reinterpret_cast<Register<float>::Numbers>(_mm256_fmadd_ps(a, b, c));
#else
  return a * b + c;
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

ptrdiff_t tiles_of(ptrdiff_t k) { return (k + tile_for(k) - 1) / tile_for(k); }

ptrdiff_t packed_size(ptrdiff_t k, ptrdiff_t d) {
  const ptrdiff_t tile = tile_for(k);
  return (k + tile - 1) / tile * tile * (d + 1);
}

template <class Number>
ptrdiff_t work_size(ptrdiff_t d) {
  return block_of<Number> * d + Register<Number>::size;
}

// Tile by tile: half the squared norms, then column by column the numbers, negative.
template <class Number>
void pack(const double* centres, const ScoredTiles<Number>& tiles, Number* packed, double* norms) {
  const ptrdiff_t tile = tile_for(tiles.k);
  for (ptrdiff_t first = 0; first < tiles.k; first += tile, packed += tile * (tiles.d + 1)) {
    for (ptrdiff_t c = 0; c < tile; ++c) {
      const bool empty = first + c >= tiles.k;
      const double* centre = centres + (first + c) * tiles.d;
      double norm = 0.0;
      for (ptrdiff_t j = 0; j < tiles.d; ++j) {
        const double v = empty ? 0.0 : (centre[j] - tiles.origin[j]) * tiles.scale;
        norm += v * v;
        packed[(j + 1) * tile + c] = static_cast<Number>(-v);
      }
      packed[c] = static_cast<Number>(empty ? __builtin_inf() : (0.5 - tiles.error) * norm);
      if (!empty) norms[first + c] = norm;
    }
  }
}

template <class Number>
struct Best {
  typename Register<Number>::Numbers least[registers];
  typename Register<Number>::Numbers second[registers];
  typename Register<Number>::Whole index[registers];
};

template <ptrdiff_t K, class Number>
inline void score_tile(const Number* x, ptrdiff_t d, const Number* packed, int first, auto& fetch,
                       Best<Number>& best) {
  using Numbers = typename Register<Number>::Numbers;
  Numbers score[K][registers];
#pragma GCC unroll 8
  for (ptrdiff_t c = 0; c < K; ++c) {
#pragma GCC unroll 3
    for (ptrdiff_t g = 0; g < registers; ++g) score[c][g] = everywhere(packed + c);
  }
  packed += K;
  for (ptrdiff_t j = 0; j < d; ++j, packed += K, x += block_of<Number>) {
    if (j % 8 == 0) fetch.some();
    Numbers here[registers];
#pragma GCC unroll 3
    for (ptrdiff_t g = 0; g < registers; ++g) here[g] = lanes_at(x + g * Register<Number>::size);
#pragma GCC unroll 8
    for (ptrdiff_t c = 0; c < K; ++c) {
      const Numbers centre = everywhere(packed + c);
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
      const Numbers s = score[c][g];
      const Numbers least = best.least[g];
      const Numbers worse = s > least ? s : least;
      const typename Register<Number>::Whole here =
          typename Register<Number>::Whole{} + (first + static_cast<int>(c));
      best.index[g] = s < least ? here : best.index[g];
      best.least[g] = s < least ? s : least;
      best.second[g] = worse < best.second[g] ? worse : best.second[g];
    }
  }
}

template <ptrdiff_t K, class Number>
void score_tiles(const Number* x, const ScoredTiles<Number>& tiles, auto& fetch,
                 Best<Number>& best) {
  const Number* packed = tiles.packed;
  for (ptrdiff_t c = 0; c < tiles.k; c += K, packed += K * (tiles.d + 1)) {
    score_tile<K>(x, tiles.d, packed, static_cast<int>(c), fetch, best);
  }
}

template <class Number>
inline void score(const Number* x, const ScoredTiles<Number>& tiles, auto& fetch,
                  Best<Number>& best) {
  for (ptrdiff_t g = 0; g < registers; ++g) {
    best.least[g] = best.second[g] =
        typename Register<Number>::Numbers{} + static_cast<Number>(__builtin_inf());
    best.index[g] = typename Register<Number>::Whole{};
  }
  switch (tile_for(tiles.k)) {
#if defined(__AVX512F__)
    case 8:
      return score_tiles<8>(x, tiles, fetch, best);
    case 7:
      return score_tiles<7>(x, tiles, fetch, best);
    case 6:
      return score_tiles<6>(x, tiles, fetch, best);
    case 5:
      return score_tiles<5>(x, tiles, fetch, best);
#endif
#if defined(__AVX2__)
    case 4:
      return score_tiles<4>(x, tiles, fetch, best);
#endif
    case 3:
      return score_tiles<3>(x, tiles, fetch, best);
    case 2:
      return score_tiles<2>(x, tiles, fetch, best);
    default:
      return score_tiles<1>(x, tiles, fetch, best);
  }
}

// Whether some row's two least scores are not more than `margin` apart.
template <class Number>
inline bool any_within(const Best<Number>& best, Number margin) {
  typename Register<Number>::Whole some = {};
  for (ptrdiff_t g = 0; g < registers; ++g) some |= ~(best.second[g] - best.least[g] > margin);
#if defined(__AVX512F__)
  const auto bits = reinterpret_cast<__m512i>(some);
  return _mm512_test_epi64_mask(bits, bits) != 0;
#else
  long long bits = 0;
  for (ptrdiff_t l = 0; l < Register<Number>::size; ++l) bits |= some[l];
  return bits != 0;
#endif
}

// What is left of a block once its scores are in memory, row by row.
template <class Number>
struct Found {
  static constexpr ptrdiff_t block = block_of<Number>;
  alignas(sizeof(Wide)) Number least[block];
  alignas(sizeof(Wide)) Number second[block];
  alignas(sizeof(Wide)) Number norm[block];
};

template <class Number>
inline void square(const Number* x, ptrdiff_t d, Found<Number>& found) {
  typename Register<Number>::Numbers norm[registers] = {};
  for (ptrdiff_t j = 0; j < d; ++j, x += block_of<Number>) {
    for (ptrdiff_t g = 0; g < registers; ++g) {
      const auto here = lanes_at(x + g * Register<Number>::size);
      norm[g] = multiply_add(here, here, norm[g]);
    }
  }
  for (ptrdiff_t g = 0; g < registers; ++g) {
    lanes_at(found.norm + g * Register<Number>::size) = norm[g];
  }
}

// Doubts of single rows, and their bounds. A least score is low by error * |c|^2, and it and the
// norm are off by error * |x|^2 at most.
template <class Number>
inline void decide(const Found<Number>& found, ptrdiff_t n, const ScoredTiles<Number>& tiles,
                   std::int32_t* label, double* bounds) {
  const double unit = 1.0 / tiles.scale / tiles.scale;
  for (ptrdiff_t r = 0; r < n; ++r) {
    const double least = found.least[r];
    const double second = found.second[r];
    const double norm = found.norm[r];
    const double of_both = norm + tiles.norms[label[r]];
    if (!(second - least > (2.0 * tiles.error + tiles.tie) * of_both + tiles.tiny)) label[r] = -1;
    if (bounds == nullptr) continue;
    const double error = 4.0 * tiles.error;
    bounds[2 * r] = (norm + 2.0 * least + error * of_both + tiles.tiny) * unit;
    bounds[2 * r + 1] = (norm + 2.0 * second - error * norm - tiles.tiny) * unit;
  }
}

template <class Number>
void nearest(const double* const* rows, ptrdiff_t n, ptrdiff_t ahead,
             const ScoredTiles<Number>& tiles, Number* work, std::int32_t* label, double* bounds) {
  constexpr ptrdiff_t block = block_of<Number>;
  auto* x = reinterpret_cast<Number*>((reinterpret_cast<std::uintptr_t>(work) + sizeof(Wide) - 1) /
                                      sizeof(Wide) * sizeof(Wide));
  for (ptrdiff_t i = 0; i < n; i += block) {
    const double* here[block];  // the last row again where there are no more
    for (ptrdiff_t r = 0; r < block; ++r) here[r] = rows[i + r < n ? i + r : n - 1];
    Best<Number> best;
    const auto find = [&](auto fetch) {
      transpose_all<Number, block>(here, tiles.d, tiles.origin, tiles.scale, x,
                                   [&] { fetch.some(); });
      score(x, tiles, fetch, best);
    };
    // While these are at work, the next ones come from memory: a pass over 50000 x 128 with k = 100
    // went from 9.1 ms to 7.4.
    if (tiles.d >= 64) {
      const ptrdiff_t next = i + block;
      const ptrdiff_t known = n + ahead - next < block ? n + ahead - next : block;
      find(Fetch(rows + next, known, tiles.d, tiles_of(tiles.k) + block / tile_of(x)));
    } else {
      find(NoFetch{});
    }

    alignas(sizeof(Wide)) std::int32_t index[block];
    for (ptrdiff_t g = 0; g < registers; ++g) {
      using Labels [[gnu::vector_size(Register<Number>::size * 4)]] = std::int32_t;
      const Labels part = __builtin_convertvector(best.index[g], Labels);
      __builtin_memcpy(index + g * Register<Number>::size, &part, sizeof part);
    }
    const ptrdiff_t left = n - i < block ? n - i : block;
    if (bounds != nullptr || any_within(best, static_cast<Number>(tiles.margin))) {
      Found<Number> found;
      for (ptrdiff_t g = 0; g < registers; ++g) {
        lanes_at(found.least + g * Register<Number>::size) = best.least[g];
        lanes_at(found.second + g * Register<Number>::size) = best.second[g];
      }
      square(x, tiles.d, found);
      decide(found, left, tiles, index, bounds != nullptr ? bounds + 2 * i : nullptr);
    }
    __builtin_memcpy(label + i, index, static_cast<std::size_t>(left) * sizeof *index);
  }
}

}  // namespace

const ScoreTable score_table = {
    {packed_size, work_size<float>, pack<float>, nearest<float>},
    {packed_size, work_size<double>, pack<double>, nearest<double>},
};

}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
