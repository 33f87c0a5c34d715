#include "lathe/server/datatype.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace lathe::server {

namespace {

// The usual ones first.
constexpr std::array types = {
    TypeInfo{"FP64", DataType::FP64, 8},     TypeInfo{"FP32", DataType::FP32, 4},
    TypeInfo{"INT64", DataType::INT64, 8},   TypeInfo{"INT32", DataType::INT32, 4},
    TypeInfo{"BYTES", DataType::BYTES, 0},   TypeInfo{"BOOL", DataType::BOOL, 1},
    TypeInfo{"INT8", DataType::INT8, 1},     TypeInfo{"INT16", DataType::INT16, 2},
    TypeInfo{"UINT8", DataType::UINT8, 1},   TypeInfo{"UINT16", DataType::UINT16, 2},
    TypeInfo{"UINT32", DataType::UINT32, 4}, TypeInfo{"UINT64", DataType::UINT64, 8},
    TypeInfo{"FP16", DataType::FP16, 2},     TypeInfo{"BF16", DataType::BF16, 2},
};

}  // namespace

const TypeInfo* find_type(std::string_view name) {
  for (const TypeInfo& info : types) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

// IEEE 754 half precision: 1 sign, 5 exponent (bias 15), 10 fraction bits.
double from_half(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1F;
  const int fraction = bits & 0x3FF;
  double value = 0.0;
  if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else if (exponent < 31) {
    value = std::ldexp(fraction + 1024, exponent - 25);
  } else {
    value = fraction == 0 ? std::numeric_limits<double>::infinity()
                          : std::numeric_limits<double>::quiet_NaN();
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

double from_bfloat(std::uint16_t bits) {  // the upper half of a float
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

}  // namespace lathe::server
