#include "lathe/server/transport.h"

#include <thread>
#include <utility>

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include "lathe/server/address.h"
#include "lathe/server/repository.h"
#include "lathe/server/services.h"

namespace lathe::server {

using namespace std::chrono_literals;

class Transport::State {
 public:
  State(Inference& inference, Repository& repository, const Authority& authority,
        const TransportOptions& options);
  ~State();

  const std::string& address() const { return address_; }
  void report_not_ready();
  void drain(std::chrono::milliseconds limit);

 private:
  void report(const std::string& service, bool serving);
  void close_when_quiet(const std::stop_token& stop);

  Repository& repository_;
  Core core_;
  InferenceService service_{core_};
  RepositoryService repository_service_{service_};
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  bool drained_ = false;
};

Transport::State::State(Inference& inference, Repository& repository, const Authority& authority,
                        const TransportOptions& options)
    : repository_(repository), core_(inference, authority, options) {
  check_address(options.address);
  [[maybe_unused]] static const bool once = [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // two servers on one port are a mistake
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 256);
  builder.SetMaxReceiveMessageSize(options.max_message_mib << 20);
  builder.RegisterService(&service_);
  builder.RegisterService(&repository_service_);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    throw IoError("R025", "cannot listen on " + options.address,
                  "another server may listen there, or the host is not this machine's");
  }
  address_ = with_port(options.address, port);
  report(GRPCInferenceService::service_full_name(), true);
  repository.on_change([this](const std::string& name, bool ready) { report(name, ready); });
  for (const ServedModelPtr& model : repository.ready()) report(model->name(), true);
  core_.inference.set_ready(true);
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
  const std::jthread closer([this](const std::stop_token& stop) { close_when_quiet(stop); });
  server_->Shutdown(std::chrono::system_clock::now() + limit);
  server_->Wait();
}

// Shutdown waits for connections too, also for those of clients that have nothing to ask: when no
// call has run or come for a while, they are closed.
void Transport::State::close_when_quiet(const std::stop_token& stop) {
  constexpr auto step = 10ms;
  constexpr auto quiet = 500ms;
  std::uint64_t started = core_.activity.started;
  for (auto waited = 0ms; waited < quiet && !stop.stop_requested(); waited += step) {
    std::this_thread::sleep_for(step);
    const std::uint64_t now = core_.activity.started;
    if (core_.activity.running > 0 || now != std::exchange(started, now)) waited = 0ms;
  }
  if (!stop.stop_requested()) grpc_server_cancel_all_calls(server_->c_server());
}

Transport::Transport(Inference& inference, Repository& repository, const Authority& authority,
                     const TransportOptions& options)
    : state_(std::make_unique<State>(inference, repository, authority, options)) {}

Transport::~Transport() = default;

const std::string& Transport::address() const { return state_->address(); }

void Transport::report_not_ready() { state_->report_not_ready(); }

void Transport::drain(std::chrono::milliseconds limit) { state_->drain(limit); }

}  // namespace lathe::server
