// Registers of one instruction level, for kernels_*.cpp only: each is compiled once for each level,
// with LATHE_KERNEL_LEVEL its namespace and LATHE_KERNEL_LEVEL_NAME its name. All in here is
// internal to the file that includes it, so that no two levels share a function.
#pragma once

#include <cstddef>
#include <cstdint>
#if defined(__FMA__)
#include <immintrin.h>
#endif

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

using std::ptrdiff_t;

inline constexpr ptrdiff_t lanes = 8;
[[maybe_unused]] inline constexpr ptrdiff_t cache_line = 64;
using Lanes [[gnu::vector_size(64)]] = double;
using Quad [[gnu::vector_size(32)]] = double;
using Pair [[gnu::vector_size(16)]] = double;

// What is done number by number is done in the widest registers of the level.
#if defined(__AVX512F__)
inline constexpr ptrdiff_t width = 8;
#elif defined(__AVX2__)
inline constexpr ptrdiff_t width = 4;
#else
inline constexpr ptrdiff_t width = 2;
#endif
// A register of numbers, whole numbers of their size, and the same found at any address beside
// plain ones.
template <class Number>
struct Register;
template <>
struct Register<double> {
  static constexpr ptrdiff_t size = width;
  using Numbers [[gnu::vector_size(width * 8)]] = double;
  using Whole [[gnu::vector_size(width * 8)]] = long long;
  using Loose [[gnu::vector_size(width * 8), gnu::aligned(8), gnu::may_alias]] = double;
};
template <>
struct Register<float> {
  static constexpr ptrdiff_t size = 2 * width;
  using Numbers [[gnu::vector_size(width * 8)]] = float;
  using Whole [[gnu::vector_size(width * 8)]] = std::int32_t;
  using Loose [[gnu::vector_size(width * 8), gnu::aligned(4), gnu::may_alias]] = float;
};
template <>
struct Register<std::int32_t> {
  static constexpr ptrdiff_t size = 2 * width;
  using Numbers [[gnu::vector_size(width * 8)]] = std::int32_t;
  using Whole = Numbers;
  using Loose [[gnu::vector_size(width * 8), gnu::aligned(4), gnu::may_alias]] = std::int32_t;
};

using Wide = Register<double>::Numbers;
using Whole = Register<double>::Whole;
using Loose = Register<double>::Loose;

// Not templates: what they would deduce has forgotten that any address will do.
[[maybe_unused]] inline const Register<double>::Loose& at(const double* p) {
  return *reinterpret_cast<const Register<double>::Loose*>(p);
}
[[maybe_unused]] inline Register<double>::Loose& at(double* p) {
  return *reinterpret_cast<Register<double>::Loose*>(p);
}
[[maybe_unused]] inline const Register<float>::Loose& at(const float* p) {
  return *reinterpret_cast<const Register<float>::Loose*>(p);
}
[[maybe_unused]] inline Register<float>::Loose& at(float* p) {
  return *reinterpret_cast<Register<float>::Loose*>(p);
}
[[maybe_unused]] inline const Register<std::int32_t>::Loose& at(const std::int32_t* p) {
  return *reinterpret_cast<const Register<std::int32_t>::Loose*>(p);
}
[[maybe_unused]] inline Register<std::int32_t>::Loose& at(std::int32_t* p) {
  return *reinterpret_cast<Register<std::int32_t>::Loose*>(p);
}

// a * b + c, rounded once where the level has that instruction, twice where it has not. For fits:
// their bits are promised for one level only.
[[maybe_unused]] inline Wide multiply_add(Wide a, Wide b, Wide c) {
#if defined(__AVX512F__)
  return reinterpret_cast<Wide>(_mm512_fmadd_pd(a, b, c));
#elif defined(__FMA__)
  return reinterpret_cast<Wide>(_mm256_fmadd_pd(a, b, c));
#else
  return a * b + c;
#endif
}

[[maybe_unused]] inline Register<float>::Numbers multiply_add(Register<float>::Numbers a,
                                                              Register<float>::Numbers b,
                                                              Register<float>::Numbers c) {
#if defined(__AVX512F__)
  return reinterpret_cast<Register<float>::Numbers>(_mm512_fmadd_ps(a, b, c));
#elif defined(__FMA__)
  return reinterpret_cast<Register<float>::Numbers>(_mm256_fmadd_ps(a, b, c));
#else
  return a * b + c;
#endif
}

// The number at p in all lanes. GCC makes of Wide{} + *p a load and a shuffle, which costs a tenth.
[[maybe_unused]] inline Wide everywhere(const double* p) {
#if defined(__AVX512F__)
  Wide v;
  asm("vbroadcastsd %1, %0" : "=v"(v) : "m"(*p));
  return v;
#else
  return Wide{} + *p;
#endif
}

[[maybe_unused]] inline Wide all(double x) { return x - Wide{}; }

[[maybe_unused]] inline Wide magnitude(Wide a) {
  constexpr long long all_but_sign = 0x7fffffffffffffff;
  return reinterpret_cast<Wide>(reinterpret_cast<Whole>(a) & (Whole{} + all_but_sign));
}

// GCC makes a comparison and a choice of a > b ? a : b, and each row would wait for the one before.
[[maybe_unused]] inline Wide larger(Wide a, Wide b) {
#if defined(__AVX512F__)
  return reinterpret_cast<Wide>(_mm512_maskz_max_pd(0xff, a, b));
#elif defined(__FMA__)
  return reinterpret_cast<Wide>(_mm256_max_pd(a, b));
#else
  return a > b ? a : b;
#endif
}

// -1 in the first n lanes, 0 in the others.
[[maybe_unused]] inline Whole first_lanes(ptrdiff_t n) {
  Whole lane;
  for (ptrdiff_t k = 0; k < width; ++k) lane[k] = k;
  return lane < Whole{} + n;
}

// What is in lanes of 0 comes to 0, NaN too.
[[maybe_unused]] inline Wide masked(Wide a, Whole mask) {
  return reinterpret_cast<Wide>(reinterpret_cast<Whole>(a) & mask);
}

// From p, unless that would run over the end: then what is there, and zeros.
[[maybe_unused]] inline Wide load_within(const double* p, const double* end) {
  if (p + width <= end) return at(p);
  double part[width] = {};
  for (ptrdiff_t k = 0; k < width && p + k < end; ++k) part[k] = p[k];
  return at(part);
}

}  // namespace
}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
