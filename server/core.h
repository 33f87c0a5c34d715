// What every gRPC service needs. Only transport.cpp includes this.
#pragma once

#include <chrono>
#include <string_view>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "lathe/ml/core/parallel.h"
#include "lathe/server/address.h"
#include "lathe/server/auth.h"
#include "lathe/server/call_metrics.h"
#include "lathe/server/infer_messages.h"
#include "lathe/server/inference.h"
#include "lathe/server/status.h"
#include "lathe/server/transport.h"
#include "lathe/server/worker.h"

namespace lathe::server {

struct Core {
  Core(Inference& core, const Authority& who, const TransportOptions& options)
      : inference(core),
        authority(who),
        local(is_local(options.address)),
        predictions({.threads = options.threads > 0 ? options.threads : thread_limit(),
                     .most_waiting = static_cast<std::size_t>(options.max_queue),
                     .work = "predictions that take long",
                     .cure = "try again later, or raise --max-queue"}) {}

  Inference& inference;
  CallMetrics calls;
  const Authority& authority;
  const bool local;
  Activity activity;
  Worker admin{{.threads = 1,
                .most_waiting = 16,
                .work = "calls to load or unload",
                .cure = "try again later"}};
  Worker predictions;  // those that take long

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

  template <class Call>
  grpc::ServerUnaryReactor* now(grpc::CallbackServerContext* context, CallMetrics::Index method,
                                Access access, Call&& call) {
    auto* reactor = context->DefaultReactor();
    const CountedCall counted(calls, method);
    const grpc::Status status = answer([&] {
      allow(*context, access);
      call();
    });
    counted.end(status.error_code());
    reactor->Finish(status);
    return reactor;
  }

  template <class Call>
  grpc::ServerUnaryReactor* on_admin_thread(grpc::CallbackServerContext* context,
                                            CallMetrics::Index method, Call call) {
    auto* reactor = context->DefaultReactor();
    const CountedCall counted(calls, method);
    const grpc::Status posted = answer([&] {
      allow(*context, Access::admin);
      admin.post([this, counted, reactor, call] {
        activity.begin();
        const grpc::Status status = answer(call);
        counted.end(status.error_code());
        reactor->Finish(status);
        activity.end();
      });
    });
    if (!posted.ok()) {
      counted.end(posted.error_code());
      reactor->Finish(posted);
    }
    return reactor;
  }

  // Calls done(status) on this thread, or after long work on another one.
  template <class Done>
  void infer(const inference::ModelInferRequest& request, inference::ModelInferResponse& response,
             const grpc::CallbackServerContext& context, Done done) {
    bool later = false;
    const grpc::Status status = answer([&] {
      const Work work = inference.plan(request, deadline(context));
      if (!work.is_long) return inference.model_infer(work, request, response);
      post(work, [this, work, &request, &response, &context, done] {
        done(answer([&] {
          if (context.IsCancelled()) {
            throw Cancelled("R035", "not begun: its caller no longer waits");
          }
          inference.model_infer(work, request, response);
        }));
      });
      later = true;
    });
    if (!later) done(status);
  }

 private:
  template <class Job>
  void post(const Work& work, Job job) {
    try {
      predictions.post(std::move(job));
    } catch (...) {
      work.served->counters().fail.add(Work::Clock::now() - work.arrived);
      throw;
    }
  }

  static Work::Clock::time_point deadline(const grpc::CallbackServerContext& context) {
    const gpr_timespec raw = context.raw_deadline();
    if (gpr_time_cmp(raw, gpr_inf_future(raw.clock_type)) == 0) {
      return Work::Clock::time_point::max();
    }
    const gpr_timespec left = gpr_time_sub(raw, gpr_now(raw.clock_type));
    return Work::Clock::now() + std::chrono::seconds(left.tv_sec) +
           std::chrono::nanoseconds(left.tv_nsec);
  }
};

}  // namespace lathe::server
