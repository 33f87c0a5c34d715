// What a served version has done since it was loaded. Relaxed atomics: counting must cost nothing
// beside a prediction, and nobody needs the figures to agree with each other to the last call.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace lathe::server {

class CallCounter {
 public:
  void add(std::chrono::nanoseconds time) {
    count_.fetch_add(1, std::memory_order_relaxed);
    ns_.fetch_add(static_cast<std::uint64_t>(time.count()), std::memory_order_relaxed);
  }
  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  std::uint64_t ns() const { return ns_.load(std::memory_order_relaxed); }  // total

 private:
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> ns_{0};
};

struct ModelCounters {
  CallCounter success;
  CallCounter fail;
  CallCounter queue;   // the wait for a thread, of the calls that were given to one
  CallCounter input;   // of the successful calls: reading the request,
  CallCounter infer;   // the model,
  CallCounter output;  // and what is left of the reply
  std::atomic<std::uint64_t> rows{0};
  std::atomic<std::int64_t> last_inference_ms{0};  // since 1970
};

// What has become of versions since the server started.
struct RepositoryCounters {
  std::atomic<std::uint64_t> loads{0};        // published
  std::atomic<std::uint64_t> quarantined{0};  // refused for good, until their file changes
};

}  // namespace lathe::server
