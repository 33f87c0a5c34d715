// What a serving process sets once, the signals that end it, and what its supervisor hears of it.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace lathe::server {

// Before any other thread is started, since threads inherit the mask of signals: SIGTERM, SIGINT
// and SIGHUP are kept for wait_for_stop(), and a broken connection is an error, not the end. As
// many files may be open as the system allows: connections are some. Also sets what costs gRPC
// dearly by default: abseil's lock-order graph (a tenth of the rate of small calls), and malloc's
// habit of mapping and unmapping every large buffer (three quarters of that of large ones).
void prepare_process();

// From now on this thread runs when others leave it a processor, or else a little: calls come
// before loads.
void give_way();

// Returns when SIGTERM or SIGINT comes. SIGHUP is one of them for a process that had a terminal
// at its start, which hangs up by it, and makes others call read_again(), as supervisors mean it.
void wait_for_stop(const std::function<void()>& read_again);

// While it lives, SIGTERM or SIGINT ends the process at once, with this exit status and a line in
// the log. Not one that comes within `echo` of its beginning: timeout(1) and others signal the
// process and then its group, which is the same request once more.
class StopAtOnce {
 public:
  StopAtOnce(int status, std::string line, std::chrono::milliseconds echo = {});
  ~StopAtOnce();
  StopAtOnce(const StopAtOnce&) = delete;
  StopAtOnce& operator=(const StopAtOnce&) = delete;

 private:
  int end_;
  std::thread thread_;
};

// As sd_notify(3): READY=1 and the like, to systemd or whoever else has set NOTIFY_SOCKET.
void tell_supervisor(std::string_view state);

// Unless it is destroyed before the limit, the process ends then, with exit status 0.
class DrainLimit {
 public:
  explicit DrainLimit(std::chrono::milliseconds limit);

 private:
  std::jthread thread_;
};

}  // namespace lathe::server
