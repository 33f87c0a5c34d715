// Requests that limits or tokens turned away, told to the operator without a line for each: the
// first of a kind at once, the others as a count when a minute has passed.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace lathe::server {

class Refusals {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // One more of this code. The line to log now, or none.
  std::optional<std::string> add(std::string_view code, std::string_view message, Time now);

 private:
  struct Kind {
    Time told;
    std::uint64_t since = 0;  // and not told
  };
  std::mutex mutex_;
  std::map<std::string, Kind, std::less<>> kinds_;
};

// Of the process, in its log, by the clock. `message` must not hold what a client sent.
void log_refusal(std::string_view code, std::string_view message);
// The same for what failed by a fault of ours.
void log_internal_error(std::string_view message);

}  // namespace lathe::server
