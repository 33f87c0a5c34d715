#include "lathe/server/http/channel.h"

#include <cerrno>

#include <sys/socket.h>

namespace lathe::server {

namespace {

class Plain final : public Channel {
 public:
  explicit Plain(int socket) : socket_(socket) {}

  Result read(char* to, std::size_t size, std::size_t& count) override {
    const ssize_t got = ::recv(socket_, to, size, 0);
    if (got == 0) return Result::closed;
    return moved(got, count, Result::wait_to_read);
  }
  Result write(std::string_view from, std::size_t& count) override {
    return moved(::send(socket_, from.data(), from.size(), MSG_NOSIGNAL), count,
                 Result::wait_to_write);
  }
  void end_writing() override { ::shutdown(socket_, SHUT_WR); }

 private:
  static Result moved(ssize_t bytes, std::size_t& count, Result wait) {
    if (bytes < 0) {
      return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? wait : Result::closed;
    }
    count = static_cast<std::size_t>(bytes);
    return Result::done;
  }

  int socket_;
};

}  // namespace

std::unique_ptr<Channel> plain_channel(int socket) { return std::make_unique<Plain>(socket); }

}  // namespace lathe::server
