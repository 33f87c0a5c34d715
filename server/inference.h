// The Open Inference Protocol on protobuf messages, without a transport. Every call may run on any
// number of threads at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>

#include "lathe/ml/core/types.h"
#include "lathe/proto/inference.pb.h"
#include "lathe/server/memory.h"
#include "lathe/server/repository.h"
#include "lathe/server/work.h"
#include "lathe/server/worker.h"

namespace lathe::server {

class Watcher;

struct Limits {
  Index max_cells = Index{1} << 24;  // rows times columns of a request, and of each output
  int threads = 0;                   // for predictions that take long; 0: one for each CPU
  int max_queue = 64;                // of those that wait for one of them
  std::size_t max_memory_bytes = std::size_t{1} << 30;  // of what requests hold; memory.h
};

class Inference {
 public:
  // Both must outlive this.
  Inference(const Repository& repository, Watcher& watcher, Limits limits = {});

  // Of all requests that are being answered, whatever they came by: for the transports to count.
  Memory& memory() const { return memory_; }

  // Not ready before the first scan and while the server stops.
  void set_ready(bool ready) { ready_.store(ready, std::memory_order_relaxed); }

  void server_live(const inference::ServerLiveRequest& request,
                   inference::ServerLiveResponse& response) const;
  void server_ready(const inference::ServerReadyRequest& request,
                    inference::ServerReadyResponse& response) const;
  void server_metadata(const inference::ServerMetadataRequest& request,
                       inference::ServerMetadataResponse& response) const;

  // All that name a model throw NotFound (R001 model, R002 version) and Unavailable (R003); but
  // model_ready says false.
  void model_ready(const inference::ModelReadyRequest& request,
                   inference::ModelReadyResponse& response) const;
  void model_metadata(const inference::ModelMetadataRequest& request,
                      inference::ModelMetadataResponse& response) const;
  void model_config(const inference::ModelConfigRequest& request,
                    inference::ModelConfigResponse& response) const;
  void model_statistics(const inference::ModelStatisticsRequest& request,
                        inference::ModelStatisticsResponse& response) const;

  // On the calling thread. Throws what bind() and requested_outputs() throw, and InvalidArgument,
  // naming column and row, where the model takes none: R014 a missing or infinite cell, R015 an
  // unknown category. `response` must be
  // empty, and is so again after an error.
  void model_infer(const inference::ModelInferRequest& request,
                   inference::ModelInferResponse& response) const;
  // By a model that was found before, whatever the request names.
  void model_infer(const ServedModel& served, const inference::ModelInferRequest& request,
                   inference::ModelInferResponse& response) const;

  // The same in two parts, so that a transport can do long work on another thread: throws what
  // finding the model and server::plan() throw, and then what model_infer() and check_deadline()
  // do.
  Work plan(const inference::ModelInferRequest& request, const CallTimes& times) const;
  Work plan(ServedModelPtr served, const inference::ModelInferRequest& request,
            const CallTimes& times) const;
  void model_infer(const Work& work, const inference::ModelInferRequest& request,
                   inference::ModelInferResponse& response) const;
  // Instead of model_infer(), where the caller is gone: counts that, and throws Cancelled (R035).
  [[noreturn]] void refuse_unwanted(const Work& work) const;
  // For work that is long: one of the threads that all transports share does `job`, which must not
  // throw. Throws Overloaded (R018) where too many wait.
  void post(const Work& work, std::function<void()> job) const;

  void repository_index(const inference::RepositoryIndexRequest& request,
                        inference::RepositoryIndexResponse& response) const;
  // Take as long as loading takes. Throw NotFound, and CorruptData with the reason.
  void repository_load(const inference::RepositoryModelLoadRequest& request) const;
  void repository_unload(const inference::RepositoryModelUnloadRequest& request) const;

 private:
  const Repository& repository_;
  Watcher& watcher_;
  Limits limits_;
  mutable Memory memory_;
  std::atomic<bool> ready_{false};
  mutable Worker predictions_;  // last: jobs that wait are done while the rest is there
};

}  // namespace lathe::server
