// What a message will take once protobuf has read it, by its bytes alone: two of them may be an
// empty text, which takes 64. Only transport.cpp includes this.
#pragma once

#include <cstddef>
#include <optional>

namespace google::protobuf {
class Descriptor;
namespace io {
class ZeroCopyInputStream;
}
}  // namespace google::protobuf

namespace lathe::server {

struct MessageSize {
  std::size_t bytes = 0;  // no less than it will take, about
  int messages = 0;       // within it
};

// Nothing for what is no such message. Counting ends where either is more than `most` says.
std::optional<MessageSize> size_once_read(google::protobuf::io::ZeroCopyInputStream& bytes,
                                          const google::protobuf::Descriptor& type,
                                          const MessageSize& most);

}  // namespace lathe::server
