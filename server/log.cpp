#include "lathe/server/log.h"

#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace lathe::server {

namespace {

spdlog::logger& logger() {
  static const std::unique_ptr<spdlog::logger> shared = [] {
    auto made = std::make_unique<spdlog::logger>("lathed",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l: %v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *shared;
}

}  // namespace

void log_info(std::string_view message) { logger().info(message); }
void log_warning(std::string_view message) { logger().warn(message); }
void log_error(std::string_view message) { logger().error(message); }

}  // namespace lathe::server
