// Load upon a server of the Open Inference Protocol over gRPC, from one thread: every reply's
// status is checked, and, where the caller knows it, its every byte. As all gRPC clients do, it
// connects again when the server asks for that (GOAWAY), and sends again what the server says it
// did not begin. It tries nothing else twice.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/serving/histogram.h"

namespace lathe::server {

// What is wrong with a reply to requests[i]; empty: nothing.
using CheckReply = std::function<std::string(std::size_t i, std::string_view reply)>;

struct Load {
  std::string address;                     // HOST:PORT or unix:PATH
  std::string method = "ModelInfer";       // or ModelStreamInfer: one stream per channel
  std::vector<std::string> requests = {};  // serialized, sent in turn
  CheckReply check = {};                   // of every reply; none: the status alone

  int in_flight = 8;  // over all channels
  int channels = 1;   // connections

  // 0: closed loop, a reply is followed by the next request. Else open loop: so many requests per
  // second at random times, and latency counts from the time when a request was due, also where it
  // had to wait for one of the `in_flight`. Not for streams.
  double rate = 0.0;

  // The load ends with the first of these; calls that run then may finish.
  std::chrono::nanoseconds warmup{};  // not counted, but errors are
  std::chrono::nanoseconds duration = std::chrono::hours(1);
  std::uint64_t replies = 0;  // good or bad, after the warm-up; 0: any number
  std::stop_token stop = {};
};

struct LoadReport {
  std::uint64_t replies = 0;  // good ones, after the warm-up
  double seconds = 0.0;       // which they took
  Histogram latency;
  std::uint64_t refused = 0;                    // times that a call was not begun, and sent again
  std::map<std::string, std::uint64_t> errors;  // by status, or BROKEN, DISCONNECTED, WRONG_REPLY
  std::string first_error;

  double rate() const { return seconds > 0.0 ? static_cast<double>(replies) / seconds : 0.0; }
};

// Throws std::system_error when it cannot connect.
LoadReport run_load(const Load& load);

// One call alone; its reply. Throws std::runtime_error for another status than OK.
std::string call_once(const std::string& address, const std::string& method,
                      std::string_view request);

}  // namespace lathe::server
