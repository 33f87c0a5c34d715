// HTTP as lathed runs it: the service on a socket, by its flags, or nothing.
#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace lathe::server {

class Authority;
class CallMetrics;
class Inference;
class Repository;
struct ServeOptions;

class HttpSide {
 public:
  // All must outlive this. Throws as HttpServer.
  HttpSide(const Inference& inference, const Repository& repository, const Authority& authority,
           const CallMetrics* calls, const ServeOptions& options);
  ~HttpSide();

  const std::string& address() const;  // empty where there is none
  void drain(std::chrono::milliseconds limit);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;  // null: none
};

}  // namespace lathe::server
