#include "lathe/server/worker.h"

#include <string>
#include <utility>

#include "lathe/ml/core/error.h"

namespace lathe::server {

Worker::Worker(std::size_t most_waiting)
    : most_waiting_(most_waiting), thread_([this](const std::stop_token& stop) { run(stop); }) {}

Worker::~Worker() = default;  // the jthread asks itself to stop, and is waited for

void Worker::post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= most_waiting_) {
      throw Overloaded("R018", std::to_string(jobs_.size()) +
                                   " calls to load or unload wait: that is "
                                   "the limit");
    }
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void Worker::run(const std::stop_token& stop) {
  while (true) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, stop, [this] { return !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace lathe::server
