// What the tests of a running lathed share.
#pragma once

#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "lathe/proto/inference.pb.h"

#include "benchmarks/serving/load.h"
#include "tests/serving/versions.h"

namespace lathe::server {

// AddressSanitizer keeps what was freed, ThreadSanitizer what was touched: memory tells nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(LATHE_TSAN)
inline constexpr bool memory_is_telling = false;
#else
inline constexpr bool memory_is_telling = true;
#endif

// Load from the constructor on until end(), beside what the test does.
class Background {
 public:
  explicit Background(Load load) {
    load.stop = stop_.get_token();
    thread_ = std::jthread([this, load = std::move(load)] { report_ = run_load(load); });
  }
  LoadReport end() {
    stop_.request_stop();
    thread_.join();
    return std::move(report_);
  }

 private:
  std::stop_source stop_;
  LoadReport report_;
  std::jthread thread_;
};

// The request of `versions`, each reply checked to be that of the version it names.
inline Load load_of(const Versions& versions, const std::string& address) {
  Load load{.address = address, .requests = {versions.request()}};
  load.check = [&versions](std::size_t, std::string_view reply) { return versions.wrong(reply); };
  load.channels = 2;
  return load;
}

inline std::string load_request(const std::string& model) {
  inference::RepositoryModelLoadRequest request;
  request.set_model_name(model);
  return request.SerializeAsString();
}

}  // namespace lathe::server
