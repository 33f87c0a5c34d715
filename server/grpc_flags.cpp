#include <CLI/CLI.hpp>

#include "lathe/server/flag_checks.h"
#include "lathe/server/serve.h"

namespace lathe::server {

namespace {

template <class Number>
void add(CLI::App& app, const char* name, Number& option, Number least, Number most,
         const char* what) {
  app.add_option(name, option, what)->check(in_range(least, most))->capture_default_str();
}

}  // namespace

void add_grpc_flags(CLI::App& app, ServeOptions& options) {
  constexpr double day = 86400.0;
  TransportOptions& grpc = options.grpc;
  app.add_option("--grpc-address", grpc.address,
                 "HOST:PORT to listen on (port 0: any free one), or unix:PATH")
      ->capture_default_str();
  app.add_option("--tls-cert", grpc.tls_cert, "PEM file of the server's certificate and its chain");
  app.add_option("--tls-key", grpc.tls_key, "PEM file of its private key");
  app.add_option("--tls-client-ca", grpc.tls_client_ca,
                 "PEM file of authorities: clients must have a certificate of one of them");
  app.add_option("--token-file", options.token_file,
                 "file of bearer tokens, lines of `predict TOKEN` or `admin TOKEN`");
  add(app, "--max-message-mib", grpc.max_message_mib, 1, 1024,
      "largest request over gRPC, in MiB; over HTTP that is --http-max-body-mib");
  add(app, "--max-connections", grpc.max_connections, 1, 1 << 20, "most open connections");
  add(app, "--max-streams", grpc.max_streams, 1, 1 << 20, "most calls at once on a connection");
  add(app, "--max-memory-mib", grpc.max_memory_mib, 16, 1 << 20,
      "most memory for gRPC's connections and messages under way, in MiB, and as much again for "
      "requests once they are read, over gRPC and HTTP");
  add(app, "--keepalive-seconds", grpc.keepalive_seconds, 0.0, day,
      "silence after which a client is asked whether it lives; 0: never");
  add(app, "--keepalive-timeout-seconds", grpc.keepalive_timeout_seconds, 0.1, day,
      "how long it may take to answer, or to shake hands");
  add(app, "--min-ping-seconds", grpc.min_ping_seconds, 0.0, day,
      "a client that pings more often than this is sent away");
  add(app, "--max-connection-age-seconds", grpc.max_connection_age_seconds, 0.0, day,
      "after which a client must connect again; 0: never");
}

}  // namespace lathe::server
