// Messages as bytes: gRPC would answer UNIMPLEMENTED to those that it cannot read, name no flag for
// those that are too large, and unpack compressed ones without bound. Only transport.cpp includes
// this.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include "lathe/ml/core/error.h"
#include "lathe/proto/inference.grpc.pb.h"  // how gRPC reads messages
#include "lathe/server/compressed.h"
#include "lathe/server/memory.h"
#include "lathe/server/message_size.h"

namespace lathe::server {

using Bytes = grpc::ByteBuffer;

[[noreturn]] inline void refuse_large(const std::string& size, std::size_t most) {
  throw Overloaded(
      "R017", "a request of " + size + " bytes is larger than the limit of " + std::to_string(most),
      "send fewer rows at a time, or raise --max-message-mib");
}

[[noreturn]] inline void refuse_unreadable(const google::protobuf::Descriptor& type) {
  throw InvalidArgument("R019", "the bytes are no " + type.name(),
                        "they must be of the protocol's messages, and text must be UTF-8");
}

// The bytes, if they are in one slice and surely not compressed; else none. They stay those of
// `bytes`: to hold the slice would be an atomic count that threads share.
inline std::string_view plain_bytes(Bytes& bytes) {
  grpc::ProtoBufferReader reader(&bytes);
  const void* data = nullptr;
  int size = 0;
  if (!reader.Next(&data, &size) || static_cast<std::size_t>(size) != bytes.Length()) return {};
  const std::string_view whole(static_cast<const char*>(data), static_cast<std::size_t>(size));
  return is_compressed(whole.substr(0, 2)) ? std::string_view() : whole;
}

// What the bytes are once unpacked, where they are compressed.
inline std::optional<std::string> unpacked(Bytes& bytes, std::size_t most, HeldMemory& held) {
  std::vector<grpc::Slice> slices;
  if (!bytes.Valid() || !bytes.Dump(&slices).ok()) return std::nullopt;
  std::vector<std::string_view> parts;
  std::string beginning;  // which may be in several of them
  for (const grpc::Slice& slice : slices) {
    parts.emplace_back(reinterpret_cast<const char*>(slice.begin()), slice.size());
    if (beginning.size() < 2) beginning += parts.back().substr(0, 2 - beginning.size());
  }
  if (!is_compressed(beginning)) return std::nullopt;
  auto text = unpack(parts, most, held);
  if (!text) refuse_large("more than " + std::to_string(most), most);
  return text;
}

inline constexpr int most_messages = 1 << 17;           // within one
inline constexpr std::size_t never_counted = 64 << 10;  // bytes: they are read without a look

// Adds what the message will take once it is read to `held`. Throws Overloaded (R017, R020), and
// InvalidArgument (R019) for what is no such message.
inline void hold(google::protobuf::io::ZeroCopyInputStream& bytes,
                 const google::protobuf::Descriptor& type, HeldMemory& held) {
  const auto size = size_once_read(bytes, type, {held.limit(), most_messages});
  if (!size) refuse_unreadable(type);
  if (size->messages > most_messages) {
    throw Overloaded("R017",
                     "a request of more than " + std::to_string(most_messages) +
                         " tensors and parameters is larger than the limit",
                     "send one tensor of all columns");
  }
  held.add(size->bytes);
}

// False for what is no such message. Adds what it takes to `held`, and throws as hold().
inline bool parse(std::string_view text, google::protobuf::Message& message, HeldMemory& held) {
  const int size = static_cast<int>(text.size());
  if (text.size() > never_counted) {
    google::protobuf::io::ArrayInputStream stream(text.data(), size);
    hold(stream, *message.GetDescriptor(), held);
  }
  return message.ParseFromArray(text.data(), size);
}
inline bool parse(Bytes& bytes, google::protobuf::Message& message, HeldMemory& held) {
  using Traits = grpc::SerializationTraits<google::protobuf::Message>;
  if (bytes.Length() > never_counted) {
    grpc::ProtoBufferReader stream(&bytes);
    hold(stream, *message.GetDescriptor(), held);
  }
  return Traits::Deserialize(&bytes, &message).ok();
}

// Takes the bytes away, also where it throws: a stream may wait long for its next message. Adds to
// `held` what the message takes. The size of the message, unpacked. Throws Overloaded (R017) past
// `most` bytes, compressed or not, and as hold().
inline std::size_t read_message(Bytes& taken, std::size_t most, google::protobuf::Message& message,
                                HeldMemory& held) {
  message.Clear();
  Bytes bytes;
  bytes.Swap(&taken);
  std::size_t size = bytes.Length();
  if (size > most) refuse_large(std::to_string(size), most);
  bool read = false;
  if (const std::string_view plain = plain_bytes(bytes); !plain.empty()) {
    read = parse(plain, message, held);
  } else if (grpc::Slice whole; bytes.TrySingleSlice(&whole).ok()) {  // as it is not if compressed
    read = parse({reinterpret_cast<const char*>(whole.begin()), whole.size()}, message, held);
  } else if (const auto text = unpacked(bytes, most, held)) {
    const std::size_t of_text = held.bytes();
    size = text->size();
    read = parse(*text, message, held);
    held.set(held.bytes() - of_text);
  } else {
    read = parse(bytes, message, held);
  }
  if (!read) refuse_unreadable(*message.GetDescriptor());
  return size;
}

// A few bytes are within a slice itself: replies of one row need no memory of their own, which one
// thread would take and another give back.
inline constexpr std::size_t in_slice = GRPC_SLICE_INLINED_SIZE;
inline constexpr std::size_t most_in_slices = 3 * in_slice;

inline void write_in_slices(const google::protobuf::MessageLite& message, std::size_t size,
                            Bytes& bytes) {
  std::array<std::uint8_t, most_in_slices> room;
  message.SerializeWithCachedSizesToArray(room.data());
  const auto slice = [&](std::size_t i) {
    const std::size_t begin = std::min(i * in_slice, size);
    return grpc::Slice(room.data() + begin, std::min(in_slice, size - begin));
  };
  const std::array<grpc::Slice, 3> slices = {slice(0), slice(1), slice(2)};
  Bytes whole(slices.data(), std::max<std::size_t>(1, (size + in_slice - 1) / in_slice));
  bytes.Swap(&whole);
}

// Throws Overloaded (R017) for more than protobuf's 2 GiB.
inline void write_message(const google::protobuf::MessageLite& message, Bytes& bytes) {
  const std::size_t size = message.ByteSizeLong();
  constexpr std::size_t most = std::numeric_limits<int>::max();
  if (size > most) {
    throw Overloaded("R017",
                     "a reply of " + std::to_string(size) + " bytes is larger than the limit of " +
                         std::to_string(most),
                     "send fewer rows at a time, or ask for one output");
  }
  if (size <= most_in_slices) return write_in_slices(message, size, bytes);
  const grpc::Slice slice(size);
  message.SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(slice.begin()));
  Bytes whole(&slice, 1);
  bytes.Swap(&whole);
}

}  // namespace lathe::server
