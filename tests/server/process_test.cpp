#include "lathe/server/process.h"

#include <csignal>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

namespace lathe::server {

namespace {

constexpr int status = 130;

sigset_t only_sigterm() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  return signals;
}

// In a process of its own, where nobody but StopAtOnce takes the signal.
void signal_to(std::chrono::milliseconds echo) {
  const sigset_t signals = only_sigterm();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const StopAtOnce stop(status, "told to stop again", echo);
  ::kill(::getpid(), SIGTERM);
  sigset_t pending = signals;
  while (sigismember(&pending, SIGTERM) == 1) {
    std::this_thread::yield();
    sigpending(&pending);
  }
}

// Started anew, since a fork of a process with threads may hang.
class StopAtOnceTest : public testing::Test {
 protected:
  StopAtOnceTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(StopAtOnceTest, ASignalEndsTheProcess) {
  EXPECT_EXIT(signal_to(std::chrono::milliseconds(0)), testing::ExitedWithCode(status),
              "told to stop again");
}

TEST_F(StopAtOnceTest, TheEchoOfTheFirstSignalDoesNot) {
  EXPECT_EXIT(
      {
        signal_to(std::chrono::hours(1));
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "^$");
}

}  // namespace

}  // namespace lathe::server
