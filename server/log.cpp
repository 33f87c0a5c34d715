#include "lathe/server/log.h"

#include <memory>

#include <nlohmann/json.hpp>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "lathe/server/text.h"

namespace lathe::server {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* text_line = "%Y-%m-%dT%H:%M:%S.%e%z %l: %v";
// The payload is the rest of the object.
constexpr const char* json_line = R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v)";

struct Log {
  LogFormat format = LogFormat::text;
  std::unique_ptr<spdlog::logger> logger;
};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      break;
  }
  return spdlog::level::err;
}

Log make_log(LogFormat format, LogLevel level, std::ostream* to) {
  spdlog::sink_ptr sink;
  if (to != nullptr) {
    sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(*to);
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }
  auto logger = std::make_unique<spdlog::logger>("lathed", std::move(sink));
  logger->set_pattern(format == LogFormat::text ? text_line : json_line);
  logger->set_level(spdlog_level(level));
  logger->flush_on(spdlog::level::debug);
  return {format, std::move(logger)};
}

Log& shared_log() {
  static Log log = make_log(LogFormat::text, LogLevel::info, nullptr);
  return log;
}

std::string json_payload(std::string_view message, LogFields fields) {
  Json json = {{"message", message}};
  for (const LogField& field : fields) {
    std::visit([&](const auto& value) { json[std::string(field.name)] = value; }, field.value);
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace).substr(1);
}

void write(LogLevel level, std::string_view message, LogFields fields) {
  const Log& log = shared_log();
  const auto at = spdlog_level(level);
  if (!log.logger->should_log(at)) return;
  if (log.format == LogFormat::json) {
    log.logger->log(at, json_payload(message, fields));
  } else {
    log.logger->log(at, printable(message));  // a message stays one line
  }
}

}  // namespace

void set_log(LogFormat format, LogLevel level, std::ostream* to) {
  shared_log() = make_log(format, level, to);
}

void log_debug(std::string_view message, LogFields fields) {
  write(LogLevel::debug, message, fields);
}
void log_info(std::string_view message, LogFields fields) {
  write(LogLevel::info, message, fields);
}
void log_warning(std::string_view message, LogFields fields) {
  write(LogLevel::warning, message, fields);
}
void log_error(std::string_view message, LogFields fields) {
  write(LogLevel::error, message, fields);
}

}  // namespace lathe::server
