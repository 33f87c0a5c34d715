#include "lathe/server/listening.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"
#include "lathe/server/address.h"

namespace lathe::server {

namespace {

constexpr int backlog = 1024;  // the system may allow fewer

using Places = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

Places places_of(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* places = nullptr;
  const int error =
      ::getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &wanted, &places);
  if (error != 0) refuse_to_listen(address, ::gai_strerror(error));
  return {places, ::freeaddrinfo};
}

int port_of(int socket) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &size) != 0) return 0;
  const in_port_t port = name.ss_family == AF_INET6
                             ? reinterpret_cast<const sockaddr_in6&>(name).sin6_port
                             : reinterpret_cast<const sockaddr_in&>(name).sin_port;
  return ntohs(port);
}

// A socket that listens, or -1 with errno.
int listening(const addrinfo& place, int port) {
  const int socket = ::socket(place.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return -1;
  sockaddr_storage name{};
  std::memcpy(&name, place.ai_addr, place.ai_addrlen);
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (place.ai_family == AF_INET6) {
    auto& six = reinterpret_cast<sockaddr_in6&>(name);
    const int only = IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr) ? 0 : 1;
    ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    if (port != 0) six.sin6_port = htons(static_cast<in_port_t>(port));
  } else if (port != 0) {
    reinterpret_cast<sockaddr_in&>(name).sin_port = htons(static_cast<in_port_t>(port));
  }
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&name), place.ai_addrlen) == 0 &&
      ::listen(socket, backlog) == 0) {
    return socket;
  }
  const int error = errno;
  ::close(socket);
  errno = error;
  return -1;
}

// 0, or the error for which there is none.
int listen_on_all(const addrinfo* place, std::vector<int>& sockets) {
  int port = 0;
  int skipped = 0;
  for (; place != nullptr; place = place->ai_next) {
    const int socket = listening(*place, port);
    if (socket >= 0) {
      sockets.push_back(socket);
      port = port_of(socket);
    } else if (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT) {  // such as ::1 without IPv6
      skipped = errno;
    } else {
      return errno;
    }
  }
  return sockets.empty() ? skipped : 0;
}

}  // namespace

void refuse_to_listen(const std::string& address, const std::string& reason,
                      const std::string& help) {
  throw IoError("R025", "cannot listen on " + address + ": " + reason, help);
}

void refuse_to_listen(const std::string& address, int error) {
  std::string help;
  if (error == EADDRINUSE) help = "another server listens there, or on all hosts at that port";
  if (error == EADDRNOTAVAIL) help = "the host is not this machine's";
  if (error == ENOENT) help = "the folder of the socket is not there";
  refuse_to_listen(address, std::generic_category().message(error), help);
}

std::vector<int> listen_on_hosts(std::string& address) {
  const Places places = places_of(address);
  std::vector<int> sockets;
  if (const int error = listen_on_all(places.get(), sockets); error != 0) {
    for (const int socket : sockets) ::close(socket);
    refuse_to_listen(address, error);
  }
  address = with_port(address, port_of(sockets.front()));
  return sockets;
}

}  // namespace lathe::server
