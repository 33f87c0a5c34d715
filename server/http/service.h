// What HTTP answers, without a socket: the Open Inference Protocol's REST, plain rows, health,
// metrics, and the description of it all. Every call may run on any number of threads at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/server/auth.h"
#include "lathe/server/http/message.h"
#include "lathe/server/inference.h"

namespace lathe::server {

class CallMetrics;
class Repository;

struct HttpServiceOptions {
  std::size_t max_json_bytes = std::size_t{16}
                               << 20;  // of JSON: read, it takes up to 20 times that
  bool local = true;                   // only this machine reaches the address
  std::ptrdiff_t max_long = 64;        // predictions at a time that take long, and hold a thread
  const CallMetrics* calls = nullptr;  // of gRPC, for /metrics
};

class HttpService {
 public:
  // All must outlive this.
  HttpService(const Inference& inference, const Repository& repository, const Authority& authority,
              const HttpServiceOptions& options = {});

  // Never throws: errors are answers (message.h, error_response).
  HttpResponse answer(const HttpRequest& request) const noexcept;

 private:
  struct Call;
  struct Route;
  static const std::vector<Route>& routes();

  HttpResponse route(const HttpRequest& request) const;
  void check_body(const HttpRequest& request) const;
  void check_json(std::size_t bytes) const;
  std::unique_lock<std::mutex> admin_turn() const;  // throws Overloaded (R018)
  // Where it takes long, by a thread for that, and as one of max_long; `held` has what it takes.
  // Throws Overloaded (R018), Cancelled (R035), and as HeldMemory.
  void run(const Call& call, const Work& work, const inference::ModelInferRequest& request,
           inference::ModelInferResponse& response, HeldMemory& held) const;

  // The protocol.
  void server_metadata(const Call& call, HttpResponse& response) const;
  void server_live(const Call& call, HttpResponse& response) const;
  void server_ready(const Call& call, HttpResponse& response) const;
  void model_metadata(const Call& call, HttpResponse& response) const;
  void model_ready(const Call& call, HttpResponse& response) const;
  void model_config(const Call& call, HttpResponse& response) const;
  void model_statistics(const Call& call, HttpResponse& response) const;
  void infer(const Call& call, HttpResponse& response) const;
  void repository_index(const Call& call, HttpResponse& response) const;
  void repository_load(const Call& call, HttpResponse& response) const;
  void repository_unload(const Call& call, HttpResponse& response) const;
  // Ours.
  void predict(const Call& call, HttpResponse& response) const;
  void metrics(const Call& call, HttpResponse& response) const;
  void openapi(const Call& call, HttpResponse& response) const;
  void docs(const Call& call, HttpResponse& response) const;
  void docs_script(const Call& call, HttpResponse& response) const;
  void docs_token_script(const Call& call, HttpResponse& response) const;
  void home(const Call& call, HttpResponse& response) const;

  const Inference& inference_;
  const Repository& repository_;
  const Authority& authority_;
  HttpServiceOptions options_;
  mutable std::atomic<std::ptrdiff_t> long_{0};  // under way
  mutable std::mutex admin_;                     // one load or unload at a time: they take long
};

}  // namespace lathe::server
