// The nearest centres of rows by rough scores: as kernels_scores.cpp, but with rows and centres in
// whole numbers of 16 bits. A register holds twice as many of them as floats, and the products of a
// pair and their sum are one instruction. What they leave in doubt they say. A pass over 50000 x
// 128 with k = 100 went from 7.4 ms to 4.2, 5.0 without AVX-512 VNNI.
#include "lathe/ml/core/kernel_rounding.h"
#include "lathe/ml/core/kernel_score_table.h"
#include "lathe/ml/core/kernel_score_tiles.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

ptrdiff_t rough_packed_size(ptrdiff_t k, ptrdiff_t d) { return packed_size(k, pairs_of(d)); }

ptrdiff_t rough_work_size(ptrdiff_t d) { return block_size<std::int32_t>(pairs_of(d) + 1); }

// Tile by tile: scores to begin with, then pair by pair the numbers, negative.
void rough_pack(const double* centres, const RoughTiles& tiles, const double* norms,
                std::int32_t* packed) {
  const ptrdiff_t tile = tiles.tile;
  const ptrdiff_t pairs = pairs_of(tiles.d);
  constexpr double middle = 0x1.8p52;
  for (ptrdiff_t first = 0; first < tiles.k; first += tile, packed += tile * (pairs + 1)) {
    for (ptrdiff_t c = 0; c < tile; ++c) {
      const bool empty = first + c >= tiles.k;
      const double* centre = centres + (first + c) * tiles.d;
      packed[c] =
          empty ? rough_infinite : static_cast<std::int32_t>(0.5 * tiles.ratio * norms[first + c]);
      const auto number = [&](ptrdiff_t j) -> std::int16_t {
        if (empty || j == tiles.d) return 0;
        const double about = centre[j] * tiles.scale + (tiles.shift[j] - middle);
        return static_cast<std::int16_t>(-whole(about, tiles.ratio, middle));
      };
      for (ptrdiff_t p = 0; p < pairs; ++p) {
        packed[(p + 1) * tile + c] = pair(number(2 * p), number(2 * p + 1));
      }
    }
  }
}

// The three least scores of each row, in the low bits of the first two which centre has them.
struct Three {
  Pairs first[registers];
  Pairs second[registers];
  Pairs third[registers];
};

inline Pairs less(Pairs a, Pairs b) { return a < b ? a : b; }
inline Pairs more(Pairs a, Pairs b) { return a < b ? b : a; }

template <ptrdiff_t K>
inline void find_in_tile(const std::int32_t* x, ptrdiff_t pairs, const std::int32_t* packed,
                         int first, std::int32_t mask, auto& fetch, Three& best) {
  Pairs score[K][registers];
  score_tile<K>(x, pairs, packed, fetch, score);
#pragma GCC unroll 8
  for (ptrdiff_t c = 0; c < K; ++c) {
    const Pairs here = Pairs{} + (first + static_cast<int>(c));
#pragma GCC unroll 3
    for (ptrdiff_t g = 0; g < registers; ++g) {
      const Pairs key = (score[c][g] & ~mask) | here;
      const Pairs not_first = more(key, best.first[g]);
      best.first[g] = less(key, best.first[g]);
      const Pairs not_second = more(not_first, best.second[g]);
      best.second[g] = less(not_first, best.second[g]);
      best.third[g] = less(not_second, best.third[g]);
    }
  }
}

struct Found {
  alignas(sizeof(Wide)) std::int32_t first[block];
  alignas(sizeof(Wide)) std::int32_t second[block];
  alignas(sizeof(Wide)) std::int32_t third[block];
};

inline void find(const std::int32_t* x, const RoughTiles& tiles, auto& fetch, Found& found) {
  Three best;
  for (ptrdiff_t g = 0; g < registers; ++g) {
    best.first[g] = best.second[g] = best.third[g] = Pairs{} + (rough_infinite | tiles.mask);
  }
  const ptrdiff_t pairs = pairs_of(tiles.d);
  with_tile(tiles.tile, [&]<ptrdiff_t K>() {
    const std::int32_t* packed = tiles.packed;
    for (ptrdiff_t c = 0; c < tiles.k; c += K, packed += K * (pairs + 1)) {
      find_in_tile<K>(x, pairs, packed, static_cast<int>(c), tiles.mask, fetch, best);
    }
  });
  for (ptrdiff_t g = 0; g < registers; ++g) {
    at(found.first + g * size) = best.first[g];
    at(found.second + g * size) = best.second[g];
    at(found.third + g * size) = best.third[g];
  }
}

// Behind the pairs of each row its squared length, -1 where that is more than scores may take: in
// floats, which do not run over.
inline void add_squares(std::int32_t* x, const RoughTiles& tiles) {
  using Floats = Register<float>::Numbers;
  const ptrdiff_t pairs = pairs_of(tiles.d);
  std::int32_t* norms = x + pairs * block;
  if (!tiles.sampled) {
    square(x, pairs, norms);
    return;
  }
  Pairs norm[registers] = {};
  Floats rough[registers] = {};
  for (ptrdiff_t p = 0; p < pairs; ++p, x += block) {
#pragma GCC unroll 3
    for (ptrdiff_t g = 0; g < registers; ++g) {
      const Pairs here = at(x + g * size);
      const Pairs squares = multiply_add(here, here, Pairs{});
      norm[g] = sum_of(norm[g], squares);
      rough[g] += __builtin_convertvector(squares, Floats);
    }
  }
  constexpr float limit = rough_longest * rough_longest;
  for (ptrdiff_t g = 0; g < registers; ++g) {
    at(norms + g * size) = rough[g] > limit ? Pairs{} - 1 : norm[g];
  }
}

// Whether some row's two least scores are not more than `margin` apart.
inline bool any_within(const Found& found, std::int32_t margin) {
  Pairs some = {};
  for (ptrdiff_t g = 0; g < registers; ++g) {
    some |= at(found.second + g * size) - at(found.first + g * size) <= margin;
  }
  std::int32_t any = 0;
  for (ptrdiff_t l = 0; l < size; ++l) any |= some[l];
  return any != 0;
}

// A block past the cache, where the level can: it is not asked for again before the next
// assignment, and its lines need not be read before they are written. The first assignment of 20000
// x 784 with k = 10 took 7.0 ms instead of 7.8.
inline void keep(const std::int32_t* x, ptrdiff_t numbers, std::int32_t* out) {
  for (ptrdiff_t i = 0; i < numbers; i += size) {
#if defined(__AVX512F__)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(out + i), reinterpret_cast<__m512i>(at(x + i)));
#elif defined(__AVX2__)
    _mm256_stream_si256(reinterpret_cast<__m256i*>(out + i), reinterpret_cast<__m256i>(at(x + i)));
#else
    at(out + i) = at(x + i);
#endif
  }
}

inline ptrdiff_t decide(const Found& found, const std::int32_t* norms, ptrdiff_t n,
                        const RoughTiles& tiles, std::int32_t* label, std::int32_t* rival,
                        double* bounds) {
  const double unit = 1.0 / tiles.scale / tiles.scale;
  const double each = 2.0 / tiles.ratio;
  ptrdiff_t doubts = 0;
  for (ptrdiff_t r = 0; r < n; ++r) {
    if (norms[r] < 0) {
      label[r] = -1;
      rival[r] = 0;
      ++doubts;
      continue;
    }
    const double length = __builtin_sqrt(static_cast<double>(norms[r]));
    const double error = tiles.error * (length + tiles.reach) + tiles.least_error;
    const double first = found.first[r];
    const double second = found.second[r];
    const double third = found.third[r];
    const bool close = !(second - first > 2.0 * error);
    doubts += close ? 1 : 0;
    rival[r] = close ? found.second[r] & tiles.mask : -1;
    label[r] = third - first > 2.0 * error || !close ? found.first[r] & tiles.mask : -1;
    if (bounds == nullptr) continue;
    const double longest = length + tiles.error;
    const double shortest = length > tiles.error ? length - tiles.error : 0.0;
    bounds[2 * r] = (longest * longest + each * (first + error)) * unit;
    bounds[2 * r + 1] = (shortest * shortest + each * ((close ? third : second) - error)) * unit;
  }
  return doubts;
}

// Kept blocks follow each other, and the next one is fetched while one is scored: an assignment of
// 20000 x 784 that knows all rows took 1.4 ms instead of 1.7. As rows of doubles they are a quarter
// as many.
inline void find_kept(const std::int32_t* x, const RoughTiles& tiles, ptrdiff_t fetches,
                      Found& found) {
  constexpr ptrdiff_t n = block / 4;
  const ptrdiff_t numbers = pairs_of(tiles.d) + 1;
  const double* next[n];
  for (ptrdiff_t i = 0; i < n; ++i) {
    next[i] = reinterpret_cast<const double*>(x + (block + 4 * i) * numbers);
  }
  Fetch fetch(next, n, 2 * numbers, fetches);
  find(x, tiles, fetch, found);
}

ptrdiff_t rough_nearest(const double* const* rows, ptrdiff_t n, ptrdiff_t ahead,
                        const RoughTiles& tiles, const KeptRows& kept, std::int32_t* work,
                        std::int32_t* label, std::int32_t* rival, double* bounds) {
  // Half a tile is scored for 8 columns. Nothing is fetched while rows are rounded, which waits for
  // memory itself: with 100 centres a row of 128 columns took 172 ns with some of it then, and 149
  // without, a whole fit of 50000 such rows 57 ms and 53.
  const ptrdiff_t fetches = (tiles.k / tiles.tile + 1) / 2;
  ptrdiff_t doubts = 0;
  const auto find_block = [&](const double* const* here, auto fetch, ptrdiff_t i, ptrdiff_t left) {
    Found found;
    const ptrdiff_t numbers = pairs_of(tiles.d) + 1;
    std::int32_t* x = kept.known ? kept.rows + i * numbers : block_in(work);
    if (kept.known) {
      find_kept(x, tiles, fetches, found);
    } else {
      transpose_block(here, tiles, x);
      find(x, tiles, fetch, found);
    }
    const bool lengths_count = bounds != nullptr || tiles.sampled || kept.rows != nullptr ||
                               any_within(found, tiles.margin);
    if (lengths_count) {
      if (!kept.known) add_squares(x, tiles);
      if (!kept.known && kept.rows != nullptr) keep(x, numbers * block, kept.rows + i * numbers);
      doubts += decide(found, x + (numbers - 1) * block, left, tiles, label + i, rival + i,
                       bounds != nullptr ? bounds + 2 * i : nullptr);
      return;
    }
    for (ptrdiff_t r = 0; r < left; ++r) {
      label[i + r] = found.first[r] & tiles.mask;
      rival[i + r] = -1;
    }
  };
  each_block<std::int32_t>(rows, n, ahead, tiles.d, fetches, find_block);
  return doubts;
}

}  // namespace

const RoughTable rough_table = {rough_packed_size, rough_work_size, rough_pack, rough_nearest};

}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
