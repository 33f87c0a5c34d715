// What lathe and lathed have gRPC do at the end, which has no call for it: late_calls.cpp.
#pragma once

#include <atomic>

struct grpc_server;

namespace lathe::server {

// How many servers of this process take no more calls, and end those that run.
std::atomic<int>& late_calls();

// Tells all connections of the server to make no new calls (GOAWAY), and goes on answering those
// that come until their clients have heard. To be tried before there are any: where it is false
// gRPC would have closed them. Null in programs that have no such.
using AskToLeave = bool (*)(grpc_server*);
std::atomic<AskToLeave>& ask_to_leave();

}  // namespace lathe::server
