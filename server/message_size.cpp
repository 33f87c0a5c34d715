#include "lathe/server/message_size.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

namespace lathe::server {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using Wire = google::protobuf::internal::WireFormatLite;

// On an arena a list that grows leaves its smaller arrays behind: twice what it has room for, which
// is up to twice what it needs.
constexpr std::size_t growth = 4;
constexpr std::size_t place = sizeof(void*) * growth;
constexpr std::size_t of_message = 224 + place;
constexpr std::size_t of_unknown = 16 * growth;  // they are kept
constexpr std::size_t of_group = of_unknown + 48;

std::size_t of_text(int size) {
  constexpr int within = 15;
  const std::size_t on_heap = size > within ? static_cast<std::size_t>(size) + 32 : 0;
  return sizeof(std::string) + place + on_heap;
}

std::size_t of_number(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return growth;
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_ENUM:
      return 4 * growth;
    default:
      return 8 * growth;
  }
}

class Counter {
 public:
  Counter(google::protobuf::io::ZeroCopyInputStream& bytes, const MessageSize& most)
      : in_(&bytes), most_(most), size_{.bytes = 2 * of_message} {}

  const MessageSize& size() const { return size_; }
  bool is_past() const { return size_.bytes > most_.bytes || size_.messages > most_.messages; }

  // False where it is no message, and where the limit is past.
  bool message(const Descriptor& type) {
    int groups = 0;  // that are open; no field of ours is within one
    while (const std::uint32_t tag = in_.ReadTag()) {
      if (is_past()) return false;
      const auto wire = Wire::GetTagWireType(tag);
      if (wire == Wire::WIRETYPE_START_GROUP) {
        ++groups;
        size_.bytes += of_group;
      } else if (wire == Wire::WIRETYPE_END_GROUP) {
        if (--groups < 0) return false;
      } else if (wire != Wire::WIRETYPE_LENGTH_DELIMITED) {
        size_.bytes += of_unknown;  // or a number, which takes less
        if (!Wire::SkipField(&in_, tag)) return false;
      } else {
        const auto* const field = type.FindFieldByNumber(Wire::GetTagFieldNumber(tag));
        if (!text(groups == 0 ? field : nullptr)) return false;
      }
    }
    return groups == 0 && in_.ConsumedEntireMessage();
  }

 private:
  // What has a length: text, a message, or packed numbers. Null: a field that is unknown.
  bool text(const FieldDescriptor* field) {
    int size = 0;
    if (!in_.ReadVarintSizeAsInt(&size)) return false;
    if (field == nullptr) {
      size_.bytes += of_unknown + of_text(size);
      return in_.Skip(size);
    }
    if (field->message_type() != nullptr) return inner(*field->message_type(), size);
    if (field->is_packable()) return numbers(*field, size);
    size_.bytes += of_text(size);
    return in_.Skip(size);
  }

  bool inner(const Descriptor& type, int size) {
    size_.bytes += of_message;
    ++size_.messages;
    const auto outer = in_.PushLimit(size);
    if (!message(type)) return false;
    in_.PopLimit(outer);
    return true;
  }

  bool numbers(const FieldDescriptor& field, int size) {
    const auto type = field.cpp_type();
    if (type == FieldDescriptor::CPPTYPE_DOUBLE || type == FieldDescriptor::CPPTYPE_FLOAT) {
      size_.bytes += growth * static_cast<std::size_t>(size);
      return in_.Skip(size);
    }
    const void* data = nullptr;
    for (int here = 0; size > 0; size -= here) {
      if (!in_.GetDirectBufferPointer(&data, &here)) return false;
      here = std::min(here, size);
      const auto* const bytes = static_cast<const std::int8_t*>(data);
      const auto ends = std::count_if(bytes, bytes + here, [](std::int8_t b) { return b >= 0; });
      size_.bytes += of_number(field) * static_cast<std::size_t>(ends);
      in_.Skip(here);
    }
    return true;
  }

  google::protobuf::io::CodedInputStream in_;
  MessageSize most_;
  MessageSize size_;
};

}  // namespace

std::optional<MessageSize> size_once_read(google::protobuf::io::ZeroCopyInputStream& bytes,
                                          const Descriptor& type, const MessageSize& most) {
  Counter counter(bytes, most);
  if (!counter.message(type) && !counter.is_past()) return std::nullopt;
  return counter.size();
}

}  // namespace lathe::server
