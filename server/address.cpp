#include "lathe/server/address.h"

#include <charconv>
#include <cstring>
#include <string_view>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"
#include "lathe/server/text.h"

namespace lathe::server {

namespace {

constexpr std::string_view unix_prefix = "unix:";

[[noreturn]] void refuse(const std::string& address, const std::string& rule) {
  throw InvalidArgument("U010", "address " + in_quotes(address) + ": " + rule,
                        "HOST:PORT such as 127.0.0.1:8001, or unix:PATH");
}

bool answers(const sockaddr_un& name) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return false;
  const bool connected =
      ::connect(socket, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
  ::close(socket);
  return connected;
}

sockaddr_un socket_name(const std::string& address) {
  const std::string_view path = std::string_view(address).substr(unix_prefix.size());
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) {
    refuse(address,
           "the path must have 1 to " + std::to_string(sizeof name.sun_path - 1) + " bytes");
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  return name;
}

}  // namespace

void check_address(const std::string& address) {
  check_address_form(address);
  if (address.starts_with(unix_prefix) && answers(socket_name(address))) {
    throw IoError("R025", "cannot listen on " + address + ": a server answers there already");
  }
}

void check_address_form(const std::string& address) {
  if (address.starts_with(unix_prefix)) {
    socket_name(address);
    return;
  }
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) refuse(address, "it has no host and port");
  const std::string_view host = std::string_view(address).substr(0, colon);
  const bool bracketed = host.front() == '[' && host.back() == ']';
  if (!bracketed && host.find(':') != std::string_view::npos) {
    refuse(address, "an IPv6 host is written in brackets");
  }
  const std::string_view port = std::string_view(address).substr(colon + 1);
  int number = -1;
  const auto [rest, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || rest != port.data() + port.size() || number < 0 || number > 65535) {
    refuse(address, "the port must be a number from 0 to 65535");
  }
}

bool is_local(const std::string& address) {
  if (address.starts_with(unix_prefix)) return true;
  const std::string host = address.substr(0, address.rfind(':'));
  in_addr four{};
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  return host == "localhost" || host == "[::1]";
}

bool is_own_name(std::string_view host) {
  if (host.starts_with('[')) return true;
  host = host.substr(0, host.find(':'));
  return host.find('.') == host.npos || host.find_first_not_of("0123456789.") == host.npos ||
         host.ends_with(".localhost");
}

void leave_address(const std::string& address) {
  if (address.starts_with(unix_prefix)) ::unlink(address.c_str() + unix_prefix.size());
}

std::string with_port(const std::string& address, int port) {
  if (address.starts_with(unix_prefix)) return address;
  return address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

}  // namespace lathe::server
