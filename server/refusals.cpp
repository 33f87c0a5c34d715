#include "lathe/server/refusals.h"

#include "lathe/server/log.h"

namespace lathe::server {

namespace {

constexpr std::chrono::seconds pause{60};

Refusals& shared() {
  static Refusals& refusals = *new Refusals;  // outlives the threads that may still refuse
  return refusals;
}

}  // namespace

std::optional<std::string> Refusals::add(std::string_view code, std::string_view message,
                                         Time now) {
  const std::lock_guard lock(mutex_);
  const auto [entry, first] = kinds_.try_emplace(std::string(code));
  Kind& kind = entry->second;
  if (!first && now - kind.told < pause) {
    ++kind.since;
    return std::nullopt;
  }
  std::string line = std::string(code) + ": " + std::string(message);
  if (kind.since > 0) line += "; and " + std::to_string(kind.since) + " since this was last said";
  kind = {now, 0};
  return line;
}

void log_refusal(std::string_view code, std::string_view message) {
  const auto line = shared().add(code, message, std::chrono::steady_clock::now());
  if (line) log_warning("refused a request: " + *line, {{"code", code}});
}

void log_internal_error(std::string_view message) {
  const auto line = shared().add("internal error", message, std::chrono::steady_clock::now());
  if (line) log_error(*line);
}

}  // namespace lathe::server
