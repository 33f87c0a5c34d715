// A call that comes once gRPC was told to shut down, and before its client hears of that, gRPC 1.51
// answers CANCELLED (server.cc, KillZombie), which no client takes for "try again". It does so by
// giving the call up unanswered, through a function of its interface; the linker finds that of the
// program first, and this one answers UNAVAILABLE before. Like combiner.cpp it is part of lathe and
// lathed, and where it is not found all is as gRPC has it.
#include "lathe/server/late_calls.h"

#include <dlfcn.h>
#include <grpc/grpc.h>

extern "C" void grpc_call_unref(grpc_call* call) {
  static const auto give_up =
      reinterpret_cast<decltype(&grpc_call_unref)>(::dlsym(RTLD_NEXT, "grpc_call_unref"));
  if (lathe::server::late_calls().load(std::memory_order_relaxed) > 0) {
    // Of a call that was answered this changes nothing.
    grpc_call_cancel_with_status(call, GRPC_STATUS_UNAVAILABLE, "the server is stopping", nullptr);
  }
  give_up(call);
}
