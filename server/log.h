// The server's log, on standard error: a line for what an operator must know, as text or as one
// JSON object. No line for a request: those are counted.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <string_view>
#include <variant>

namespace lathe::server {

enum class LogFormat { text, json };
enum class LogLevel { debug, info, warning, error };

// What JSON lines tell apart from the message, which says it in words: {"model", name}.
struct LogField {
  template <std::integral Number>
  LogField(std::string_view field, Number number)
      : name(field), value(static_cast<std::int64_t>(number)) {}
  LogField(std::string_view field, std::string_view text) : name(field), value(text) {}

  std::string_view name;
  std::variant<std::int64_t, std::string_view> value;
};
using LogFields = std::initializer_list<LogField>;

// Text from info upwards until this is called; to be called before other threads log. `to` must
// outlive the log; none is standard error.
void set_log(LogFormat format, LogLevel level, std::ostream* to = nullptr);

void log_debug(std::string_view message, LogFields fields = {});
void log_info(std::string_view message, LogFields fields = {});
void log_warning(std::string_view message, LogFields fields = {});
void log_error(std::string_view message, LogFields fields = {});

}  // namespace lathe::server
