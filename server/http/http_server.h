// HTTP/1.1 on a socket: a small pool of threads that wait together for all connections, so that
// none of them belongs to a client. A thread reads what is there and goes on; it answers when a
// request is whole. So clients that are slow, idle or gone cost a buffer and no thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "lathe/server/http/channel.h"
#include "lathe/server/http/frame.h"

namespace lathe::server {

class HttpService;

// Makes the channel of an accepted socket, which it does not own.
using MakeChannel = std::function<std::unique_ptr<Channel>(int socket)>;

struct HttpOptions {
  std::string address = "127.0.0.1:8000";  // HOST:PORT, port 0 for any free one
  int threads = 8;
  FrameLimits limits = {};
  std::size_t max_connections = 1024;
  // Of all requests that are not whole. Those of up to 64 KiB are not refused for it.
  std::size_t max_buffered_bytes = std::size_t{256} << 20;
  std::chrono::milliseconds request_time{30'000};  // for a request to arrive, a reply to be taken
  std::chrono::milliseconds idle_time{75'000};     // between two requests
  MakeChannel channel = plain_channel;
};

class HttpServer {
 public:
  // Listens and answers from here on. Throws InvalidArgument (U010) for what is no address, and
  // IoError (R025) when it cannot be listened on. The service must outlive this.
  HttpServer(const HttpService& service, const HttpOptions& options);
  ~HttpServer();  // as drain(0)

  const std::string& address() const;  // with the port that was chosen

  // Stops accepting, closes connections that ask nothing, lets requests that have begun end for at
  // most `limit`, and returns once all threads have.
  void drain(std::chrono::milliseconds limit);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace lathe::server
