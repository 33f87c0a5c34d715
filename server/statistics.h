// What a served version has done since it was loaded. Relaxed atomics: counting must cost nothing
// beside a prediction, and nobody needs the figures to agree with each other to the last call.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace lathe::server {

class TotalTime {
 public:
  void add(std::chrono::nanoseconds time) {
    ns_.fetch_add(static_cast<std::uint64_t>(time.count()), std::memory_order_relaxed);
  }
  std::uint64_t ns() const { return ns_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> ns_{0};
};

class CallCounter {
 public:
  void add(std::chrono::nanoseconds time) {
    count_.fetch_add(1, std::memory_order_relaxed);
    total_.add(time);
  }
  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  std::uint64_t ns() const { return total_.ns(); }  // total

 private:
  std::atomic<std::uint64_t> count_{0};
  TotalTime total_;
};

// How long calls took, by ranges.
class LatencyHistogram {
 public:
  // Upper bounds, inclusive; what is above the last has a range of its own.
  static constexpr std::array<std::int64_t, 16> bounds_us = {
      50,     100,    250,     500,     1'000,   2'500,     5'000,     10'000,
      25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 10'000'000};

  void add(std::chrono::nanoseconds time) {
    std::size_t range = 0;
    while (range < bounds_us.size() && time.count() > bounds_us[range] * 1000) ++range;
    ranges_[range].fetch_add(1, std::memory_order_relaxed);
    total_.add(time);
  }
  std::uint64_t count() const {
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < ranges_.size(); ++i) all += count_in(i);
    return all;
  }
  std::uint64_t ns() const { return total_.ns(); }  // total
  std::uint64_t count_in(std::size_t range) const {
    return ranges_[range].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, bounds_us.size() + 1> ranges_{};
  TotalTime total_;
};

struct ModelCounters {
  LatencyHistogram success;
  CallCounter fail;
  CallCounter queue;  // the wait for a thread, of the calls that were given to one
  TotalTime input;    // of the successful calls: reading the request,
  TotalTime infer;    // the model,
  TotalTime output;   // and what is left of the reply
  std::atomic<std::uint64_t> rows{0};
  std::atomic<std::int64_t> pending{0};            // calls that wait for a thread now
  std::atomic<std::int64_t> last_inference_ms{0};  // since 1970
};

// What has become of versions since the server started.
struct RepositoryCounters {
  std::atomic<std::uint64_t> loads{0};        // published
  std::atomic<std::uint64_t> quarantined{0};  // refused for good, until their file changes
};

}  // namespace lathe::server
