// Rows and centres in whole numbers of 16 bits, for kernels_rough_scores.cpp only: see
// kernel_lanes.h. Rows become lanes, two columns in each.
#pragma once

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

inline std::int32_t pair(std::int16_t first, std::int16_t second) {
  const std::int16_t both[2] = {first, second};
  std::int32_t lane = 0;
  __builtin_memcpy(&lane, both, sizeof lane);
  return lane;
}

// x * scale - q to the nearest whole number, in the low bits of the sum with 1.5 * 2^52 - q.
inline std::int16_t whole(double x, double scale, double shift) {
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

}  // namespace
}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
