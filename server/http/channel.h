// The bytes of one connection, plain or within TLS, without ever waiting.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace lathe::server {

class Channel {
 public:
  enum class Result { done, wait_to_read, wait_to_write, closed };

  virtual ~Channel() = default;
  // `count` is what was moved when the result is done.
  virtual Result read(char* to, std::size_t size, std::size_t& count) = 0;
  virtual Result write(std::string_view from, std::size_t& count) = 0;
  virtual void end_writing() = 0;  // the peer sees the end; what it still sends can be read
};

std::unique_ptr<Channel> plain_channel(int socket);  // which it does not own

}  // namespace lathe::server
