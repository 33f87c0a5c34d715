#include "lathe/server/http/http_side.h"

#include <algorithm>

#include "lathe/server/address.h"
#include "lathe/server/http/http_server.h"
#include "lathe/server/http/service.h"
#include "lathe/server/http/tls_channel.h"
#include "lathe/server/serve.h"

namespace lathe::server {

namespace {

std::size_t kib(int count) { return static_cast<std::size_t>(count) << 10; }
std::size_t mib(int count) { return static_cast<std::size_t>(count) << 20; }

HttpServiceOptions service_options(const HttpFlags& flags, const CallMetrics* calls) {
  return {.max_json_bytes = mib(flags.max_json_mib),
          .local = is_local(flags.address),
          // Some threads are left for what does not take long.
          .max_long = std::max(flags.threads - 2, 1),
          .calls = calls};
}

// The transport has refused one of certificate and key without the other.
MakeChannel channels(const TransportOptions& options) {
  if (options.tls_cert.empty()) return plain_channel;
  return tls_channels({options.tls_cert, options.tls_key, options.tls_client_ca});
}

HttpOptions server_options(const ServeOptions& options) {
  const HttpFlags& flags = options.http;
  return {.address = flags.address,
          .threads = flags.threads,
          .limits = {.max_header_bytes = kib(flags.max_header_kib),
                     .max_body_bytes = mib(flags.max_body_mib)},
          .max_connections = static_cast<std::size_t>(flags.max_connections),
          .max_buffered_bytes = mib(flags.memory_mib),
          .request_time = rounded_up(flags.request_seconds),
          .idle_time = rounded_up(flags.idle_seconds),
          .channel = channels(options.grpc)};
}

}  // namespace

struct HttpSide::Parts {
  Parts(const Inference& inference, const Repository& repository, const Authority& authority,
        const CallMetrics* calls, const ServeOptions& options)
      : service(inference, repository, authority, service_options(options.http, calls)),
        server(service, server_options(options)) {}

  HttpService service;
  HttpServer server;
};

HttpSide::HttpSide(const Inference& inference, const Repository& repository,
                   const Authority& authority, const CallMetrics* calls,
                   const ServeOptions& options) {
  if (options.http.address == "none") return;
  parts_ = std::make_unique<Parts>(inference, repository, authority, calls, options);
}

HttpSide::~HttpSide() = default;

const std::string& HttpSide::address() const {
  static const std::string none;
  return parts_ == nullptr ? none : parts_->server.address();
}

void HttpSide::drain(std::chrono::milliseconds limit) {
  if (parts_ != nullptr) parts_->server.drain(limit);
}

}  // namespace lathe::server
