// The protocol's datatypes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lathe::server {

enum class DataType {
  BOOL,
  UINT8,
  UINT16,
  UINT32,
  UINT64,
  INT8,
  INT16,
  INT32,
  INT64,
  FP16,
  BF16,
  FP32,
  FP64,
  BYTES,
};

struct TypeInfo {
  std::string_view name;
  DataType type;
  std::size_t bytes;  // of an element in raw form; 0: as long as it says
};

const TypeInfo* find_type(std::string_view name);  // null if there is none

double from_half(std::uint16_t bits);    // FP16
double from_bfloat(std::uint16_t bits);  // BF16

}  // namespace lathe::server
