// What the routes see of HTTP, without a socket.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/ml/core/error.h"

namespace lathe::server {

struct HttpRequest {
  std::string method = {};  // GET, POST, ...
  std::string path = {};    // decoded, without the query
  std::string_view body = {};
  std::string content_type = {};
  std::string content_encoding = {};
  std::string authorization = {};
  std::string json_length = {};  // Inference-Header-Content-Length
  std::string site = {};         // Sec-Fetch-Site: a browser says whose page asks
  std::string host = {};         // Host: by what name the server was asked for
  std::function<bool()> is_wanted = [] { return true; };  // its caller still waits
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";  // empty: there is no body
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// A refusal that only HTTP knows, with its status.
class HttpError final : public Error {
 public:
  HttpError(int status, std::string_view code, const std::string& message,
            std::string_view help = {})
      : Error(code, message, help), status_(status) {}
  ~HttpError() override;

  int status() const { return status_; }

 private:
  int status_;
};

// {"error": "R011: ...", "code": "R011"} with the status that the kind of error has: the one place
// where errors become statuses. To be called within a catch block. What is not an Error may hold
// paths, and is logged instead of sent.
HttpResponse error_response();

}  // namespace lathe::server
