#include "tests/serving/crowd.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace lathe::server {

void Client::on_end(int status, const std::string& text) {
  ended_ = true;
  status_ = status;
  text_ = text;
}

// Without waiting.
bool Client::exchange() {
  try {
    connection_.receive();
    connection_.flush();
    return true;
  } catch (const Disconnected& error) {
    if (!ended_) on_end(-1, error.what());
    return false;
  }
}

bool Client::send(std::string_view bytes) {
  if (ended_) return false;
  connection_.send(*this, bytes);
  return exchange();
}

bool Client::end_of_messages() {
  if (ended_) return false;
  connection_.end_of_messages(*this);
  return exchange();
}

void Client::wait() {
  pollfd socket{connection_.socket(), POLLIN, 0};
  if (connection_.wants_to_write()) socket.events |= POLLOUT;
  ::poll(&socket, 1, -1);
}

void Client::wait_for_end() {
  while (exchange() && !ended_) wait();
}

void Client::wait_until_written() {
  while (exchange() && !ended_ && has_more_to_send()) wait();
}

RawClient::RawClient(const std::string& address, std::string_view bytes) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  address.copy(name.sun_path, sizeof name.sun_path - 1, std::string_view("unix:").size());
  socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    throw std::system_error(errno, std::generic_category(), "connect");
  }
  // The server may close before it has read all.
  [[maybe_unused]] const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

RawClient::RawClient(RawClient&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}

RawClient::~RawClient() {
  if (socket_ >= 0) ::close(socket_);
}

}  // namespace lathe::server
