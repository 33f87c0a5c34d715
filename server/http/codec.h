// Requests parsed and replies written by cpp-httplib, on bytes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "lathe/server/http/message.h"
#include "lathe/server/http/service.h"

namespace lathe::server {

class HttpCodec {
 public:
  struct Caller {
    bool keep_alive;              // it may stay
    std::function<bool()> waits;  // whether it still does
  };

  // idle_seconds is what replies say about how long a connection may stay.
  HttpCodec(const HttpService& service, int idle_seconds);
  ~HttpCodec();

  // Parses the head, answers, and appends the reply. Says whether the connection can go on.
  bool answer(const std::string& head, std::string& body, const Caller& caller,
              std::string& out) const;

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

// A whole reply that ends its connection, for what was no request.
std::string closing_reply(const HttpResponse& response);

}  // namespace lathe::server
