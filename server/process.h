// What a serving process sets once, and the signals that end it.
#pragma once

#include <functional>
#include <thread>

namespace lathe::server {

// Before any other thread is started, since threads inherit the mask of signals: SIGTERM, SIGINT
// and SIGHUP are kept for wait_for_stop(), and a broken connection is an error, not the end. Also
// sets what costs gRPC dearly by default: abseil's lock-order graph (a tenth of the rate of small
// calls), and malloc's habit of mapping and unmapping every large buffer (three quarters of that of
// large ones).
void prepare_process();

// From now on this thread runs when others leave it a processor, or else a little: calls come
// before loads.
void give_way();

// Returns when SIGTERM or SIGINT comes. SIGHUP is one of them for a process that has a terminal,
// which hangs up by it, and makes others call read_again(), as supervisors mean it.
void wait_for_stop(const std::function<void()>& read_again);

// While it lives, a further SIGTERM or SIGINT ends the process at once, with exit status 130.
class SecondSignal {
 public:
  SecondSignal();

 private:
  std::jthread thread_;
};

}  // namespace lathe::server
