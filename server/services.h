// The gRPC services over the inference core. Only transport.cpp includes this: gRPC's headers take
// longer to compile than all of ours.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <new>
#include <string>

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/message_allocator.h>

#include "lathe/proto/inference.grpc.pb.h"
#include "lathe/proto/model_repository.grpc.pb.h"
#include "lathe/server/error.h"
#include "lathe/server/inference.h"
#include "lathe/server/log.h"
#include "lathe/server/text.h"
#include "lathe/server/worker.h"

namespace lathe::server {

using inference::GRPCInferenceService;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using inference::ModelStreamInferResponse;
using inference::model_repository::ModelRepositoryService;

// A status travels in a header, of which clients take 8 KiB, three bytes for one that is not ASCII.
inline constexpr std::size_t longest_status = 1000;

inline std::string status_text(const Error& error) {
  std::string text = error.code() + ": " + error.what();
  if (!error.help().empty()) text += "; " + error.help();
  return std::string(shortened(text, longest_status));
}

// The one place where errors become statuses.
template <class Call>
grpc::Status answer(Call&& call) {
  using enum grpc::StatusCode;
  try {
    call();
    return grpc::Status::OK;
  } catch (const InvalidArgument& error) {
    return {INVALID_ARGUMENT, status_text(error)};
  } catch (const NotFound& error) {
    return {NOT_FOUND, status_text(error)};
  } catch (const Unavailable& error) {
    return {UNAVAILABLE, status_text(error)};
  } catch (const Overloaded& error) {
    return {RESOURCE_EXHAUSTED, status_text(error)};
  } catch (const NotSupported& error) {
    return {UNIMPLEMENTED, status_text(error)};
  } catch (const CorruptData& error) {
    return {DATA_LOSS, status_text(error)};
  } catch (const std::bad_alloc&) {
    return {RESOURCE_EXHAUSTED, "out of memory"};
  } catch (const std::exception& error) {  // its text may hold paths: log it, do not send it
    log_error(std::string("internal error: ") + error.what());
    return {INTERNAL, "internal error"};
  }
}

// Calls being answered. `started` tells a pause between two calls from the end of all.
struct Activity {
  std::atomic<std::int64_t> running{0};
  std::atomic<std::uint64_t> started{0};

  void begin() {
    running.fetch_add(1, std::memory_order_relaxed);
    started.fetch_add(1, std::memory_order_relaxed);
  }
  void end() { running.fetch_sub(1, std::memory_order_relaxed); }
};

// Both messages of a ModelInfer. gRPC releases them once the reply is written, so they tell exactly
// which calls are in flight.
class InferMessages final : public grpc::MessageHolder<ModelInferRequest, ModelInferResponse> {
 public:
  explicit InferMessages(Activity& activity) : activity_(activity) {
    set_request(&request_);
    set_response(&response_);
    activity_.begin();
  }
  void Release() override {
    Activity& activity = activity_;
    delete this;
    activity.end();
  }

 private:
  Activity& activity_;
  ModelInferRequest request_;
  ModelInferResponse response_;
};

class InferAllocator final : public grpc::MessageAllocator<ModelInferRequest, ModelInferResponse> {
 public:
  explicit InferAllocator(Activity& activity) : activity_(activity) {}
  InferMessages* AllocateMessages() override { return new InferMessages(activity_); }

 private:
  Activity& activity_;
};

// Reads, predicts, writes, in turn. An error of one request is its reply, and the stream goes on.
class InferStream final
    : public grpc::ServerBidiReactor<ModelInferRequest, ModelStreamInferResponse> {
 public:
  InferStream(const Inference& inference, Activity& activity)
      : inference_(inference), activity_(activity) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    activity_.begin();
    response_.Clear();
    ModelInferResponse& reply = *response_.mutable_infer_response();
    const grpc::Status status = answer([&] { inference_.model_infer(request_, reply); });
    if (!status.ok()) {
      response_.set_error_message(status.error_message());
      reply.set_id(request_.id());
    }
    StartWrite(&response_);
  }

  void OnWriteDone(bool ok) override {
    activity_.end();
    if (!ok) return Finish({grpc::StatusCode::CANCELLED, "the client is gone"});
    StartRead(&request_);
  }

  void OnDone() override { delete this; }

 private:
  const Inference& inference_;
  Activity& activity_;
  ModelInferRequest request_;
  ModelStreamInferResponse response_;
};

// What every service needs: the core, a thread for what takes long, and the count of calls.
struct Core {
  explicit Core(Inference& core) : inference(core) {}

  Inference& inference;
  Activity activity;
  Worker admin{16};

  template <class Call>
  grpc::ServerUnaryReactor* now(grpc::CallbackServerContext* context, Call&& call) {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(answer(call));
    return reactor;
  }

  template <class Call>
  grpc::ServerUnaryReactor* later(grpc::CallbackServerContext* context, Call call) {
    auto* reactor = context->DefaultReactor();
    const grpc::Status posted = answer([&] {
      admin.post([this, reactor, call] {
        activity.begin();
        reactor->Finish(answer(call));
        activity.end();
      });
    });
    if (!posted.ok()) reactor->Finish(posted);
    return reactor;
  }
};

class InferenceService final : public GRPCInferenceService::CallbackService {
 public:
  explicit InferenceService(Core& core) : core_(core), allocator_(core.activity) {
    SetMessageAllocatorFor_ModelInfer(&allocator_);
  }

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* ServerLive(Context* context, const inference::ServerLiveRequest*,
                      inference::ServerLiveResponse* response) override {
    return core_.now(context, [&] { core_.inference.server_live(*response); });
  }
  Reactor* ServerReady(Context* context, const inference::ServerReadyRequest*,
                       inference::ServerReadyResponse* response) override {
    return core_.now(context, [&] { core_.inference.server_ready(*response); });
  }
  Reactor* ServerMetadata(Context* context, const inference::ServerMetadataRequest*,
                          inference::ServerMetadataResponse* response) override {
    return core_.now(context, [&] { core_.inference.server_metadata(*response); });
  }
  Reactor* ModelReady(Context* context, const inference::ModelReadyRequest* request,
                      inference::ModelReadyResponse* response) override {
    return core_.now(context, [&] { core_.inference.model_ready(*request, *response); });
  }
  Reactor* ModelMetadata(Context* context, const inference::ModelMetadataRequest* request,
                         inference::ModelMetadataResponse* response) override {
    return core_.now(context, [&] { core_.inference.model_metadata(*request, *response); });
  }
  Reactor* ModelConfig(Context* context, const inference::ModelConfigRequest* request,
                       inference::ModelConfigResponse* response) override {
    return core_.now(context, [&] { core_.inference.model_config(*request, *response); });
  }
  Reactor* ModelStatistics(Context* context, const inference::ModelStatisticsRequest* request,
                           inference::ModelStatisticsResponse* response) override {
    return core_.now(context, [&] { core_.inference.model_statistics(*request, *response); });
  }
  Reactor* ModelInfer(Context* context, const ModelInferRequest* request,
                      ModelInferResponse* response) override {
    return core_.now(context, [&] { core_.inference.model_infer(*request, *response); });
  }
  grpc::ServerBidiReactor<ModelInferRequest, ModelStreamInferResponse>* ModelStreamInfer(
      Context*) override {
    return new InferStream(core_.inference, core_.activity);
  }
  Reactor* RepositoryIndex(Context* context, const inference::RepositoryIndexRequest* request,
                           inference::RepositoryIndexResponse* response) override {
    return core_.now(context, [&] { core_.inference.repository_index(*request, *response); });
  }
  Reactor* RepositoryModelLoad(Context* context,
                               const inference::RepositoryModelLoadRequest* request,
                               inference::RepositoryModelLoadResponse*) override {
    return core_.later(context, [this, request] { core_.inference.repository_load(*request); });
  }
  Reactor* RepositoryModelUnload(Context* context,
                                 const inference::RepositoryModelUnloadRequest* request,
                                 inference::RepositoryModelUnloadResponse*) override {
    return core_.later(context, [this, request] { core_.inference.repository_unload(*request); });
  }

 private:
  Core& core_;
  InferAllocator allocator_;
};

// The repository calls under the name by which MLServer's clients know them.
class RepositoryService final : public ModelRepositoryService::CallbackService {
 public:
  explicit RepositoryService(InferenceService& service) : service_(service) {}

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* RepositoryIndex(Context* context, const inference::RepositoryIndexRequest* request,
                           inference::RepositoryIndexResponse* response) override {
    return service_.RepositoryIndex(context, request, response);
  }
  Reactor* RepositoryModelLoad(Context* context,
                               const inference::RepositoryModelLoadRequest* request,
                               inference::RepositoryModelLoadResponse* response) override {
    return service_.RepositoryModelLoad(context, request, response);
  }
  Reactor* RepositoryModelUnload(Context* context,
                                 const inference::RepositoryModelUnloadRequest* request,
                                 inference::RepositoryModelUnloadResponse* response) override {
    return service_.RepositoryModelUnload(context, request, response);
  }

 private:
  InferenceService& service_;
};

}  // namespace lathe::server
