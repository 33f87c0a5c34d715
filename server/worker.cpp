#include "lathe/server/worker.h"

#include <string>
#include <utility>

#include "lathe/ml/core/error.h"

namespace lathe::server {

Worker::Worker(WorkerOptions options) : options_(std::move(options)) {
  threads_.reserve(static_cast<std::size_t>(options_.threads));
  for (int i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

Worker::~Worker() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
}

void Worker::post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= options_.most_waiting) {
      throw Overloaded("R018",
                       std::to_string(jobs_.size()) + " " + options_.work +
                           " wait for a thread: that is the limit",
                       options_.cure);
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
