// A client of HTTP that sends what it is told, whatever that is.
#pragma once

#include <cstdint>
#include <string>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lathe::server {

class RawClient {
 public:
  explicit RawClient(const std::string& address) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
  }
  RawClient(const RawClient&) = delete;
  ~RawClient() { ::close(socket_); }

  bool connected() const { return connected_; }
  void send(const std::string& bytes) const {
    ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  std::string read(std::size_t bytes) const {
    std::string text(bytes, '\0');
    const ssize_t got = ::recv(socket_, text.data(), bytes, MSG_WAITALL);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }
  // Head and body, by the Content-Length.
  std::string reply() const {
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos) {
      const std::string next = read(1);
      if (next.empty()) return text;
      text += next;
    }
    const std::size_t length = text.find("Content-Length: ");
    if (length == std::string::npos) return text;
    return text + read(std::stoul(text.substr(length + 16)));
  }
  std::string rest() const {
    constexpr std::size_t some = 1 << 16;
    std::string text;
    for (std::string next = read(some); !next.empty(); next = read(some)) text += next;
    return text;
  }
  void wait_until_readable() const {
    pollfd socket{socket_, POLLIN, 0};
    ::poll(&socket, 1, -1);
  }
  std::string ask(const std::string& bytes) const {
    send(bytes);
    return reply();
  }

 private:
  int socket_;
  bool connected_ = false;
};

}  // namespace lathe::server
