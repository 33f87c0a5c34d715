#include "lathe/server/http/http_server.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/server/address.h"
#include "lathe/server/http/connection.h"
#include "lathe/server/log.h"

namespace lathe::server {

namespace {

using namespace std::chrono_literals;

constexpr auto sweep_interval = 250ms;
constexpr std::size_t most_turned_away = 64;  // that are told why at the same time

class File {
 public:
  explicit File(int number) : number_(number) {}
  File(File&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  File& operator=(File&&) = delete;
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  int operator*() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void refuse_to_listen(const std::string& address, const std::string& why) {
  throw IoError("R025", "cannot listen on " + address + ": " + why,
                "another server may listen there, or the host is not this machine's");
}

File listen_on(const std::string& address) {
  if (address.starts_with("unix:")) {
    throw InvalidArgument("U010", "address " + address + ": HTTP listens on HOST:PORT only");
  }
  check_address(address);
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found);
  if (failed != 0) refuse_to_listen(address, ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, ::freeaddrinfo);
  File socket(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(*socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(*socket, found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(*socket, SOMAXCONN) != 0) {
    refuse_to_listen(address, std::strerror(errno));
  }
  return socket;
}

int port_of(int socket) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &size);
  const in_port_t port = name.ss_family == AF_INET6
                             ? reinterpret_cast<const sockaddr_in6&>(name).sin6_port
                             : reinterpret_cast<const sockaddr_in&>(name).sin_port;
  return ntohs(port);
}

// What epoll gives back for the two files that are no connections.
char listener_mark, stop_mark;

}  // namespace

class HttpServer::State {
 public:
  State(const HttpService& service, HttpOptions options);
  ~State();

  const std::string& address() const { return options_.address; }
  void drain(std::chrono::milliseconds limit);

 private:
  void serve();
  void accept_all();
  void add(int socket);
  void work_on(Connection* connection);
  void end(Connection* connection);
  void watch(int operation, int file, std::uint32_t events, void* what) const;
  void sweep(const std::stop_token& stop);

  HttpOptions options_;
  HttpCodec codec_;
  Connections shared_{codec_, options_};
  File listener_;
  File epoll_;
  File stop_;
  std::mutex mutex_;  // of what follows
  std::condition_variable_any changed_;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
  std::vector<std::jthread> threads_;
  std::jthread sweeper_;
};

HttpServer::State::State(const HttpService& service, HttpOptions options)
    : options_(std::move(options)),
      codec_(service,
             static_cast<int>(
                 std::chrono::duration_cast<std::chrono::seconds>(options_.idle_time).count())),
      listener_(listen_on(options_.address)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  options_.address = with_port(options_.address, port_of(*listener_));
  watch(EPOLL_CTL_ADD, *listener_, EPOLLIN | EPOLLONESHOT, &listener_mark);
  watch(EPOLL_CTL_ADD, *stop_, EPOLLIN, &stop_mark);
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { serve(); });
  sweeper_ = std::jthread([this](const std::stop_token& stop) { sweep(stop); });
}

HttpServer::State::~State() { drain(0ms); }

void HttpServer::State::watch(int operation, int file, std::uint32_t events, void* what) const {
  epoll_event event{};
  event.events = events;
  event.data.ptr = what;
  ::epoll_ctl(*epoll_, operation, file, &event);
}

void HttpServer::State::serve() {
  const SerialScope serial;  // a team of threads for each request costs more than it gains
  while (true) {
    epoll_event event{};
    if (::epoll_wait(*epoll_, &event, 1, -1) <= 0) continue;
    if (event.data.ptr == &stop_mark) return;
    if (event.data.ptr == &listener_mark) {
      accept_all();
    } else {
      work_on(static_cast<Connection*>(event.data.ptr));
    }
  }
}

void HttpServer::State::accept_all() {
  while (true) {
    const int socket = ::accept4(*listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0 && errno != EINTR && errno != ECONNABORTED) break;
    if (socket >= 0) add(socket);
  }
  // Out of files: connections wait in the kernel until the sweeper looks again.
  const bool full = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
  if (!full) watch(EPOLL_CTL_MOD, *listener_, EPOLLIN | EPOLLONESHOT, &listener_mark);
}

void HttpServer::State::add(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto connection = std::make_unique<Connection>(socket, shared_);
  Connection* added = connection.get();
  std::uint32_t events = EPOLLIN;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t count = connections_.size();
    if (count >= options_.max_connections + most_turned_away) return;  // which closes it
    if (count >= options_.max_connections) {
      added->turn_away();
      events = EPOLLOUT;
    }
    connections_.emplace(added, std::move(connection));
  }
  watch(EPOLL_CTL_ADD, socket, events | EPOLLONESHOT, added);
}

void HttpServer::State::work_on(Connection* connection) {
  connection->take_over();
  const Connection::Wait wait = connection->go_on();
  if (wait == Connection::Wait::ended) return end(connection);
  connection->hand_over();
  const std::uint32_t events = wait == Connection::Wait::to_read ? EPOLLIN : EPOLLOUT;
  // From here on another thread may work on it, and end it.
  watch(EPOLL_CTL_MOD, connection->socket(), events | EPOLLONESHOT, connection);
}

void HttpServer::State::end(Connection* connection) {
  const std::lock_guard lock(mutex_);
  connections_.erase(connection);  // which closes it, and so takes it out of epoll
  changed_.notify_all();
}

// Ends what takes too long, and while draining what asks nothing.
void HttpServer::State::sweep(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    changed_.wait_for(lock, stop, sweep_interval, [] { return false; });
    const auto now = Connection::Clock::now();
    const bool draining = shared_.draining.load(std::memory_order_relaxed);
    for (const auto& [connection, owned] : connections_) {
      if (connection->is_late(now) || (draining && connection->is_idle())) connection->interrupt();
    }
    if (!draining) watch(EPOLL_CTL_MOD, *listener_, EPOLLIN | EPOLLONESHOT, &listener_mark);
  }
}

void HttpServer::State::drain(std::chrono::milliseconds limit) {
  if (shared_.draining.exchange(true)) return;
  ::epoll_ctl(*epoll_, EPOLL_CTL_DEL, *listener_, nullptr);
  ::shutdown(*listener_, SHUT_RDWR);  // from here on the kernel refuses connections
  {
    std::unique_lock lock(mutex_);
    const auto quiet = [this] { return connections_.empty(); };
    for (const auto& [connection, owned] : connections_) {
      if (connection->is_idle()) connection->interrupt();
    }
    if (!changed_.wait_for(lock, limit, quiet)) {
      for (const auto& [connection, owned] : connections_) {
        connection->interrupt();
        connection->interrupt();
      }
    }
  }
  const std::uint64_t one = 1;
  if (::write(*stop_, &one, sizeof one) < 0) log_error("HTTP: the threads cannot be told to stop");
  threads_.clear();  // each ends what it does
  sweeper_ = {};
  connections_.clear();
}

HttpServer::HttpServer(const HttpService& service, const HttpOptions& options)
    : state_(std::make_unique<State>(service, options)) {}

HttpServer::~HttpServer() = default;

const std::string& HttpServer::address() const { return state_->address(); }

void HttpServer::drain(std::chrono::milliseconds limit) { state_->drain(limit); }

}  // namespace lathe::server
