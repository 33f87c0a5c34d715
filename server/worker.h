// Threads for what must not hold up a gRPC thread: loading models, and predictions that take long.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace lathe::server {

struct WorkerOptions {
  int threads = 1;
  std::size_t most_waiting = 16;
  std::string work;  // what waits, in the plural, for the message of a refusal
  std::string cure;  // and what may help
};

class Worker {
 public:
  explicit Worker(WorkerOptions options);
  ~Worker();  // ends the jobs that run, and does the ones that wait

  // Jobs are begun in order. Throws Overloaded (R018) when `most_waiting` of them wait. A job must
  // not throw.
  void post(std::function<void()> job);

 private:
  void run(const std::stop_token& stop);

  WorkerOptions options_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::jthread> threads_;
};

}  // namespace lathe::server
