// The nearest centres of rows by rough scores: as kernels_scores.cpp, but with rows and centres in
// whole numbers of 16 bits. A register holds twice as many of them as floats, and the products of a
// pair and their sum are one instruction. What they leave in doubt they say. A pass over 50000 x
// 128 with k = 100 went from 7.4 ms to 4.2, 5.0 without AVX-512 VNNI.
#include <type_traits>

#include "lathe/ml/core/kernel_score_table.h"
#include "lathe/ml/core/kernel_score_tiles.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

using Pairs = Register<std::int32_t>::Numbers;  // in each lane of two neighbouring columns
constexpr ptrdiff_t block = block_of<std::int32_t>;
constexpr ptrdiff_t size = Register<std::int32_t>::size;

using EightShorts [[gnu::vector_size(16)]] = std::int16_t;
using FourPairs [[gnu::vector_size(16)]] = std::int32_t;
using LooseFourPairs [[gnu::vector_size(16), gnu::aligned(4), gnu::may_alias]] = std::int32_t;

ptrdiff_t pairs_of(ptrdiff_t d) { return (d + 1) / 2; }

ptrdiff_t rough_packed_size(ptrdiff_t k, ptrdiff_t d) { return packed_size(k, pairs_of(d)); }

ptrdiff_t rough_work_size(ptrdiff_t d) { return block_size<std::int32_t>(pairs_of(d) + 1); }

std::int32_t pair(std::int16_t first, std::int16_t second) {
  const std::int16_t both[2] = {first, second};
  std::int32_t lane = 0;
  __builtin_memcpy(&lane, both, sizeof lane);
  return lane;
}

// x * scale - q to the nearest whole number, in the low bits of the sum with 1.5 * 2^52 - q.
std::int16_t whole(double x, double scale, double shift) {
  const double sum = x * scale + shift;
  long long bits = 0;
  __builtin_memcpy(&bits, &sum, sizeof bits);
  return static_cast<std::int16_t>(bits);
}

// GCC takes apart what it converts to shorter numbers, and warns of the plain intrinsic.
inline FourPairs eight(const double* x, double scale, const double* shift) {
#if defined(__AVX512F__)
  const Wide sum = multiply_add(at(x), Wide{} + scale, at(shift));
  return reinterpret_cast<FourPairs>(
      _mm512_maskz_cvtepi64_epi16(0xff, reinterpret_cast<__m512i>(sum)));
#elif defined(__AVX2__)
  using Shorts [[gnu::vector_size(sizeof(Wide))]] = std::int16_t;
  const Wide all = Wide{} + scale;
  const auto low = reinterpret_cast<Shorts>(multiply_add(at(x), all, at(shift)));
  const auto high = reinterpret_cast<Shorts>(multiply_add(at(x + 4), all, at(shift + 4)));
  return reinterpret_cast<FourPairs>(
      __builtin_shufflevector(low, high, 0, 4, 8, 12, 16, 20, 24, 28));
#else
  EightShorts numbers;
  for (int c = 0; c < 8; ++c) numbers[c] = whole(x[c], scale, shift[c]);
  return reinterpret_cast<FourPairs>(numbers);
#endif
}

// Four rows, 8 columns: 4 pairs of each become lanes.
inline void transpose_four(const double* const* rows, ptrdiff_t j, const RoughTiles& tiles,
                           std::int32_t* out) {
  FourPairs r[4];
  for (int i = 0; i < 4; ++i) r[i] = eight(rows[i] + j, tiles.scale, tiles.shift + j);
  const FourPairs a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
  const FourPairs b = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
  const FourPairs c = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
  const FourPairs e = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
  const auto put = [&](int p, FourPairs four) {
    *reinterpret_cast<LooseFourPairs*>(out + p * block) = four;
  };
  put(0, __builtin_shufflevector(a, b, 0, 1, 4, 5));
  put(1, __builtin_shufflevector(a, b, 2, 3, 6, 7));
  put(2, __builtin_shufflevector(c, e, 0, 1, 4, 5));
  put(3, __builtin_shufflevector(c, e, 2, 3, 6, 7));
}

#if defined(__AVX512BW__)
using Words [[gnu::vector_size(64)]] = long long;  // of 8 bytes
using Bytes [[gnu::vector_size(64)]] = char;

// Of four rows and 8 columns: 16 bytes for each pair of columns, the pairs of the rows.
inline Words pairs_of_four(const double* const* rows, ptrdiff_t j, Wide scale, Wide shift) {
  const auto row = [&](int i, int bits) {
    const Wide sum = multiply_add(at(rows[i] + j), scale, shift);
    return reinterpret_cast<__m512i>(reinterpret_cast<Words>(sum) << bits);
  };
  __m512i all = row(0, 0);
  all = _mm512_mask_blend_epi16(0x22222222, all, row(1, 16));
  all = _mm512_mask_blend_epi16(0x44444444, all, row(2, 32));
  all = _mm512_mask_blend_epi16(0x88888888, all, row(3, 48));
  const auto bytes = reinterpret_cast<Bytes>(all);
  return reinterpret_cast<Words>(__builtin_shufflevector(
      bytes, bytes, 0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15,  //
      16, 17, 24, 25, 18, 19, 26, 27, 20, 21, 28, 29, 22, 23, 30, 31,      //
      32, 33, 40, 41, 34, 35, 42, 43, 36, 37, 44, 45, 38, 39, 46, 47,      //
      48, 49, 56, 57, 50, 51, 58, 59, 52, 53, 60, 61, 54, 55, 62, 63));
}

// 16 rows, 8 columns, in half the instructions: the first assignment of 20000 x 784 with k = 10
// took 0.6 ms less. Short rows come faster from memory four at a time.
inline void transpose_sixteen(const double* const* rows, ptrdiff_t j, const RoughTiles& tiles,
                              std::int32_t* out) {
  const Wide scale = Wide{} + tiles.scale;
  const Wide shift = at(tiles.shift + j);
  Words four[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) four[i] = pairs_of_four(rows + 4 * i, j, scale, shift);
  // The pairs p and p + 2 of two fours of rows.
  const auto two = [](Words a, Words b, auto p) {
    constexpr int first = 2 * decltype(p)::value;
    return __builtin_shufflevector(a, b, first, first + 1, first + 4, first + 5, first + 8,
                                   first + 9, first + 12, first + 13);
  };
  const auto put = [&](int p, Words words) {
    at(out + p * block) = reinterpret_cast<Pairs>(words);
  };
  const auto put_both = [&](auto p) {
    const Words a = two(four[0], four[1], p);
    const Words b = two(four[2], four[3], p);
    put(p, __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13));
    put(p + 2, __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15));
  };
  put_both(std::integral_constant<int, 0>{});
  put_both(std::integral_constant<int, 1>{});
}
#endif

inline void transpose_block(const double* const* rows, const RoughTiles& tiles, std::int32_t* out) {
  const ptrdiff_t d = tiles.d;
  const ptrdiff_t even = d / 8 * 8;
  const auto transpose = [&](ptrdiff_t n, auto pairs) {
    for (ptrdiff_t i = 0; i < block; i += n) {
      for (ptrdiff_t j = 0; j < even; j += 8) pairs(rows + i, j, tiles, out + j / 2 * block + i);
    }
  };
#if defined(__AVX512BW__)
  if (d >= 64) {
    transpose(16, transpose_sixteen);
  } else {
    transpose(4, transpose_four);
  }
#else
  transpose(4, transpose_four);
#endif
  for (ptrdiff_t j = even; j < d; j += 2) {
    for (ptrdiff_t i = 0; i < block; ++i) {
      const std::int16_t first = whole(rows[i][j], tiles.scale, tiles.shift[j]);
      const std::int16_t second =
          j + 1 < d ? whole(rows[i][j + 1], tiles.scale, tiles.shift[j + 1]) : std::int16_t{0};
      out[j / 2 * block + i] = pair(first, second);
    }
  }
}

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
