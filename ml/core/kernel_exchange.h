// What turns rows into lanes, for kernels_*.cpp only (kernel_lanes.h).
#pragma once

#include "lathe/ml/core/kernel_lanes.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

// The lanes of both, those that have the bit `half` changing places with those of the other that
// have not.
template <ptrdiff_t half>
[[maybe_unused]] inline void exchange(Wide& a, Wide& b) {
  const Wide first = a;
  const Wide second = b;
#if defined(__AVX512F__)
  if constexpr (half == 1) {
    a = __builtin_shufflevector(first, second, 0, 8, 2, 10, 4, 12, 6, 14);
    b = __builtin_shufflevector(first, second, 1, 9, 3, 11, 5, 13, 7, 15);
  } else if constexpr (half == 2) {
    a = __builtin_shufflevector(first, second, 0, 1, 8, 9, 4, 5, 12, 13);
    b = __builtin_shufflevector(first, second, 2, 3, 10, 11, 6, 7, 14, 15);
  } else {
    a = __builtin_shufflevector(first, second, 0, 1, 2, 3, 8, 9, 10, 11);
    b = __builtin_shufflevector(first, second, 4, 5, 6, 7, 12, 13, 14, 15);
  }
#elif defined(__AVX2__)
  if constexpr (half == 1) {
    a = __builtin_shufflevector(first, second, 0, 4, 2, 6);
    b = __builtin_shufflevector(first, second, 1, 5, 3, 7);
  } else {
    a = __builtin_shufflevector(first, second, 0, 1, 4, 5);
    b = __builtin_shufflevector(first, second, 2, 3, 6, 7);
  }
#else
  a = __builtin_shufflevector(first, second, 0, 2);
  b = __builtin_shufflevector(first, second, 1, 3);
#endif
}

}  // namespace
}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
