// The gRPC services over the inference core. Only transport.cpp includes this: gRPC's headers take
// longer to compile than all of ours.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

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

// The generated services with every call on bytes.
namespace on_bytes {

using S = GRPCInferenceService;
using Health = S::WithRawCallbackMethod_ServerLive<
    S::WithRawCallbackMethod_ServerReady<S::WithRawCallbackMethod_ModelReady<S::Service>>>;
using Descriptions = S::WithRawCallbackMethod_ServerMetadata<S::WithRawCallbackMethod_ModelMetadata<
    S::WithRawCallbackMethod_ModelConfig<S::WithRawCallbackMethod_ModelStatistics<Health>>>>;
using Inferences =
    S::WithRawCallbackMethod_ModelInfer<S::WithRawCallbackMethod_ModelStreamInfer<Descriptions>>;
using Inference =
    S::WithRawCallbackMethod_RepositoryIndex<S::WithRawCallbackMethod_RepositoryModelLoad<
        S::WithRawCallbackMethod_RepositoryModelUnload<Inferences>>>;

using R = ModelRepositoryService;
using Repository =
    R::WithRawCallbackMethod_RepositoryIndex<R::WithRawCallbackMethod_RepositoryModelLoad<
        R::WithRawCallbackMethod_RepositoryModelUnload<R::Service>>>;

}  // namespace on_bytes

class InferenceService final : public on_bytes::Inference {
 public:
  using Context = Core::Context;
  using Reactor = Core::Reactor;

  explicit InferenceService(Core& core)
      : core_(core), allocator_(core.activity, core.inference.memory()) {
    // As the generated function that sets it does, which there is not for bytes.
    const auto* const service =
        ModelInferRequest::descriptor()->file()->FindServiceByName("GRPCInferenceService");
    const int infer = service->FindMethodByName("ModelInfer")->index();
    static_cast<grpc::internal::CallbackUnaryHandler<Bytes, Bytes>*>(GetHandler(infer))
        ->SetMessageAllocator(&allocator_);
  }

  Reactor* ServerLive(Context* context, const Bytes* request, Bytes* reply) override {
    return core_.now(context, method("ServerLive"), Access::open, &Inference::server_live, *request,
                     *reply);
  }
  Reactor* ServerReady(Context* context, const Bytes* request, Bytes* reply) override {
    return core_.now(context, method("ServerReady"), Access::open, &Inference::server_ready,
                     *request, *reply);
  }
  Reactor* ServerMetadata(Context* context, const Bytes* request, Bytes* reply) override {
    return core_.now(context, method("ServerMetadata"), Access::predict,
                     &Inference::server_metadata, *request, *reply);
  }
  Reactor* ModelReady(Context* context, const Bytes* request, Bytes* reply) override {
    return core_.now(context, method("ModelReady"), Access::predict, &Inference::model_ready,
                     *request, *reply);
  }
  Reactor* ModelMetadata(Context* context, const Bytes* request, Bytes* reply) override {
    return core_.now(context, method("ModelMetadata"), Access::predict, &Inference::model_metadata,
                     *request, *reply);
  }
  Reactor* ModelConfig(Context* context, const Bytes* request, Bytes* reply) override {
    return core_.now(context, method("ModelConfig"), Access::predict, &Inference::model_config,
                     *request, *reply);
  }
  Reactor* ModelStatistics(Context* context, const Bytes* request, Bytes* reply) override {
    return core_.now(context, method("ModelStatistics"), Access::predict,
                     &Inference::model_statistics, *request, *reply);
  }
  Reactor* ModelInfer(Context* context, const Bytes*, Bytes*) override {
    auto* reactor = context->DefaultReactor();
    auto& call = static_cast<InferBytes&>(*context->GetRpcAllocatorState());
    const CountedCall counted(core_.calls, method("ModelInfer"));
    const auto finish = [counted, reactor, &call](const grpc::Status& status) {
      if (!status.ok()) call.response()->Clear();
      counted.end(status.error_code());
      hand_over(&call);
      reactor->Finish(status);
    };
    auto& here = InferMessages::of_this_thread();
    std::size_t size = std::numeric_limits<std::size_t>::max();  // of what could not be read
    bool later = false;
    const grpc::Status status = answer([&] {
      core_.allow(*context, Access::predict);
      const Work work =
          core_.read(*call.request(), here.in, call.held(), *context, counted.begin(), size);
      if (work.is_long) {
        answer_later(work, here, call, *context, finish);
        later = true;
        return;
      }
      core_.inference.model_infer(work, here.in, here.out);
      write(here, call);
    });
    if (later) return reactor;  // and `call` may be gone by now
    here.clear(std::max(size, call.response()->Length()));
    call.held().shrink_to(call.response()->Length());
    finish(status);
    return reactor;
  }
  grpc::ServerBidiReactor<Bytes, Bytes>* ModelStreamInfer(Context* context) override {
    const grpc::Status allowed = answer([&] { core_.allow(*context, Access::predict); });
    if (!allowed.ok()) return new RefusedStream(core_, allowed);
    return new InferStream(core_, *context);
  }
  Reactor* RepositoryIndex(Context* context, const Bytes* request, Bytes* reply) override {
    return core_.now(context, method("RepositoryIndex"), Access::predict,
                     &Inference::repository_index, *request, *reply);
  }
  Reactor* RepositoryModelLoad(Context* context, const Bytes* request, Bytes* reply) override {
    return core_.on_admin_thread(context, method("RepositoryModelLoad"),
                                 &Inference::repository_load, *request, *reply);
  }
  Reactor* RepositoryModelUnload(Context* context, const Bytes* request, Bytes* reply) override {
    return core_.on_admin_thread(context, method("RepositoryModelUnload"),
                                 &Inference::repository_unload, *request, *reply);
  }

 private:
  // Throws what write_message() and HeldMemory throw.
  static void write(const InferMessages& messages, InferBytes& call) {
    write_message(messages.out, *call.response());
    call.held().add(call.response()->Length());
  }

  // Takes the messages, which are the thread's.
  template <class Finish>
  void answer_later(const Work& work, InferMessages& messages, InferBytes& call,
                    const Context& context, Finish finish) {
    const auto own = std::make_shared<InferMessages>(std::move(messages));
    core_.post(work, own->in, own->out, context, [own, &call, finish](grpc::Status status) {
      if (status.ok()) status = answer([&] { write(*own, call); });
      *own = {};  // all that is left is the reply, which may wait long for its client
      call.held().shrink_to(call.response()->Length());
      finish(status);
    });
  }

  Core& core_;
  InferAllocator allocator_;
};

// The repository calls under the name by which MLServer's clients know them.
class RepositoryService final : public on_bytes::Repository {
 public:
  explicit RepositoryService(InferenceService& service) : service_(service) {}

  using Context = Core::Context;
  using Reactor = Core::Reactor;

  Reactor* RepositoryIndex(Context* context, const Bytes* request, Bytes* reply) override {
    return service_.RepositoryIndex(context, request, reply);
  }
  Reactor* RepositoryModelLoad(Context* context, const Bytes* request, Bytes* reply) override {
    return service_.RepositoryModelLoad(context, request, reply);
  }
  Reactor* RepositoryModelUnload(Context* context, const Bytes* request, Bytes* reply) override {
    return service_.RepositoryModelUnload(context, request, reply);
  }

 private:
  InferenceService& service_;
};

}  // namespace lathe::server
