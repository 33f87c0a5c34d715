// Has gRPC's clients make no new calls, while those that come are still answered.
#pragma once

#include <atomic>

struct grpc_server;

namespace lathe::server {

// Sends GOAWAY to all connections of the server. To be tried before there are any: where it is
// false gRPC closed them. Null in programs without goaway.cpp.
using SendGoaways = bool (*)(grpc_server*);
std::atomic<SendGoaways>& send_goaways();

}  // namespace lathe::server
