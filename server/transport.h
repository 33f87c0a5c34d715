// The inference core over gRPC: inference.GRPCInferenceService, ModelRepositoryService,
// grpc.health.v1 (the server, its service, and each model by name) and server reflection.
#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace lathe::server {

class Authority;
class CallMetrics;
class Inference;
class Repository;

struct TransportOptions {
  std::string address = "127.0.0.1:8001";  // HOST:PORT, port 0 for any free one, or unix:PATH
  std::string tls_cert = {};               // PEM files, read again when they change; empty: no TLS
  std::string tls_key = {};
  std::string tls_client_ca = {};  // clients must have a certificate of one of these; empty: none
  int max_message_mib = 64;        // of a request
  int max_connections = 1024;      // the next is closed at once, with a 503 if not TLS
  int max_streams = 256;           // calls at once on a connection; more of them wait
  int max_memory_mib = 1024;       // of messages under way and connections, in all
  double keepalive_seconds = 60;   // without a word, a client is asked whether it lives; 0: never
  double keepalive_timeout_seconds = 20;  // to answer that, and to shake hands
  double min_ping_seconds = 10;           // clients that ask that more often are sent away
  double max_connection_age_seconds = 0;  // then it must come again, for balancers; 0: never
};

// Throws InvalidArgument (R037) where one of certificate and key is there without the other.
void check_tls(const TransportOptions& options);
// That, and reads the files: IoError (R037) and InvalidArgument (R037) as Transport would throw.
void check_tls_files(const TransportOptions& options);

class Transport {
 public:
  // Listens and answers from here on. Throws InvalidArgument (U010) for what is no address, and
  // IoError (R025) when it cannot be listened on. The three rooms must outlive this.
  Transport(Inference& inference, Repository& repository, const Authority& authority,
            const TransportOptions& options);
  ~Transport();  // as drain(0)

  const std::string& address() const;  // with the port that was chosen
  const CallMetrics& calls() const;    // those that were made

  // From now on health says NOT_SERVING; calls are still answered. Calling it again does nothing.
  void report_not_ready();

  // report_not_ready(), then stops accepting, lets calls end for at most `limit`, and returns once
  // all have; connections without calls are closed. Calls still running at the limit are cancelled.
  void drain(std::chrono::milliseconds limit);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace lathe::server
