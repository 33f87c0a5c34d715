// The exponential of a register, for kernels_*.cpp only (kernel_lanes.h).
#pragma once

#include "lathe/ml/core/kernel_lanes.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

// exp(x): x = k ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite 1980), the Taylor polynomial of
// degree 13 at r (its remainder is below 5e-18), times 2^k in two halves so that subnormal results
// round once. The system's exp is not used: its last bit depends on the processor. Within 1 ulp.
[[maybe_unused]] inline Wide exp_of(Wide given) {
  constexpr double round_shift = 0x1.8p52;  // adding it leaves the nearest integer in the low bits
  constexpr double ln2_high = 0x1.62e42feep-1;  // 32 bits: its product with k is exact
  constexpr double ln2_low = 0x1.a39ef35793c76p-33;
  // Outside, the result is 0 or infinity anyway; NaN compares false and stays.
  Wide bounded = given < -746.0 ? Wide{} - 746.0 : given;
  bounded = bounded > 710.0 ? Wide{} + 710.0 : bounded;
  const Wide shifted = bounded * 0x1.71547652b82fep0 + round_shift;
  const Wide k = shifted - round_shift;
  const Wide r = (bounded - k * ln2_high) - k * ln2_low;
  Wide p = Wide{} + 1.0 / 6227020800.0;
  constexpr double coefficients[] = {1.0 / 479001600.0,
                                     1.0 / 39916800.0,
                                     1.0 / 3628800.0,
                                     1.0 / 362880.0,
                                     1.0 / 40320.0,
                                     1.0 / 5040.0,
                                     1.0 / 720.0,
                                     1.0 / 120.0,
                                     1.0 / 24.0,
                                     1.0 / 6.0,
                                     0.5};
  for (const double c : coefficients) p = p * r + c;
  const Wide grown = 1.0 + (r + (r * r) * p);
  // The integer k stands in the low bits of `shifted`; 2^half is built in the exponent field.
  const Whole integer = (reinterpret_cast<Whole>(shifted) << 32) >> 32;
  const Whole half = integer >> 1;
  const Whole first = (half + 1023) << 52;
  const Whole second = (integer - half + 1023) << 52;
  const Wide result = (grown * reinterpret_cast<Wide>(first)) * reinterpret_cast<Wide>(second);
  return given == given ? result : given;
}

}  // namespace
}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
