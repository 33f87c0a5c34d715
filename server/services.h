// The gRPC services over the inference core. Only transport.cpp includes this: gRPC's headers take
// longer to compile than all of ours.
#pragma once

#include <grpcpp/grpcpp.h>

#include "lathe/proto/inference.grpc.pb.h"
#include "lathe/proto/model_repository.grpc.pb.h"
#include "lathe/server/core.h"
#include "lathe/server/infer_stream.h"

namespace lathe::server {

using inference::GRPCInferenceService;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using inference::ModelStreamInferResponse;
using inference::model_repository::ModelRepositoryService;

// Looked up by the compiler, which refuses a name that is none.
consteval CallMetrics::Index method(std::string_view name) { return CallMetrics::index_of(name); }

class InferenceService final : public GRPCInferenceService::CallbackService {
 public:
  explicit InferenceService(Core& core) : core_(core), allocator_(core.activity) {
    SetMessageAllocatorFor_ModelInfer(&allocator_);
  }

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* ServerLive(Context* context, const inference::ServerLiveRequest*,
                      inference::ServerLiveResponse* response) override {
    return core_.now(context, method("ServerLive"), Access::open,
                     [&] { core_.inference.server_live(*response); });
  }
  Reactor* ServerReady(Context* context, const inference::ServerReadyRequest*,
                       inference::ServerReadyResponse* response) override {
    return core_.now(context, method("ServerReady"), Access::open,
                     [&] { core_.inference.server_ready(*response); });
  }
  Reactor* ServerMetadata(Context* context, const inference::ServerMetadataRequest*,
                          inference::ServerMetadataResponse* response) override {
    return core_.now(context, method("ServerMetadata"), Access::predict,
                     [&] { core_.inference.server_metadata(*response); });
  }
  Reactor* ModelReady(Context* context, const inference::ModelReadyRequest* request,
                      inference::ModelReadyResponse* response) override {
    return core_.now(context, method("ModelReady"), Access::predict,
                     [&] { core_.inference.model_ready(*request, *response); });
  }
  Reactor* ModelMetadata(Context* context, const inference::ModelMetadataRequest* request,
                         inference::ModelMetadataResponse* response) override {
    return core_.now(context, method("ModelMetadata"), Access::predict,
                     [&] { core_.inference.model_metadata(*request, *response); });
  }
  Reactor* ModelConfig(Context* context, const inference::ModelConfigRequest* request,
                       inference::ModelConfigResponse* response) override {
    return core_.now(context, method("ModelConfig"), Access::predict,
                     [&] { core_.inference.model_config(*request, *response); });
  }
  Reactor* ModelStatistics(Context* context, const inference::ModelStatisticsRequest* request,
                           inference::ModelStatisticsResponse* response) override {
    return core_.now(context, method("ModelStatistics"), Access::predict,
                     [&] { core_.inference.model_statistics(*request, *response); });
  }
  Reactor* ModelInfer(Context* context, const ModelInferRequest* request,
                      ModelInferResponse* response) override {
    auto* reactor = context->DefaultReactor();
    const CountedCall counted(core_.calls, method("ModelInfer"));
    const auto finish = [counted, reactor](const grpc::Status& status) {
      counted.end(status.error_code());
      reactor->Finish(status);
    };
    const grpc::Status allowed = answer([&] { core_.allow(*context, Access::predict); });
    if (allowed.ok()) {
      core_.infer(*request, *response, *context, finish);
    } else {
      finish(allowed);
    }
    return reactor;
  }
  grpc::ServerBidiReactor<ModelInferRequest, ModelStreamInferResponse>* ModelStreamInfer(
      Context* context) override {
    const grpc::Status allowed = answer([&] { core_.allow(*context, Access::predict); });
    if (!allowed.ok()) return new RefusedStream(core_, allowed);
    return new InferStream(core_, *context);
  }
  Reactor* RepositoryIndex(Context* context, const inference::RepositoryIndexRequest* request,
                           inference::RepositoryIndexResponse* response) override {
    return core_.now(context, method("RepositoryIndex"), Access::predict,
                     [&] { core_.inference.repository_index(*request, *response); });
  }
  Reactor* RepositoryModelLoad(Context* context,
                               const inference::RepositoryModelLoadRequest* request,
                               inference::RepositoryModelLoadResponse*) override {
    return core_.on_admin_thread(context, method("RepositoryModelLoad"),
                                 [this, request] { core_.inference.repository_load(*request); });
  }
  Reactor* RepositoryModelUnload(Context* context,
                                 const inference::RepositoryModelUnloadRequest* request,
                                 inference::RepositoryModelUnloadResponse*) override {
    return core_.on_admin_thread(context, method("RepositoryModelUnload"),
                                 [this, request] { core_.inference.repository_unload(*request); });
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
