// gRPC 1.51 tells clients to leave only once it takes no more calls: those that come before their
// clients have heard of it, it answers CANCELLED, which none takes for "try again". It can tell
// them before, but not by its interface: a function of that which is like it, found by the linker
// in the program first, does that instead when asked to. Like combiner.cpp this is part of lathe
// and lathed; where it is not found the end is as gRPC has it.
#include "lathe/server/goaway.h"

#include <utility>

#include <dlfcn.h>
#include <grpc/grpc.h>

namespace grpc_core {

class Server {
 public:
  void CancelAllCalls();
  void SendGoaways();
};

}  // namespace grpc_core

namespace {

thread_local bool asked = false;

bool send(grpc_server* server) {
  asked = true;
  grpc_server_cancel_all_calls(server);
  return !std::exchange(asked, false);
}

[[maybe_unused]] const bool registered = [] {
  lathe::server::send_goaways() = send;
  return true;
}();

}  // namespace

void grpc_core::Server::CancelAllCalls() {
  if (std::exchange(asked, false)) return SendGoaways();
  using Cancel = void (*)(Server*);
  static const auto cancel =
      reinterpret_cast<Cancel>(::dlsym(RTLD_NEXT, "_ZN9grpc_core6Server14CancelAllCallsEv"));
  cancel(this);
}
