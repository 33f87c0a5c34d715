#include "lathe/server/http/flags.h"

#include <CLI/CLI.hpp>

#include "lathe/server/flag_checks.h"

namespace lathe::server {

void add_http_flags(CLI::App& app, HttpFlags& flags) {
  const auto add = [&](const char* flag, auto& value, auto least, auto most, const char* what) {
    app.add_option(flag, value, what)->check(in_range(least, most))->capture_default_str();
  };
  app.add_option("--http-address", flags.address,
                 "HOST:PORT for HTTP (port 0: any free one), or none")
      ->capture_default_str();
  add("--http-threads", flags.threads, 1, 1024, "threads that answer HTTP");
  add("--http-max-header-kib", flags.max_header_kib, 1, 1024, "largest head of a request, in KiB");
  add("--http-max-body-mib", flags.max_body_mib, 1, 1024,
      "largest body of a request over HTTP, in MiB");
  add("--http-max-json-mib", flags.max_json_mib, 1, 1024,
      "largest JSON in a body, in MiB; reading it takes up to 20 times that");
  add("--http-max-connections", flags.max_connections, 1, 1'000'000, "most connections at a time");
  add("--http-memory-mib", flags.memory_mib, 1, 1 << 20,
      "most memory of requests that arrive and of replies that are not taken yet, in MiB");
  add("--http-request-seconds", flags.request_seconds, 0.001, 86400.0,
      "how long a request may take to arrive, and a reply to be taken");
  add("--http-idle-seconds", flags.idle_seconds, 0.001, 86400.0,
      "how long a connection may wait for its next request");
}

}  // namespace lathe::server
