// One thread that does what must not hold up a gRPC thread, in order.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace lathe::server {

class Worker {
 public:
  explicit Worker(std::size_t most_waiting);
  ~Worker();  // ends the job that runs, and does the ones that wait

  // Throws Overloaded (R018) when `most_waiting` jobs wait. A job must not throw.
  void post(std::function<void()> job);

 private:
  void run(const std::stop_token& stop);

  std::size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<std::function<void()>> jobs_;
  std::jthread thread_;
};

}  // namespace lathe::server
