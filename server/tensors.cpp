#include "lathe/server/tensors.h"

#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

#include "lathe/ml/core/error.h"
#include "lathe/server/text.h"

namespace lathe::server {

using inference::InferTensorContents;
using inference::ModelInferRequest;

static_assert(std::endian::native == std::endian::little, "raw tensors are little-endian");

namespace {

// How many values each field of typed contents holds, and the field of a datatype.
struct Typed {
  int expected;       // values in the datatype's field
  int all;            // values in all fields
  const char* field;  // its name; null where a datatype has none
};

Typed typed_sizes(const InferTensorContents& contents, DataType type) {
  const std::array sizes = {contents.bool_contents_size(),   contents.int_contents_size(),
                            contents.int64_contents_size(),  contents.uint_contents_size(),
                            contents.uint64_contents_size(), contents.fp32_contents_size(),
                            contents.fp64_contents_size(),   contents.bytes_contents_size()};
  int all = 0;
  for (const int size : sizes) all += size;
  switch (type) {
    case DataType::BOOL:
      return {sizes[0], all, "bool_contents"};
    case DataType::INT8:
    case DataType::INT16:
    case DataType::INT32:
      return {sizes[1], all, "int_contents"};
    case DataType::INT64:
      return {sizes[2], all, "int64_contents"};
    case DataType::UINT8:
    case DataType::UINT16:
    case DataType::UINT32:
      return {sizes[3], all, "uint_contents"};
    case DataType::UINT64:
      return {sizes[4], all, "uint64_contents"};
    case DataType::FP32:
      return {sizes[5], all, "fp32_contents"};
    case DataType::FP64:
      return {sizes[6], all, "fp64_contents"};
    case DataType::BYTES:
      return {sizes[7], all, "bytes_contents"};
    case DataType::FP16:
    case DataType::BF16:
      break;
  }
  return {0, all, nullptr};
}

[[noreturn]] void refuse_value(const Tensor& tensor, Index element, const std::string& value,
                               const std::string& rule) {
  throw InvalidArgument(
      "R010", tensor.label() + ", element " + std::to_string(element) + ": " + value + " " + rule);
}

// `values(i)` is element i in the type it came in.
template <class Values>
void convert(const Tensor& tensor, Index count, const Values& values, double* out, Index stride) {
  for (Index i = 0; i < count; ++i) {
    const auto value = values(i);
    const auto number = static_cast<double>(value);
    if constexpr (std::is_integral_v<decltype(value)> && sizeof(value) == 8) {
      using Wide = __int128;
      if (static_cast<Wide>(number) != static_cast<Wide>(value)) {
        refuse_value(tensor, i, std::to_string(value), "is not exact as a double");
      }
    }
    out[i * stride] = number;
  }
}

template <class T>
void convert_raw(const Tensor& tensor, const std::string& raw, double* out, Index stride) {
  const auto value = [&raw](Index i) {
    T element;  // raw bytes need not be aligned
    std::memcpy(&element, raw.data() + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
    return element;
  };
  convert(tensor, static_cast<Index>(raw.size() / sizeof(T)), value, out, stride);
}

template <class T, class Field>
void convert_typed(const Tensor& tensor, const Field& field, double* out, Index stride) {
  using Element = std::remove_cvref_t<decltype(field[0])>;
  const auto value = [&](Index i) -> Element {
    const Element element = field[static_cast<int>(i)];
    if constexpr (sizeof(T) < sizeof(Element)) {  // INT8 travels as int32
      if (static_cast<Element>(static_cast<T>(element)) != element) {
        refuse_value(tensor, i, std::to_string(element),
                     "is out of the range of " + tensor.datatype());
      }
    }
    return element;
  };
  convert(tensor, field.size(), value, out, stride);
}

}  // namespace

Tensor::Tensor(const ModelInferRequest& request, int index)
    : input_(&request.inputs(index)),
      raw_(request.raw_input_contents_size() > 0 ? &request.raw_input_contents(index) : nullptr) {
  const TypeInfo* info = find_type(datatype());
  if (info == nullptr) {
    throw InvalidArgument("R005",
                          label() + " has the datatype " + in_quotes(datatype()) +
                              ", which the protocol does not have",
                          "such as FP64, FP32, INT64, INT32, BOOL or BYTES");
  }
  type_ = info->type;
  raw_bytes_ = info->bytes;
  check_shape();
  if (raw_ != nullptr) {
    check_raw_size();
  } else {
    check_typed_size();
  }
}

std::string Tensor::label() const { return "input " + in_quotes(name()); }

void Tensor::check_shape() {
  const auto refuse = [this](const char* rule) {
    std::string shape;
    for (const std::int64_t extent : input_->shape()) {
      if (shape.size() < 100) shape += (shape.empty() ? "" : ", ") + std::to_string(extent);
    }
    throw InvalidArgument("R006", label() + " has the shape [" + shape + "]: " + rule,
                          "[rows, columns], or [rows] for one column");
  };
  if (dims() < 1 || dims() > 2) refuse("it must have 1 or 2 extents");
  rows_ = input_->shape(0);
  cols_ = dims() == 2 ? input_->shape(1) : 1;
  if (rows_ < 0 || cols_ < 0) refuse("no extent may be negative");
  Index bytes = 0;
  if (__builtin_mul_overflow(rows_, cols_, &bytes) || __builtin_mul_overflow(bytes, 8, &bytes)) {
    refuse("it is too large");
  }
}

void Tensor::check_raw_size() const {
  if (input_->has_contents() && typed_sizes(input_->contents(), type_).all > 0) {
    throw InvalidArgument(
        "R007", label() + " has contents and raw_input_contents: only one of them may be there");
  }
  if (raw_bytes_ == 0) return;  // BYTES: read to see
  const std::size_t expected = static_cast<std::size_t>(rows_ * cols_) * raw_bytes_;
  if (raw_->size() != expected) {
    throw InvalidArgument("R008", label() + " has " + std::to_string(raw_->size()) +
                                      " raw bytes: " + std::to_string(rows_) + " x " +
                                      std::to_string(cols_) + " of " + datatype() + " take " +
                                      std::to_string(expected));
  }
}

void Tensor::check_typed_size() const {
  const Typed typed = typed_sizes(input_->contents(), type_);
  if (typed.field == nullptr) {
    throw InvalidArgument("R005", label() + " has the datatype " + datatype() +
                                      ", which has no typed contents: send it raw");
  }
  if (typed.expected != rows_ * cols_ || typed.all != typed.expected) {
    throw InvalidArgument(
        "R008", label() + " has " + std::to_string(typed.expected) + " values in " + typed.field +
                    " and " + std::to_string(typed.all - typed.expected) + " elsewhere: " +
                    std::to_string(rows_) + " x " + std::to_string(cols_) + " of " + datatype() +
                    " are " + std::to_string(rows_ * cols_) + " in " + typed.field);
  }
}

const double* Tensor::in_place() const {
  if (type_ != DataType::FP64) return nullptr;
  if (raw_ == nullptr) return input_->contents().fp64_contents().data();
  const char* data = raw_->data();
  // Reading doubles through a misaligned pointer is undefined; such a request is copied.
  if (reinterpret_cast<std::uintptr_t>(data) % alignof(double) != 0) return nullptr;
  return reinterpret_cast<const double*>(data);
}

void Tensor::copy_to(double* out, Index stride) const {
  const InferTensorContents& typed = input_->contents();
  const auto copy = [&]<class T>(T, const auto& field) {
    if (raw_ != nullptr) {
      convert_raw<T>(*this, *raw_, out, stride);
    } else {
      convert_typed<T>(*this, field, out, stride);
    }
  };
  const auto copy_halves = [&](double (*widen)(std::uint16_t)) {
    convert_raw<std::uint16_t>(*this, *raw_, out, stride);
    for (Index i = 0; i < rows_ * cols_; ++i) {
      out[i * stride] = widen(static_cast<std::uint16_t>(out[i * stride]));
    }
  };
  switch (type_) {
    case DataType::BOOL:
      if (raw_ != nullptr) {  // any byte but 0 is true
        convert_raw<std::uint8_t>(*this, *raw_, out, stride);
        for (Index i = 0; i < rows_ * cols_; ++i) out[i * stride] = out[i * stride] != 0.0;
      } else {
        convert_typed<bool>(*this, typed.bool_contents(), out, stride);
      }
      return;
    case DataType::UINT8:
      return copy(std::uint8_t{}, typed.uint_contents());
    case DataType::UINT16:
      return copy(std::uint16_t{}, typed.uint_contents());
    case DataType::UINT32:
      return copy(std::uint32_t{}, typed.uint_contents());
    case DataType::UINT64:
      return copy(std::uint64_t{}, typed.uint64_contents());
    case DataType::INT8:
      return copy(std::int8_t{}, typed.int_contents());
    case DataType::INT16:
      return copy(std::int16_t{}, typed.int_contents());
    case DataType::INT32:
      return copy(std::int32_t{}, typed.int_contents());
    case DataType::INT64:
      return copy(std::int64_t{}, typed.int64_contents());
    case DataType::FP32:
      return copy(float{}, typed.fp32_contents());
    case DataType::FP64:
      return copy(double{}, typed.fp64_contents());
    case DataType::FP16:
      return copy_halves(from_half);
    case DataType::BF16:
      return copy_halves(from_bfloat);
    case DataType::BYTES:
      break;  // has texts(), no numbers
  }
}

std::vector<std::string_view> Tensor::texts() const {
  const auto count = static_cast<std::size_t>(rows_ * cols_);
  std::vector<std::string_view> found;
  if (raw_ == nullptr) {
    const auto& typed = input_->contents().bytes_contents();
    found.assign(typed.begin(), typed.end());
    return found;
  }
  std::string_view rest = *raw_;
  const auto take = [&](std::size_t bytes) {
    if (rest.size() < bytes) {
      throw InvalidArgument("R009", label() + ": raw bytes end within element " +
                                        std::to_string(found.size()) + " of " +
                                        std::to_string(count));
    }
    const std::string_view taken = rest.substr(0, bytes);
    rest.remove_prefix(bytes);
    return taken;
  };
  found.reserve(std::min(count, rest.size() / 4));
  while (found.size() < count) {
    std::uint32_t length = 0;
    std::memcpy(&length, take(sizeof length).data(), sizeof length);
    found.push_back(take(length));
  }
  if (!rest.empty()) {
    throw InvalidArgument("R009", label() + ": " + std::to_string(rest.size()) +
                                      " raw bytes are left over after " + std::to_string(count) +
                                      " elements");
  }
  return found;
}

}  // namespace lathe::server
