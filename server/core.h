// What every gRPC service needs. Only transport.cpp includes this.
#pragma once

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "lathe/server/address.h"
#include "lathe/server/auth.h"
#include "lathe/server/call_metrics.h"
#include "lathe/server/infer_messages.h"
#include "lathe/server/inference.h"
#include "lathe/server/messages.h"
#include "lathe/server/status.h"
#include "lathe/server/transport.h"
#include "lathe/server/worker.h"

namespace lathe::server {

struct Core {
  Core(Inference& core, const Authority& who, const TransportOptions& options)
      : inference(core),
        authority(who),
        local(is_local(options.address)),
        max_message_bytes(static_cast<std::size_t>(options.max_message_mib) << 20) {}

  Inference& inference;
  CallMetrics calls;
  const Authority& authority;
  const bool local;
  const std::size_t max_message_bytes;
  Activity activity;
  Worker admin{{.threads = 1,
                .most_waiting = 16,
                .work = "calls to load or unload",
                .cure = "try again later"}};

  // Throws what Authority::check() throws.
  void allow(const grpc::CallbackServerContext& context, Access access) const {
    Caller caller{.authorization = {}, .local = local};
    if (authority.reads_tokens() && access != Access::open) {
      const auto found = context.client_metadata().find("authorization");
      if (found != context.client_metadata().end()) {
        caller.authorization = {found->second.data(), found->second.size()};
      }
    }
    authority.check(caller, access);
  }

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  template <class Request, class Reply>
  Reactor* now(Context* context, CallMetrics::Index method, Access access,
               void (Inference::*call)(const Request&, Reply&) const, const Bytes& request,
               Bytes& reply) {
    auto* reactor = context->DefaultReactor();
    const CountedCall counted(calls, method);
    const grpc::Status status = answer([&] {
      allow(*context, access);
      Request in;
      Reply out;
      HeldMemory held(inference.memory());
      read_message(own(request), max_message_bytes, in, held);
      (inference.*call)(in, out);
      write_message(out, reply);
    });
    counted.end(status.error_code());
    reactor->Finish(status);
    return reactor;
  }

  template <class Request>
  Reactor* on_admin_thread(Context* context, CallMetrics::Index method,
                           void (Inference::*call)(const Request&) const, const Bytes& request,
                           Bytes& reply) {
    auto* reactor = context->DefaultReactor();
    const CountedCall counted(calls, method);
    const auto finish = [counted, reactor](const grpc::Status& status) {
      counted.end(status.error_code());
      reactor->Finish(status);
    };
    const grpc::Status posted = answer([&] {
      allow(*context, Access::admin);
      Request in;
      const auto held = std::make_shared<HeldMemory>(inference.memory());
      read_message(own(request), max_message_bytes, in, *held);
      admin.post([this, finish, &reply, call, held, in = std::move(in)] {
        activity.begin();
        finish(answer([&] {
          (inference.*call)(in);
          reply = Bytes(nullptr, 0);  // these calls answer with an empty message
        }));
        activity.end();
      });
    });
    if (!posted.ok()) finish(posted);
    return reactor;
  }

  // Reads `bytes` into the request; `held` has what all takes.
  Work read(Bytes& bytes, inference::ModelInferRequest& request, HeldMemory& held,
            const Context& context, Work::Clock::time_point arrived, std::size_t& size) const {
    size = read_message(bytes, max_message_bytes, request, held);
    Work work = inference.plan(request, {arrived, deadline(context)});
    if (work.is_long && held.bytes() == 0) held.set(request.SpaceUsedLong());  // it may wait
    held.add(work.bytes);
    return work;
  }

  // For long work: calls done(status) on another thread, unless it throws Overloaded.
  template <class Done>
  void post(const Work& work, const inference::ModelInferRequest& request,
            inference::ModelInferResponse& response, const Context& context, Done done) const {
    inference.post(work, [this, work, &request, &response, &context, done] {
      done(answer([&] {
        if (context.IsCancelled()) inference.refuse_unwanted(work);
        inference.model_infer(work, request, response);
      }));
    });
  }

 private:
  // They are the call's own: only the generated functions have them const.
  static Bytes& own(const Bytes& bytes) { return const_cast<Bytes&>(bytes); }

  static Work::Clock::time_point deadline(const grpc::CallbackServerContext& context) {
    const gpr_timespec raw = context.raw_deadline();
    if (gpr_time_cmp(raw, gpr_inf_future(raw.clock_type)) == 0) {
      return Work::Clock::time_point::max();
    }
    const gpr_timespec left = gpr_time_sub(raw, gpr_now(raw.clock_type));
    constexpr std::int64_t longest = std::int64_t{1} << 32;  // as nanoseconds they fit 63 bits
    if (left.tv_sec > longest) return Work::Clock::time_point::max();
    return Work::Clock::now() + std::chrono::seconds(left.tv_sec) +
           std::chrono::nanoseconds(left.tv_nsec);
  }
};

}  // namespace lathe::server
