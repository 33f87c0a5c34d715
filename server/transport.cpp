#include "lathe/server/transport.h"

#include <algorithm>
#include <limits>
#include <thread>
#include <utility>

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include "lathe/server/goaway.h"
#include "lathe/server/listener.h"
#include "lathe/server/repository.h"
#include "lathe/server/services.h"
#include "lathe/server/tls.h"

namespace lathe::server {

using namespace std::chrono_literals;

std::atomic<SendGoaways>& send_goaways() {
  static std::atomic<SendGoaways> send{nullptr};
  return send;
}

class Transport::State {
 public:
  State(Inference& inference, Repository& repository, const Authority& authority,
        const TransportOptions& options);
  ~State();

  const std::string& address() const { return listener_.address(); }
  const CallMetrics& calls() const { return core_.calls; }
  void report_not_ready();
  void drain(std::chrono::milliseconds limit);

 private:
  void report(const std::string& service, bool serving);
  void ask_clients_to_leave(std::chrono::milliseconds limit);
  void close_when_quiet(const std::stop_token& stop);

  Repository& repository_;
  Core core_;
  InferenceService service_{core_};
  RepositoryService repository_service_{service_};
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  Listener listener_;
  SendGoaways send_goaways_ = server::send_goaways();
  bool drained_ = false;
};

namespace {

TlsFiles tls_files(const TransportOptions& options) {
  return {options.tls_cert, options.tls_key, options.tls_client_ca};
}

std::shared_ptr<grpc::ServerCredentials> credentials(const TransportOptions& options) {
  check_tls(options);
  if (options.tls_cert.empty()) return grpc::InsecureServerCredentials();
  return tls_credentials(tls_files(options));
}

int milliseconds(double seconds) {
  return static_cast<int>(std::min(seconds * 1000.0, double{std::numeric_limits<int>::max()}));
}

void set_limits(const TransportOptions& options, grpc::ServerBuilder& builder) {
  const auto set = [&builder](const char* argument, int value) {
    builder.AddChannelArgument(argument, value);
  };
  // What gRPC refuses it refuses in words of its own, and only once all of it has come: it is left
  // to us (messages.h).
  builder.SetMaxReceiveMessageSize(-1);
  set(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);  // messages.h does it, within bounds
  builder.SetMaxSendMessageSize(-1);                  // --max-cells bounds replies
  grpc::ResourceQuota quota("lathed");
  quota.Resize(static_cast<std::size_t>(options.max_memory_mib) << 20);
  builder.SetResourceQuota(quota);
  set(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams);
  if (options.keepalive_seconds > 0.0) {
    set(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(options.keepalive_seconds));
    set(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(options.keepalive_timeout_seconds));
    set(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // as often as that, however long it is still
  }
  set(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, milliseconds(options.keepalive_timeout_seconds));
  set(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  set(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      milliseconds(options.min_ping_seconds));
  if (options.max_connection_age_seconds > 0.0) {
    constexpr int grace_ms = 30'000;  // for calls that run
    set(GRPC_ARG_MAX_CONNECTION_AGE_MS, milliseconds(options.max_connection_age_seconds));
    set(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, grace_ms);
  }
}

// How long no call has run or come.
class Stillness {
 public:
  static constexpr auto step = 10ms;

  explicit Stillness(const Activity& activity) : activity_(activity), started_(activity.started) {}

  // After a step more.
  std::chrono::milliseconds wait() {
    std::this_thread::sleep_for(step);
    const std::uint64_t started = activity_.started;
    still_ += step;
    if (activity_.running > 0 || started != std::exchange(started_, started)) still_ = 0ms;
    return still_;
  }

 private:
  const Activity& activity_;
  std::uint64_t started_;
  std::chrono::milliseconds still_{0};
};

}  // namespace

Transport::State::State(Inference& inference, Repository& repository, const Authority& authority,
                        const TransportOptions& options)
    : repository_(repository), core_(inference, authority, options), listener_(options.address) {
  [[maybe_unused]] static const bool once = [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  grpc::ServerBuilder builder;
  acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      credentials(options));
  set_limits(options, builder);
  builder.RegisterService(&service_);
  builder.RegisterService(&repository_service_);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) throw IoError("R025", "gRPC does not start");
  if (send_goaways_ != nullptr && !send_goaways_(server_->c_server())) send_goaways_ = nullptr;
  report(GRPCInferenceService::service_full_name(), true);
  repository.on_change([this](const std::string& name, bool ready) { report(name, ready); });
  for (const ServedModelPtr& model : repository.ready()) report(model->name(), true);
  core_.inference.set_ready(true);
  listener_.start(static_cast<std::size_t>(options.max_connections), options.tls_cert.empty(),
                  [this](int listener, int connection) {
                    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters taken;
                    taken.listener_fd = listener;
                    taken.fd = connection;
                    acceptor_->HandleNewConnection(&taken);
                  });
}

Transport::State::~State() {
  if (server_ != nullptr) drain(0ms);
}

void Transport::State::report(const std::string& service, bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(service, serving);
}

void Transport::State::report_not_ready() {
  repository_.on_change({});
  core_.inference.set_ready(false);
  server_->GetHealthCheckService()->Shutdown();  // not serving, and no change from now on
}

void Transport::State::drain(std::chrono::milliseconds limit) {
  if (std::exchange(drained_, true)) return;
  report_not_ready();
  listener_.stop();
  const auto end = std::chrono::system_clock::now() + limit;
  ask_clients_to_leave(limit);
  const std::jthread closer([this](const std::stop_token& stop) { close_when_quiet(stop); });
  server_->Shutdown(end);
  server_->Wait();
}

// Until they have heard, which is when a ping comes back, what they ask is answered.
void Transport::State::ask_clients_to_leave(std::chrono::milliseconds limit) {
  if (send_goaways_ == nullptr) return;
  constexpr auto quiet = 200ms;
  const auto most = std::min<std::chrono::milliseconds>(5s, limit / 2);
  Stillness stillness(core_.activity);
  auto still = 0ms;
  for (auto waited = 0ms; waited < most && still < quiet && listener_.has_open();
       waited += Stillness::step) {
    send_goaways_(server_->c_server());  // again, since a connection may have been at its handshake
    still = stillness.wait();
  }
}

// Shutdown waits for connections too, also for those of clients that have nothing to ask: when no
// call has run or come for a while, they are closed.
void Transport::State::close_when_quiet(const std::stop_token& stop) {
  constexpr auto quiet = 500ms;
  Stillness stillness(core_.activity);
  while (!stop.stop_requested() && stillness.wait() < quiet) {
  }
  if (!stop.stop_requested()) grpc_server_cancel_all_calls(server_->c_server());
}

void check_tls(const TransportOptions& options) {
  const bool any =
      !options.tls_cert.empty() || !options.tls_key.empty() || !options.tls_client_ca.empty();
  if (any && (options.tls_cert.empty() || options.tls_key.empty())) {
    throw InvalidArgument("R037", "TLS needs both --tls-cert and --tls-key");
  }
}

void check_tls_files(const TransportOptions& options) {
  check_tls(options);
  if (!options.tls_cert.empty()) check_tls_files(tls_files(options));
}

Transport::Transport(Inference& inference, Repository& repository, const Authority& authority,
                     const TransportOptions& options)
    : state_(std::make_unique<State>(inference, repository, authority, options)) {}

Transport::~Transport() = default;

const std::string& Transport::address() const { return state_->address(); }

const CallMetrics& Transport::calls() const { return state_->calls(); }

void Transport::report_not_ready() { state_->report_not_ready(); }

void Transport::drain(std::chrono::milliseconds limit) { state_->drain(limit); }

}  // namespace lathe::server
