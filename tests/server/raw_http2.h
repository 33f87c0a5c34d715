// A client that speaks HTTP/2 by hand, for what a well-behaved one does not do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lathe::server {

class RawHttp2 {
 public:
  // RFC 9113, 6
  enum Type : std::uint8_t {
    data = 0,
    headers = 1,
    settings = 4,
    ping = 6,
    go_away = 7,
    none = 255
  };
  static constexpr std::uint8_t ack = 1, end_stream = 1, end_headers = 4;

  struct Frame {
    std::uint8_t type = none;  // where the connection is at its end
    std::uint8_t flags = 0;
    std::string payload;
  };

  // Connects to HOST:PORT on this machine, and sends the preface and empty settings.
  explicit RawHttp2(const std::string& address) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return;
    write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    send(settings, "");
  }
  ~RawHttp2() { ::close(socket_); }
  RawHttp2(const RawHttp2&) = delete;
  RawHttp2& operator=(const RawHttp2&) = delete;

  // On the connection itself, stream 0, or another. At most 64 KiB.
  void send(Type type, std::string_view payload, std::uint8_t flags = 0, char stream = 0) const {
    std::string frame(9, '\0');
    frame[1] = static_cast<char>(payload.size() >> 8);
    frame[2] = static_cast<char>(payload.size());
    frame[3] = static_cast<char>(type);
    frame[4] = static_cast<char>(flags);
    frame[8] = stream;
    write(frame.append(payload));
  }

  using Headers = std::vector<std::pair<std::string, std::string>>;

  // A unary call of gRPC on stream 1, with those headers besides. Their lengths must be below 127.
  void call(const std::string& method, const Headers& more, const std::string& message) const {
    Headers all = {{":method", "POST"}, {":scheme", "http"},
                   {":path", method},   {":authority", "localhost"},
                   {"te", "trailers"},  {"content-type", "application/grpc"}};
    all.insert(all.end(), more.begin(), more.end());
    std::string block;
    for (const auto& [name, value] : all) {  // RFC 7541, 6.2.2: literals that are not indexed
      block += '\0';
      for (const std::string& text : {name, value}) {
        block += static_cast<char>(text.size());
        block += text;
      }
    }
    send(headers, block, end_headers, 1);
    std::string framed(5, '\0');
    framed[3] = static_cast<char>(message.size() >> 8);
    framed[4] = static_cast<char>(message.size());
    send(data, framed + message, end_stream, 1);
  }

  Frame next() const {
    const std::string head = read(9);
    if (head.size() < 9) return {};
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(head[i]); };
    const std::size_t size = std::size_t{byte(0)} << 16 | std::size_t{byte(1)} << 8 | byte(2);
    return {byte(3), byte(4), read(size)};
  }
  // The next of this type, or none.
  Frame next(Type type) const {
    Frame frame = next();
    while (frame.type != type && frame.type != none) frame = next();
    return frame;
  }

 private:
  void write(std::string_view bytes) const {
    ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  std::string read(std::size_t size) const {
    std::string bytes(size, '\0');
    const ssize_t got = ::recv(socket_, bytes.data(), size, MSG_WAITALL);
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return bytes;
  }

  int socket_;
};

}  // namespace lathe::server
