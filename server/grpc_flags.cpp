#include <CLI/CLI.hpp>

#include "lathe/server/serve.h"

namespace lathe::server {

void add_grpc_flags(CLI::App& app, ServeOptions& options) {
  TransportOptions& grpc = options.grpc;
  app.add_option("--grpc-address", grpc.address,
                 "HOST:PORT to listen on (port 0: any free one), or unix:PATH")
      ->capture_default_str();
  app.add_option("--token-file", options.token_file,
                 "file of bearer tokens, lines of `predict TOKEN` or `admin TOKEN`");
  app.add_option("--max-message-mib", grpc.max_message_mib, "largest request, in MiB")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--max-queue", grpc.max_queue, "most predictions that wait for a thread")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
}

}  // namespace lathe::server
