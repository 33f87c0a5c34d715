#include "lathe/server/http/json_tensor.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "lathe/ml/core/error.h"
#include "lathe/server/datatype.h"
#include "lathe/server/text.h"

namespace lathe::server {

namespace {

// Calls visit for each value of data that are nested by the shape, or one list.
class Flattener {
 public:
  Flattener(const JsonInput& input, const std::string& place) : input_(input), place_(place) {}

  template <class Visit>
  void each(const Json& data, const Visit& visit) {
    const bool nested = input_.shape_size() > 0 && !data.empty() && data.front().is_array();
    walk(data, nested ? 0 : -1, visit);
  }

 private:
  template <class Visit>
  void walk(const Json& data, int depth, const Visit& visit) {
    if (depth >= 0) check_extent(data, depth);
    const bool last = depth < 0 || depth + 1 == input_.shape_size();
    for (const Json& element : data) {
      if (last) {
        if (element.is_structured()) refuse_nesting();
        visit(element);
      } else {
        if (!element.is_array()) refuse_nesting();
        walk(element, depth + 1, visit);
      }
    }
  }
  void check_extent(const Json& data, int depth) const {
    const auto extent = static_cast<std::int64_t>(data.size());
    if (extent == input_.shape(depth)) return;
    throw InvalidArgument("R008", place_ + ": a list of " + std::to_string(extent) + " at depth " +
                                      std::to_string(depth + 1) +
                                      " of its data, where its shape says " +
                                      std::to_string(input_.shape(depth)));
  }
  [[noreturn]] void refuse_nesting() const {
    throw InvalidArgument("R008", place_ + ": its data are nested otherwise than its shape says",
                          "one list, or lists within a list as the shape has extents");
  }

  const JsonInput& input_;
  const std::string& place_;
};

template <class T>
void append_bytes(std::string& raw, T value) {
  raw.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// These append an element, or return what is wrong with it.
template <class T>
const char* append_integer(std::string& raw, const Json& value) {
  using Wide = __int128;
  if (!value.is_number_integer()) return "is no integer";
  const Wide wide = value.is_number_unsigned() ? Wide{value.get<std::uint64_t>()}
                                               : Wide{value.get<std::int64_t>()};
  if (wide < Wide{std::numeric_limits<T>::min()} || wide > Wide{std::numeric_limits<T>::max()}) {
    return "is out of the range of its datatype";
  }
  append_bytes(raw, static_cast<T>(wide));
  return nullptr;
}

const char* append_float(std::string& raw, const Json& value) {
  auto single = std::numeric_limits<float>::quiet_NaN();
  if (!value.is_null()) {
    if (!value.is_number()) return "is no number";
    single = static_cast<float>(value.get<double>());
    if (!std::isfinite(single)) return "is out of the range of its datatype";
  }
  append_bytes(raw, single);
  return nullptr;
}

const char* append_bool(std::string& raw, const Json& value) {
  if (!value.is_boolean()) return "is neither true nor false";
  raw += value.get<bool>() ? '\1' : '\0';
  return nullptr;
}

const char* append_element(std::string& raw, const Json& value, DataType type) {
  switch (type) {
    case DataType::BOOL:
      return append_bool(raw, value);
    case DataType::UINT8:
      return append_integer<std::uint8_t>(raw, value);
    case DataType::UINT16:
      return append_integer<std::uint16_t>(raw, value);
    case DataType::UINT32:
      return append_integer<std::uint32_t>(raw, value);
    case DataType::UINT64:
      return append_integer<std::uint64_t>(raw, value);
    case DataType::INT8:
      return append_integer<std::int8_t>(raw, value);
    case DataType::INT16:
      return append_integer<std::int16_t>(raw, value);
    case DataType::INT32:
      return append_integer<std::int32_t>(raw, value);
    case DataType::INT64:
      return append_integer<std::int64_t>(raw, value);
    case DataType::FP32:
      return append_float(raw, value);
    case DataType::FP64:
      return append_number(raw, value);
    case DataType::BYTES:
      return append_text(raw, value);
    case DataType::FP16:
    case DataType::BF16:
      break;
  }
  return "has no form in JSON";  // not reached: read_values refuses those types
}

// What all values of a shape are; -1 where they cannot be counted, which the core refuses.
std::int64_t values_of(const JsonInput& input) {
  std::int64_t count = 1;
  for (const std::int64_t extent : input.shape()) {
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count)) return -1;
  }
  return count;
}

template <class T>
void write_as(const std::string& raw, std::string& out) {
  for (std::size_t at = 0; at + sizeof(T) <= raw.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, raw.data() + at, sizeof value);
    if (at > 0) out += ',';
    append_json(out, value);
  }
}

}  // namespace

void refuse_value(const std::string& place, const Json& value, std::string_view rule) {
  const std::string shown = value.is_structured() ? std::string(kind_of(value)) : value.dump();
  throw InvalidArgument("R010",
                        place + ": " + std::string(shortened(shown, 40)) + " " + std::string(rule));
}

const char* append_number(std::string& raw, const Json& value) {
  if (!value.is_number() && !value.is_null()) return "is no number";
  append_bytes(raw,
               value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
  return nullptr;
}

const char* append_text(std::string& raw, const Json& value) {
  if (!value.is_string() && !value.is_null()) return "is no text";
  const std::string_view text =
      value.is_null() ? std::string_view() : value.get_ref<const std::string&>();
  append_bytes(raw, static_cast<std::uint32_t>(text.size()));
  raw += text;
  return nullptr;
}

std::string_view next_raw_text(std::string_view& raw) {
  std::uint32_t length = 0;
  std::memcpy(&length, raw.data(), sizeof length);
  const std::string_view text = raw.substr(sizeof length, length);
  raw.remove_prefix(sizeof length + length);
  return text;
}

std::string read_values(const Json& data, const JsonInput& input, const std::string& place) {
  const TypeInfo* info = find_type(input.datatype());
  if (info == nullptr) return {};  // the core says so
  if (info->type == DataType::FP16 || info->type == DataType::BF16) {
    throw InvalidArgument("R005", place + " has the datatype " + input.datatype() +
                                      ", which has no form in JSON: send it binary");
  }
  std::string raw;
  raw.reserve(std::min<std::size_t>(data.size(), std::size_t{1} << 20) * info->bytes);
  std::int64_t count = 0;
  Flattener(input, place).each(data, [&](const Json& value) {
    if (const char* wrong = append_element(raw, value, info->type)) {
      refuse_value(place + ", element " + std::to_string(count), value, wrong);
    }
    ++count;
  });
  const std::int64_t expected = values_of(input);
  if (expected >= 0 && count != expected) {
    throw InvalidArgument("R008", place + " has " + std::to_string(count) +
                                      " values, where its shape says " + std::to_string(expected));
  }
  return raw;
}

void write_values(const std::string& datatype, const std::string& raw, std::string& out) {
  if (datatype == "FP64") return write_as<double>(raw, out);
  if (datatype == "INT64") return write_as<std::int64_t>(raw, out);
  std::string_view rest = raw;
  while (!rest.empty()) {
    if (rest.size() < raw.size()) out += ',';
    append_json(out, next_raw_text(rest));
  }
}

}  // namespace lathe::server
