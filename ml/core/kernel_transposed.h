// Rows that become lanes, in doubles or in floats, for kernels_*.cpp only: see kernel_lanes.h.
#pragma once

#include <cstdint>

#include "lathe/ml/core/kernel_lanes.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

// `tile` columns of as many rows; column j of them begins at out + j * stride.
constexpr ptrdiff_t tile_of(const double*) { return width; }
#if defined(__AVX2__)
constexpr ptrdiff_t tile_of(const float*) { return 8; }
#else
constexpr ptrdiff_t tile_of(const float*) { return 4; }
#endif

#if defined(__AVX512F__)
// 3 shuffles for 8 numbers.
inline void transpose(const double* const* rows, ptrdiff_t j, const double* origin, double scale,
                      double* out, ptrdiff_t stride) {
  Wide r[8];
  const Wide shift = at(origin + j) * -scale;
  for (int i = 0; i < 8; ++i) r[i] = multiply_add(at(rows[i] + j), Wide{} + scale, shift);
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
  for (int h = 0; h < 2; ++h, out += stride) {
    const Wide* u = t + 4 * h;
    const Wide a = even(u[0], u[1]);
    const Wide b = even(u[2], u[3]);
    const Wide e = odd(u[0], u[1]);
    const Wide f = odd(u[2], u[3]);
    at(out) = even(a, b);
    at(out + 2 * stride) = even(e, f);
    at(out + 4 * stride) = odd(a, b);
    at(out + 6 * stride) = odd(e, f);
  }
}
#elif defined(__AVX2__)
inline void transpose(const double* const* rows, ptrdiff_t j, const double* origin, double scale,
                      double* out, ptrdiff_t stride) {
  Wide r[4];
  const Wide shift = at(origin + j) * -scale;
  for (int i = 0; i < 4; ++i) r[i] = multiply_add(at(rows[i] + j), Wide{} + scale, shift);
  for (int h = 0; h < 2; ++h, out += stride) {
    const Wide a = h == 0 ? __builtin_shufflevector(r[0], r[1], 0, 4, 2, 6)
                          : __builtin_shufflevector(r[0], r[1], 1, 5, 3, 7);
    const Wide b = h == 0 ? __builtin_shufflevector(r[2], r[3], 0, 4, 2, 6)
                          : __builtin_shufflevector(r[2], r[3], 1, 5, 3, 7);
    at(out) = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    at(out + 2 * stride) = __builtin_shufflevector(a, b, 2, 3, 6, 7);
  }
}
#endif

#if defined(__AVX2__)
using Eight [[gnu::vector_size(32)]] = float;
using LooseEight [[gnu::vector_size(32), gnu::aligned(4), gnu::may_alias]] = float;

inline Eight eight_floats(const double* row, const double* origin, double scale) {
#if defined(__AVX512F__)
  const Wide shift = at(origin) * -scale;
  return __builtin_convertvector(multiply_add(at(row), Wide{} + scale, shift), Eight);
#else
  using Four [[gnu::vector_size(16)]] = float;
  const Wide all = Wide{} + scale;
  const Four a = __builtin_convertvector(multiply_add(at(row), all, at(origin) * -scale), Four);
  const Four b =
      __builtin_convertvector(multiply_add(at(row + 4), all, at(origin + 4) * -scale), Four);
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
#endif
}

// Registers of 32 bytes: the halves of a wider one are written one after the other, which costs no
// more than wide shuffles do.
inline void transpose(const double* const* rows, ptrdiff_t j, const double* origin, double scale,
                      float* out, ptrdiff_t stride) {
  Eight t[8];
  for (int i = 0; i < 8; i += 2) {
    const Eight a = eight_floats(rows[i] + j, origin + j, scale);
    const Eight b = eight_floats(rows[i + 1] + j, origin + j, scale);
    t[i] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
    t[i + 1] = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
  }
  const auto low = [](Eight a, Eight b) {
    return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
  };
  const auto high = [](Eight a, Eight b) {
    return __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
  };
  for (int h = 0; h < 2; ++h, out += 2 * stride) {
    for (int s = 0; s < 2; ++s) {
      const Eight a = s == 0 ? low(t[h], t[h + 2]) : high(t[h], t[h + 2]);
      const Eight b = s == 0 ? low(t[h + 4], t[h + 6]) : high(t[h + 4], t[h + 6]);
      float* to = out + s * stride;
      *reinterpret_cast<LooseEight*>(to) = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
      *reinterpret_cast<LooseEight*>(to + 4 * stride) =
          __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    }
  }
}
#else
template <class Number>
inline void transpose(const double* const* rows, ptrdiff_t j, const double* origin, double scale,
                      Number* out, ptrdiff_t stride) {
  constexpr ptrdiff_t tile = tile_of(static_cast<const Number*>(nullptr));
  for (ptrdiff_t i = 0; i < tile; ++i) {
    for (ptrdiff_t c = 0; c < tile; ++c) {
      out[c * stride + i] = static_cast<Number>((rows[i][j + c] - origin[j + c]) * scale);
    }
  }
}
#endif

// `block` rows of d columns, about the origin and scaled by a power of two, so that x * scale -
// origin * scale is rounded once, as x - origin is: out is d x block.
// between() is called once for each tile.
template <class Number, ptrdiff_t block>
inline void transpose_all(const double* const* rows, ptrdiff_t d, const double* origin,
                          double scale, Number* out, auto&& between) {
  constexpr ptrdiff_t tile = tile_of(static_cast<const Number*>(nullptr));
  static_assert(block % tile == 0);
  const ptrdiff_t whole = d / tile * tile;
  const auto one = [&](ptrdiff_t i, ptrdiff_t j) {
    transpose(rows + i, j, origin, scale, out + j * block + i, block);
    between();
  };
  if (d >= 64) {  // a few rows from end to end, so that the processor sees them coming
    for (ptrdiff_t i = 0; i < block; i += tile) {
      for (ptrdiff_t j = 0; j < whole; j += tile) one(i, j);
    }
  } else {  // lines of the result one after the other
    for (ptrdiff_t j = 0; j < whole; j += tile) {
      for (ptrdiff_t i = 0; i < block; i += tile) one(i, j);
    }
  }
  for (ptrdiff_t j = whole; j < d; ++j) {
    for (ptrdiff_t i = 0; i < block; ++i) {
      out[j * block + i] = static_cast<Number>((rows[i][j] - origin[j]) * scale);
    }
  }
}

}  // namespace
}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
