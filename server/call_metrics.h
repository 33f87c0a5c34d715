// Calls by method and by how they ended, for /metrics. Relaxed atomics, as in statistics.h.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lathe/server/statistics.h"

namespace lathe::server {

// The methods that are counted, with what Prometheus' labels need to know of each.
struct CountedMethod {
  std::string_view name;
  std::string_view type;  // unary or bidi_stream
};

class CallMetrics {
 public:
  using Index = std::size_t;
  static constexpr std::size_t statuses = 17;  // gRPC's: OK is 0, UNAUTHENTICATED 16

  struct Method {
    std::atomic<std::uint64_t> started{0};
    std::array<std::atomic<std::uint64_t>, statuses> handled{};
    LatencyHistogram seconds;
  };

  // Its calls under the name that MLServer's clients know count here as well.
  static constexpr std::string_view service = "inference.GRPCInferenceService";
  static constexpr std::array<CountedMethod, 12> methods = {{
      {"ServerLive", "unary"},
      {"ServerReady", "unary"},
      {"ServerMetadata", "unary"},
      {"ModelReady", "unary"},
      {"ModelMetadata", "unary"},
      {"ModelConfig", "unary"},
      {"ModelStatistics", "unary"},
      {"ModelInfer", "unary"},
      {"ModelStreamInfer", "bidi_stream"},
      {"RepositoryIndex", "unary"},
      {"RepositoryModelLoad", "unary"},
      {"RepositoryModelUnload", "unary"},
  }};

  // Not for a name that is not in `methods`.
  static constexpr Index index_of(std::string_view name) {
    Index i = 0;
    while (methods[i].name != name) ++i;
    return i;
  }
  static const Index stream;  // ModelStreamInfer

  void start(std::size_t method) {
    counted_[method].started.fetch_add(1, std::memory_order_relaxed);
  }
  // `status` is gRPC's number.
  void handle(std::size_t method, int status, std::chrono::nanoseconds time) {
    Method& counted = counted_[method];
    const auto place = static_cast<std::size_t>(status);
    counted.handled[place < statuses ? place : 2].fetch_add(1, std::memory_order_relaxed);
    counted.seconds.add(time);
  }
  const Method& operator[](std::size_t method) const { return counted_[method]; }

 private:
  std::array<Method, methods.size()> counted_{};
};

inline constexpr CallMetrics::Index CallMetrics::stream = CallMetrics::index_of("ModelStreamInfer");

// One call on its way.
class CountedCall {
 public:
  using Clock = std::chrono::steady_clock;

  CountedCall(CallMetrics& metrics, CallMetrics::Index method)
      : metrics_(&metrics), method_(method), begin_(Clock::now()) {
    metrics.start(method);
  }
  Clock::time_point begin() const { return begin_; }
  void end(int status) const { metrics_->handle(method_, status, Clock::now() - begin_); }

 private:
  CallMetrics* metrics_;
  CallMetrics::Index method_;
  Clock::time_point begin_;
};

}  // namespace lathe::server
