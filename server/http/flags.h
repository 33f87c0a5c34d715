// Where HTTP listens and its limits, in the units of their flags.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace lathe::server {

struct HttpFlags {
  std::string address = "127.0.0.1:8000";  // none: no HTTP
  int threads = 8;
  int max_header_kib = 32;
  int max_body_mib = 64;
  int max_json_mib = 16;
  int max_connections = 1024;
  int memory_mib = 256;
  double request_seconds = 30.0;
  double idle_seconds = 75.0;
};

void add_http_flags(CLI::App& app, HttpFlags& flags);

}  // namespace lathe::server
