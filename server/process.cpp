#include "lathe/server/process.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include <absl/synchronization/mutex.h>
#include <fcntl.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "lathe/server/log.h"

namespace lathe::server {

namespace {

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// SIGHUP too, unless nohup had it ignored: what is waited for would come all the same.
sigset_t awaited_signals() {
  sigset_t signals = stop_signals();
  struct sigaction action = {};
  const bool known = ::sigaction(SIGHUP, nullptr, &action) == 0;
  if (known && action.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
  return signals;
}

// A shell's usual 1024 are fewer than the connections that are let in by default.
void allow_open_files() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

// Asked first of all: once it has hung up there is none.
bool has_terminal() {
  static const bool has = [] {
    const int terminal = ::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal >= 0) ::close(terminal);
    return terminal >= 0;
  }();
  return has;
}

// gRPC's own lines, which would not be JSON.
void log_of_grpc(gpr_log_func_args* args) {
  const std::string message = std::string("gRPC: ") + args->message;
  if (args->severity == GPR_LOG_SEVERITY_ERROR) {
    log_warning(message);
  } else {
    log_debug(message);
  }
}

// And protobuf's, of messages that clients send.
void log_of_protobuf(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  log_debug("protobuf: " + message);
}

}  // namespace

void prepare_process() {
  has_terminal();
  gpr_set_log_function(log_of_grpc);
  google::protobuf::SetLogHandler(log_of_protobuf);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_TOP_PAD, 16 << 20);
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  allow_open_files();
}

// Linux keeps both for each thread. Since 6.12 a thread runs on for 3 ms before one that wakes may
// take its place, whatever their priorities, unless it asked for shorter turns.
void give_way() {
  constexpr int niceness = 10;
  struct {  // sched_attr, whose header does not go with glibc's
    std::uint32_t size = 48;
    std::uint32_t policy = SCHED_OTHER;
    std::uint64_t flags = 0;
    std::int32_t nice = niceness;
    std::uint32_t priority = 0;
    std::uint64_t turn_ns = 100'000;
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
  } wanted;
  static_assert(sizeof wanted == 48);
  if (::syscall(SYS_sched_setattr, 0, &wanted, 0) == 0) return;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
}

void wait_for_stop(const std::function<void()>& read_again) {
  const sigset_t signals = awaited_signals();
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP || has_terminal()) return;
    read_again();
  }
}

StopAtOnce::StopAtOnce(int status, std::string line, std::chrono::milliseconds echo)
    : end_(::eventfd(0, EFD_CLOEXEC)) {
  const auto counts_from = std::chrono::steady_clock::now() + echo;
  thread_ = std::thread([this, status, line = std::move(line), counts_from] {
    const sigset_t signals = stop_signals();
    const int signal = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    std::array<pollfd, 2> files = {{{signal, POLLIN, 0}, {end_, POLLIN, 0}}};
    while (files[1].revents == 0) {
      if (::poll(files.data(), files.size(), -1) < 0 || files[0].revents == 0) continue;
      if (std::chrono::steady_clock::now() >= counts_from) {
        log_warning(line);
        std::_Exit(status);
      }
      signalfd_siginfo taken;
      [[maybe_unused]] const ssize_t size = ::read(signal, &taken, sizeof taken);
    }
    ::close(signal);
  });
}

StopAtOnce::~StopAtOnce() {
  ::eventfd_write(end_, 1);
  thread_.join();
  ::close(end_);
}

void tell_supervisor(std::string_view state) {
  const char* const variable = std::getenv("NOTIFY_SOCKET");
  const std::string_view path = variable == nullptr ? "" : variable;
  sockaddr_un name{};
  if (path.empty() || path.size() >= sizeof name.sun_path) return;
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  if (path[0] == '@') name.sun_path[0] = '\0';  // no file
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  if (::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&name), size) < 0) {
    log_warning("NOTIFY_SOCKET: " + std::generic_category().message(errno));
  }
  ::close(socket);
}

DrainLimit::DrainLimit(std::chrono::milliseconds limit)
    : thread_([limit](const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any ended;
        std::unique_lock lock(mutex);
        ended.wait_for(lock, stop, limit, [] { return false; });
        if (stop.stop_requested()) return;
        log_warning("predictions still run: stopping without them");
        std::_Exit(0);
      }) {}

}  // namespace lathe::server
