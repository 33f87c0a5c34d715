#include "lathe/server/process.h"

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>

#include <absl/synchronization/mutex.h>
#include <fcntl.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lathe/server/log.h"

namespace lathe::server {

namespace {

constexpr int interrupted = 130;

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

bool has_terminal() {
  const int terminal = ::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal >= 0) ::close(terminal);
  return terminal >= 0;
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
  gpr_set_log_function(log_of_grpc);
  google::protobuf::SetLogHandler(log_of_protobuf);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_TOP_PAD, 16 << 20);
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
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
  const bool hangs_up = has_terminal();
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP || hangs_up) return;
    read_again();
  }
}

SecondSignal::SecondSignal()
    : thread_([](const std::stop_token& stop) {
        const sigset_t signals = stop_signals();
        const timespec pause = {0, 50'000'000};
        while (!stop.stop_requested()) {
          if (sigtimedwait(&signals, nullptr, &pause) < 0) continue;
          log_warning("told to stop again: stopping at once");
          std::_Exit(interrupted);
        }
      }) {}

}  // namespace lathe::server
