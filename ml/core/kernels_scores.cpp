// Rows against all centres of k-means. Rows are transposed into a small buffer and held against
// tiles of centres (kernel_score_tiles.h), and the least score is kept lane by lane, without a step
// across a register. Floats instead of doubles took a 100000 x 16, k = 10 fit from 23 ms to 15 and
// a 50000 x 128, k = 100 one from 162 to 119 (2 threads of Zen 4, 20 iterations).
#include "lathe/ml/core/kernel_score_table.h"
#include "lathe/ml/core/kernel_score_tiles.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

// Tile by tile: half the squared norms, then column by column the numbers, negative.
template <class Number>
void pack(const double* centres, const ScoredTiles<Number>& tiles, Number* packed, double* norms) {
  const ptrdiff_t tile = tiles.tile;
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

// The tile that begins with centre `first`.
template <ptrdiff_t K, class Number>
inline void find_in_tile(const Number* x, ptrdiff_t d, const Number* packed, int first, auto& fetch,
                         Best<Number>& best) {
  using Numbers = typename Register<Number>::Numbers;
  Numbers score[K][registers];
  score_tile<K>(x, d, packed, fetch, score);
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

template <class Number>
inline void find(const Number* x, const ScoredTiles<Number>& tiles, auto& fetch,
                 Best<Number>& best) {
  for (ptrdiff_t g = 0; g < registers; ++g) {
    best.least[g] = best.second[g] =
        typename Register<Number>::Numbers{} + static_cast<Number>(__builtin_inf());
    best.index[g] = typename Register<Number>::Whole{};
  }
  with_tile(tiles.tile, [&]<ptrdiff_t K>() {
    const Number* packed = tiles.packed;
    for (ptrdiff_t c = 0; c < tiles.k; c += K, packed += K * (tiles.d + 1)) {
      find_in_tile<K>(x, tiles.d, packed, static_cast<int>(c), fetch, best);
    }
  });
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
  Number* x = block_in(work);
  const ptrdiff_t fetches = tiles.k / tiles.tile + block / tile_of(x);
  each_block<Number>(
      rows, n, ahead, tiles.d, fetches,
      [&](const double* const* here, auto fetch, ptrdiff_t i, ptrdiff_t left) {
        Best<Number> best;
        transpose_all<Number, block>(here, tiles.d, tiles.origin, tiles.scale, x,
                                     [&] { fetch.some(); });
        find(x, tiles, fetch, best);

        alignas(sizeof(Wide)) std::int32_t index[block];
        for (ptrdiff_t g = 0; g < registers; ++g) {
          using Labels [[gnu::vector_size(Register<Number>::size * 4)]] = std::int32_t;
          const Labels part = __builtin_convertvector(best.index[g], Labels);
          __builtin_memcpy(index + g * Register<Number>::size, &part, sizeof part);
        }
        if (bounds != nullptr || any_within(best, static_cast<Number>(tiles.margin))) {
          Found<Number> found;
          for (ptrdiff_t g = 0; g < registers; ++g) {
            at(found.least + g * Register<Number>::size) = best.least[g];
            at(found.second + g * Register<Number>::size) = best.second[g];
          }
          square(x, tiles.d, found.norm);
          decide(found, left, tiles, index, bounds != nullptr ? bounds + 2 * i : nullptr);
        }
        __builtin_memcpy(label + i, index, static_cast<std::size_t>(left) * sizeof *index);
      });
}

}  // namespace

const ScoreTable score_table = {
    tile_for,
    {packed_size, block_size<float>, pack<float>, nearest<float>},
    {packed_size, block_size<double>, pack<double>, nearest<double>},
};

}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
