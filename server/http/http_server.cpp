#include "lathe/server/http/http_server.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/server/address.h"
#include "lathe/server/http/connection.h"
#include "lathe/server/listening.h"
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

std::vector<File> listen_on(std::string& address) {
  if (address.starts_with("unix:")) {
    throw InvalidArgument("U010", "address " + address + ": HTTP listens on HOST:PORT only");
  }
  check_address(address);
  std::vector<File> files;
  for (const int socket : listen_on_hosts(address)) files.emplace_back(socket);
  return files;
}

// What epoll gives back for the one file that is neither a connection nor a listener.
char stop_mark;

}  // namespace

class HttpServer::State {
 public:
  State(const HttpService& service, HttpOptions options);
  ~State();

  const std::string& address() const { return options_.address; }
  void drain(std::chrono::milliseconds limit);

 private:
  void serve();
  bool is_listener(const void* what) const;
  void watch_listeners(int operation);
  void accept_all(File& listener);
  void add(int socket);
  void work_on(Connection* connection);
  void end(Connection* connection);
  void watch(int operation, int file, std::uint32_t events, void* what) const;
  void sweep(const std::stop_token& stop);

  HttpOptions options_;
  HttpCodec codec_;
  Connections shared_{codec_, options_};
  std::vector<File> listeners_;
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
      listeners_(listen_on(options_.address)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  watch_listeners(EPOLL_CTL_ADD);
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
    if (is_listener(event.data.ptr)) {
      accept_all(*static_cast<File*>(event.data.ptr));
    } else {
      work_on(static_cast<Connection*>(event.data.ptr));
    }
  }
}

bool HttpServer::State::is_listener(const void* what) const {
  return std::ranges::any_of(listeners_, [&](const File& listener) { return what == &listener; });
}

void HttpServer::State::watch_listeners(int operation) {
  for (File& listener : listeners_) {
    watch(operation, *listener, EPOLLIN | EPOLLONESHOT, &listener);
  }
}

void HttpServer::State::accept_all(File& listener) {
  while (true) {
    const int socket = ::accept4(*listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0 && errno != EINTR && errno != ECONNABORTED) break;
    if (socket >= 0) add(socket);
  }
  // Out of files: connections wait in the kernel until the sweeper looks again.
  const bool full = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
  if (!full) watch(EPOLL_CTL_MOD, *listener, EPOLLIN | EPOLLONESHOT, &listener);
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
    if (!draining) watch_listeners(EPOLL_CTL_MOD);
  }
}

void HttpServer::State::drain(std::chrono::milliseconds limit) {
  if (shared_.draining.exchange(true)) return;
  for (const File& listener : listeners_) {
    ::epoll_ctl(*epoll_, EPOLL_CTL_DEL, *listener, nullptr);
    ::shutdown(*listener, SHUT_RDWR);  // from here on the kernel refuses connections
  }
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
