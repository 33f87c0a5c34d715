#include "lathe/server/listener.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"
#include "lathe/server/address.h"
#include "lathe/server/listening.h"
#include "lathe/server/log.h"
#include "lathe/server/refusals.h"

namespace lathe::server {

namespace {

constexpr int backlog = 1024;  // the system may allow fewer
constexpr std::string_view unix_prefix = "unix:";

std::string last_error() { return std::generic_category().message(errno); }

std::uint64_t inode_of(int descriptor) {
  struct stat status = {};
  const bool is_socket = ::fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode);
  return is_socket ? status.st_ino : 0;
}

// Which file it is: an inode alone may soon be another's. 0: no socket.
std::pair<std::uint64_t, std::int64_t> identity_of(const std::string& path) {
  struct stat status = {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return {};
  return {status.st_ino,
          std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec};
}

// In HTTP/1.1, which people and proxies read, and at which a gRPC client backs off. (After HTTP/2's
// SETTINGS and GOAWAY it would hold that it was connected, and come back a thousand times a
// second.)
std::string goodbye(const std::string& reason) {
  return "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
         "Content-Type: text/plain\r\nContent-Length: " +
         std::to_string(reason.size() + 1) + "\r\n\r\n" + reason + "\n";
}

}  // namespace

Listener::Listener(const std::string& address) : address_(address) {
  check_address(address);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) refuse_to_listen(address, errno);
  try {
    if (address.starts_with(unix_prefix)) {
      listen_on_socket_file();
    } else {
      listeners_ = listen_on_hosts(address_);
    }
  } catch (...) {
    stop();
    ::close(wake_);
    throw;
  }
}

Listener::~Listener() {
  stop();
  ::close(wake_);
}

void Listener::listen_on_socket_file() {
  const std::string path = address_.substr(unix_prefix.size());
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  struct stat status = {};
  if (::lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) {
      refuse_to_listen(address_, "the file that is there is no socket",
                       "move it away, or choose another path");
    }
    ::unlink(path.c_str());  // left behind: check_address() found that nobody answers on it
  }
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) refuse_to_listen(address_, errno);
  listeners_.push_back(socket);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    refuse_to_listen(address_, errno);
  }
  socket_file_ = path;
  socket_identity_ = identity_of(path);
  if (::listen(socket, backlog) != 0) refuse_to_listen(address_, errno);
}

void Listener::start(std::size_t most, bool plain, std::function<void(int, int)> take) {
  most_ = most;
  plain_ = plain;
  take_ = std::move(take);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Listener::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    ::eventfd_write(wake_, 1);
    thread_.join();
  }
  for (const int socket : std::exchange(listeners_, {})) ::close(socket);
  close_refused();
  const std::string path = std::exchange(socket_file_, {});
  if (!path.empty() && identity_of(path) == socket_identity_)
    ::unlink(path.c_str());  // not another's
}

void Listener::run(const std::stop_token& stop) {
  constexpr int moment_ms = 1000;
  std::vector<pollfd> sockets{{wake_, POLLIN, 0}};
  for (const int listener : listeners_) sockets.push_back({listener, POLLIN, 0});
  while (!stop.stop_requested()) {
    const int ready = ::poll(sockets.data(), sockets.size(), refused_.empty() ? -1 : moment_ms);
    if (ready == 0) close_refused();
    if (ready <= 0) continue;
    for (const pollfd& socket : sockets) {
      if (socket.fd != wake_ && socket.revents != 0) accept_from(socket.fd);
    }
  }
}

void Listener::accept_from(int listener) {
  const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (connection < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      log_refusal("R025", "a connection waits: " + last_error());
      pollfd wake{wake_, POLLIN, 0};
      ::poll(&wake, 1, 50);  // it is still there, so asking at once would spin
    }
    return;
  }
  if (!has_room()) return refuse(connection);
  const int on = 1;
  ::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on,
               sizeof on);  // no more than an error, else
  open_.push_back({connection, inode_of(connection)});
  take_(listener, connection);
}

// Those that are closed are only looked for when there seem to be too many.
bool Listener::has_room() {
  if (open_.size() < most_) return true;
  forget_closed();
  return open_.size() < most_;
}

bool Listener::has_open() {
  forget_closed();
  return !open_.empty();
}

void Listener::forget_closed() {
  std::erase_if(open_, [](const Connection& connection) {
    return inode_of(connection.descriptor) != connection.inode;
  });
}

void Listener::refuse(int connection) {
  const std::string reason = "R036: " + std::to_string(most_) +
                             " connections are open: that is the limit; raise --max-connections";
  log_refusal("R036", reason.substr(6));
  if (!plain_) {
    ::close(connection);
    return;
  }
  const std::string reply = goodbye(reason);
  ::send(connection, reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(connection, SHUT_WR);
  // To close it with bytes unread would reset it, and the reason might not arrive.
  constexpr std::size_t most_refused = 64;
  if (refused_.size() >= most_refused) close_refused();
  refused_.push_back(connection);
}

void Listener::close_refused() {
  for (const int connection : std::exchange(refused_, {})) ::close(connection);
}

}  // namespace lathe::server
