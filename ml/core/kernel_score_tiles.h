// Scores of rows that are lanes against tiles of centres, for kernels_*scores.cpp only: see
// kernel_lanes.h. Three registers of rows (48 numbers of 4 bytes with AVX-512) are held against a
// tile of centres: each number of a centre is broadcast once for three multiply-adds, and the
// scores stay in registers.
#pragma once

#include "lathe/ml/core/kernel_fetch.h"
#include "lathe/ml/core/kernel_lanes.h"
#include "lathe/ml/core/kernel_transposed.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

inline constexpr ptrdiff_t registers = 3;
#if defined(__AVX512F__)
inline constexpr ptrdiff_t most = 8;  // centres of a tile: 24 of 32 registers hold scores
#elif defined(__AVX2__)
inline constexpr ptrdiff_t most = 4;  // 12 of 16
#else
inline constexpr ptrdiff_t most = 3;  // 9 of 16: products need a register of their own
#endif

template <class Number>
constexpr ptrdiff_t block_of = registers* Register<Number>::size;  // rows at a time

inline Register<float>::Numbers everywhere(const float* p) {
#if defined(__AVX512F__)
  Register<float>::Numbers v;
  asm("vbroadcastss %1, %0" : "=v"(v) : "m"(*p));
  return v;
#else
  return Register<float>::Numbers{} + *p;
#endif
}
inline Register<std::int32_t>::Numbers everywhere(const std::int32_t* p) {
#if defined(__AVX512F__)
  Register<std::int32_t>::Numbers v;
  asm("vpbroadcastd %1, %0" : "=v"(v) : "m"(*p));
  return v;
#else
  return Register<std::int32_t>::Numbers{} + *p;
#endif
}

// Lane by lane; what runs over begins anew, as in the instructions that add products.
inline Register<std::int32_t>::Numbers sum_of(Register<std::int32_t>::Numbers a,
                                              Register<std::int32_t>::Numbers b) {
  using Numbers = Register<std::int32_t>::Numbers;
  using Unsigned [[gnu::vector_size(sizeof(Numbers))]] = std::uint32_t;
  return reinterpret_cast<Numbers>(reinterpret_cast<Unsigned>(a) + reinterpret_cast<Unsigned>(b));
}

// A lane is two numbers of 16 bits, and the sum of their products.
inline Register<std::int32_t>::Numbers multiply_add(Register<std::int32_t>::Numbers a,
                                                    Register<std::int32_t>::Numbers b,
                                                    Register<std::int32_t>::Numbers c) {
  using Numbers = Register<std::int32_t>::Numbers;
#if defined(__AVX512VNNI__)
  return reinterpret_cast<Numbers>(_mm512_dpwssd_epi32(
      reinterpret_cast<__m512i>(c), reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX512BW__)
  return sum_of(c, reinterpret_cast<Numbers>(_mm512_madd_epi16(reinterpret_cast<__m512i>(a),
                                                               reinterpret_cast<__m512i>(b))));
#elif defined(__AVX2__)
  return sum_of(c, reinterpret_cast<Numbers>(_mm256_madd_epi16(reinterpret_cast<__m256i>(a),
                                                               reinterpret_cast<__m256i>(b))));
#elif defined(__SSE2__)
  return sum_of(c, reinterpret_cast<Numbers>(
                       _mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b))));
#else
  const auto low = [](Numbers v) {
    using Unsigned [[gnu::vector_size(sizeof(Numbers))]] = std::uint32_t;
    return reinterpret_cast<Numbers>(reinterpret_cast<Unsigned>(v) << 16) >> 16;
  };
  return sum_of(c, sum_of(low(a) * low(b), (a >> 16) * (b >> 16)));
#endif
}

// The size of tile that leaves the fewest empty places, the larger of two: 5 for 10, 8 for 16.
inline ptrdiff_t tile_for(ptrdiff_t k) {
  ptrdiff_t best = k < most ? k : most;
  const auto places = [k](ptrdiff_t size) { return (k + size - 1) / size * size; };
  for (ptrdiff_t size = best; 2 * size > most; --size) {
    if (places(size) < places(best)) best = size;
  }
  return best;
}

// d numbers of each centre and one that its score begins with.
inline ptrdiff_t packed_size(ptrdiff_t k, ptrdiff_t d) {
  const ptrdiff_t tile = tile_for(k);
  return (k + tile - 1) / tile * tile * (d + 1);
}

// A block of rows, d numbers each, that can begin at the start of a register.
template <class Number>
inline ptrdiff_t block_size(ptrdiff_t d) {
  return block_of<Number> * d + Register<Number>::size;
}
template <class Number>
inline Number* block_in(Number* work) {
  return reinterpret_cast<Number*>((reinterpret_cast<std::uintptr_t>(work) + sizeof(Wide) - 1) /
                                   sizeof(Wide) * sizeof(Wide));
}

// f.operator()<K>() for the K that is `tile`.
inline void with_tile(ptrdiff_t tile, auto&& f) {
  switch (tile) {
#if defined(__AVX512F__)
    case 8:
      return f.template operator()<8>();
    case 7:
      return f.template operator()<7>();
    case 6:
      return f.template operator()<6>();
    case 5:
      return f.template operator()<5>();
#endif
#if defined(__AVX2__)
    case 4:
      return f.template operator()<4>();
#endif
    case 3:
      return f.template operator()<3>();
    case 2:
      return f.template operator()<2>();
    default:
      return f.template operator()<1>();
  }
}

// The scores of one packed tile of K centres.
template <ptrdiff_t K, class Number>
inline void score_tile(const Number* x, ptrdiff_t d, const Number* packed, auto& fetch,
                       typename Register<Number>::Numbers (&score)[K][registers]) {
  using Numbers = typename Register<Number>::Numbers;
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
    for (ptrdiff_t g = 0; g < registers; ++g) here[g] = at(x + g * Register<Number>::size);
#pragma GCC unroll 8
    for (ptrdiff_t c = 0; c < K; ++c) {
      const Numbers centre = everywhere(packed + c);
#pragma GCC unroll 3
      for (ptrdiff_t g = 0; g < registers; ++g) {
        score[c][g] = multiply_add(here[g], centre, score[c][g]);
      }
    }
  }
}

// The sums of squares of each row.
template <class Number>
inline void square(const Number* x, ptrdiff_t d, Number* norms) {
  typename Register<Number>::Numbers norm[registers] = {};
  for (ptrdiff_t j = 0; j < d; ++j, x += block_of<Number>) {
#pragma GCC unroll 3
    for (ptrdiff_t g = 0; g < registers; ++g) {
      const auto here = at(x + g * Register<Number>::size);
      norm[g] = multiply_add(here, here, norm[g]);
    }
  }
  for (ptrdiff_t g = 0; g < registers; ++g) at(norms + g * Register<Number>::size) = norm[g];
}

// Blocks of the rows, the last row again where there are no more: find(here, fetch, i, left) for
// those from i on. While these are at work, the next ones come from memory: a pass over 50000 x 128
// with k = 100 went from 9.1 ms to 7.4 in floats.
template <class Number>
inline void each_block(const double* const* rows, ptrdiff_t n, ptrdiff_t ahead, ptrdiff_t d,
                       ptrdiff_t fetches, auto&& find) {
  constexpr ptrdiff_t block = block_of<Number>;
  for (ptrdiff_t i = 0; i < n; i += block) {
    const double* padded[block];
    const double* const* here = rows + i;
    if (i + block > n) {
      for (ptrdiff_t r = 0; r < block; ++r) padded[r] = rows[i + r < n ? i + r : n - 1];
      here = padded;
    }
    const ptrdiff_t left = n - i < block ? n - i : block;
    if (d >= 64) {
      const ptrdiff_t next = i + block;
      const ptrdiff_t known = n + ahead - next < block ? n + ahead - next : block;
      find(here, Fetch(rows + next, known, d, fetches), i, left);
    } else {
      find(here, NoFetch{}, i, left);
    }
  }
}

}  // namespace
}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
