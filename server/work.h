// One ModelInfer on its way: what it needs, how long that will take, and how long its caller waits.
#pragma once

#include <chrono>
#include <cstddef>
#include <limits>

#include "lathe/proto/inference.pb.h"
#include "lathe/server/served_model.h"

namespace lathe::server {

// Work that takes longer than this goes to the workers; the rest is done at once, since going to
// another thread costs 15 to 20 us.
inline constexpr std::chrono::microseconds longest_inline{300};

// When a call came, and until when its caller waits.
struct CallTimes {
  using Clock = std::chrono::steady_clock;

  Clock::time_point arrived = Clock::now();
  Clock::time_point deadline = Clock::time_point::max();
};

struct Work {
  using Clock = CallTimes::Clock;

  ServedModelPtr served;
  CallTimes times;
  bool is_long = false;         // by estimate
  Clock::time_point planned{};  // of long work: it waits for a thread from then on
  std::size_t bytes = 0;        // of its rows and replies, about

  // Throws DeadlineExceeded (R034) where its caller has stopped waiting.
  void check_deadline() const;
};

// The deadline is the transport's, and the request's parameter `timeout`, in microseconds from the
// arrival, may be sooner; 0 is none. Throws InvalidArgument (R033) for a timeout that is no whole
// number or below 0. More than `max_cells` will be refused, and take no memory.
Work plan(ServedModelPtr served, const inference::ModelInferRequest& request,
          const CallTimes& times = {}, Index max_cells = std::numeric_limits<Index>::max());

}  // namespace lathe::server
