// The end of a server without a lost call, for which gRPC 1.51 lacks two things. Both are had by
// the linker finding a function of the program before gRPC's own. Like combiner.cpp they are part
// of lathe and lathed, and where they are not found all is as gRPC has it.
#include "lathe/server/late_calls.h"

#include <utility>

#include <dlfcn.h>
#include <grpc/grpc.h>

// A call that comes once gRPC was told to shut down, and before its client hears of that, it
// answers CANCELLED (server.cc, KillZombie), which no client takes for "try again". It does so by
// giving the call up unanswered; this answers UNAVAILABLE before.
extern "C" void grpc_call_unref(grpc_call* call) {
  static const auto give_up =
      reinterpret_cast<decltype(&grpc_call_unref)>(::dlsym(RTLD_NEXT, "grpc_call_unref"));
  if (lathe::server::late_calls().load(std::memory_order_relaxed) > 0) {
    // Of a call that was answered this changes nothing.
    grpc_call_cancel_with_status(call, GRPC_STATUS_UNAVAILABLE, "the server is stopping", nullptr);
  }
  give_up(call);
}

// And it has clients told to leave only once it takes no more calls. It can do so before, but not
// by its interface: a function of that which is like it calls it instead.
namespace grpc_core {

class Server {
 public:
  void CancelAllCalls();
  void SendGoaways();
};

}  // namespace grpc_core

namespace {

thread_local bool asks_to_leave = false;

bool ask(grpc_server* server) {
  asks_to_leave = true;
  grpc_server_cancel_all_calls(server);
  return !std::exchange(asks_to_leave, false);
}

[[maybe_unused]] const bool registered = [] {
  lathe::server::ask_to_leave() = ask;
  return true;
}();

}  // namespace

void grpc_core::Server::CancelAllCalls() {
  if (std::exchange(asks_to_leave, false)) return SendGoaways();
  using Cancel = void (*)(Server*);
  static const auto cancel =
      reinterpret_cast<Cancel>(::dlsym(RTLD_NEXT, "_ZN9grpc_core6Server14CancelAllCallsEv"));
  cancel(this);
}
