// What is counted, as Prometheus' text format 0.0.4 has it.
#pragma once

#include <string>

namespace lathe::server {

class CallMetrics;
class Repository;

// Names are Triton's (nv_inference_*) and the gRPC ecosystem's (grpc_server_*) where they have one,
// Prometheus' own for the process, and lathe_* for the rest; docs/serving.md lists them. `calls`
// may be null. O(models).
std::string metrics_text(const Repository& repository, const CallMetrics* calls);

}  // namespace lathe::server
