// Messages as bytes: gRPC would answer UNIMPLEMENTED to those that it cannot read, name no flag for
// those that are too large, and unpack compressed ones without bound. Only transport.cpp includes
// this.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/grpcpp.h>

#include "lathe/ml/core/error.h"
#include "lathe/proto/inference.grpc.pb.h"  // how gRPC reads messages
#include "lathe/server/compressed.h"

namespace lathe::server {

using Bytes = grpc::ByteBuffer;

[[noreturn]] inline void refuse_large(const std::string& size, std::size_t most) {
  throw Overloaded(
      "R017", "a request of " + size + " bytes is larger than the limit of " + std::to_string(most),
      "send fewer rows at a time, or raise --max-message-mib");
}

// Not for some that do: of those in several slices nobody knows yet whether they are compressed.
inline bool surely_holds_at_most(std::size_t most, const Bytes& bytes) {
  grpc::Slice whole;
  return bytes.Length() <= most && bytes.TrySingleSlice(&whole).ok();
}

// What the bytes are once unpacked, where they are compressed.
inline std::optional<std::string> unpacked(Bytes& bytes, std::size_t most) {
  std::vector<grpc::Slice> slices;
  if (!bytes.Valid() || !bytes.Dump(&slices).ok()) return std::nullopt;
  std::vector<std::string_view> parts;
  std::string beginning;  // which may be in several of them
  for (const grpc::Slice& slice : slices) {
    parts.emplace_back(reinterpret_cast<const char*>(slice.begin()), slice.size());
    if (beginning.size() < 2) beginning += parts.back().substr(0, 2 - beginning.size());
  }
  if (!is_compressed(beginning)) return std::nullopt;
  auto text = unpack(parts, most);
  if (!text) refuse_large("more than " + std::to_string(most), most);
  return text;
}

// Reads past a message of this type, and takes those within it off `left`. False where they are
// more than that, and where it cannot be read.
inline bool count_messages(google::protobuf::io::CodedInputStream& in,
                           const google::protobuf::Descriptor& type, int& left) {
  using Wire = google::protobuf::internal::WireFormatLite;
  while (const std::uint32_t tag = in.ReadTag()) {
    const auto* const field = type.FindFieldByNumber(Wire::GetTagFieldNumber(tag));
    if (field == nullptr || field->message_type() == nullptr ||
        Wire::GetTagWireType(tag) != Wire::WIRETYPE_LENGTH_DELIMITED) {
      if (!Wire::SkipField(&in, tag)) return false;
      continue;
    }
    int size = 0;
    if (--left < 0 || !in.ReadVarintSizeAsInt(&size)) return false;
    const auto end = in.PushLimit(size);
    if (!count_messages(in, *field->message_type(), left)) return false;
    in.PopLimit(end);
  }
  return in.ConsumedEntireMessage();
}

inline constexpr int most_messages = 1 << 17;  // within one; each has two bytes or more

// Two bytes are an empty tensor, which takes 200 once it is read: the limit of bytes is none of
// memory. Throws Overloaded (R017).
inline void refuse_many_messages(google::protobuf::io::ZeroCopyInputStream& bytes,
                                 const google::protobuf::Descriptor& type) {
  int left = most_messages;
  google::protobuf::io::CodedInputStream in(&bytes);
  count_messages(in, type, left);
  if (left >= 0) return;  // what cannot be read is for the parser to refuse
  throw Overloaded("R017",
                   "a request of more than " + std::to_string(most_messages) +
                       " tensors and parameters is larger than the limit",
                   "send one tensor of all columns");
}

inline bool may_hold_many_messages(std::size_t size) {
  return size > std::size_t{2} * most_messages;
}

// False for what is no such message. Throws as above.
inline bool parse(std::string_view text, google::protobuf::Message& message) {
  const int size = static_cast<int>(text.size());
  if (may_hold_many_messages(text.size())) {
    google::protobuf::io::ArrayInputStream stream(text.data(), size);
    refuse_many_messages(stream, *message.GetDescriptor());
  }
  return message.ParseFromArray(text.data(), size);
}
inline bool parse(Bytes& bytes, google::protobuf::Message& message) {
  using Traits = grpc::SerializationTraits<google::protobuf::Message>;
  if (may_hold_many_messages(bytes.Length())) {
    grpc::ProtoBufferReader stream(&bytes);
    refuse_many_messages(stream, *message.GetDescriptor());
  }
  return Traits::Deserialize(&bytes, &message).ok();
}

// Takes the bytes away, also where it throws: a stream may wait long for its next message. Throws
// Overloaded (R017) past `most` bytes, compressed or not, and InvalidArgument (R019) for what is no
// such message.
inline void read_message(Bytes& taken, std::size_t most, google::protobuf::Message& message) {
  message.Clear();
  Bytes bytes;
  bytes.Swap(&taken);
  const std::size_t size = bytes.Length();
  if (size > most) refuse_large(std::to_string(size), most);
  bool read = false;
  if (grpc::Slice whole; bytes.TrySingleSlice(&whole).ok()) {  // which it is only if not compressed
    read = parse({reinterpret_cast<const char*>(whole.begin()), whole.size()}, message);
  } else if (const auto text = unpacked(bytes, most)) {
    read = parse(*text, message);
  } else {
    read = parse(bytes, message);
  }
  if (read) return;
  throw InvalidArgument("R019", "the bytes are no " + message.GetDescriptor()->name(),
                        "they must be of the protocol's messages, and text must be UTF-8");
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
  const grpc::Slice slice(size);
  message.SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(slice.begin()));
  Bytes whole(&slice, 1);
  bytes.Swap(&whole);
}

}  // namespace lathe::server
