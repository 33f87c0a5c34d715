// A request that found its route.
#pragma once

#include "lathe/server/http/service.h"

namespace lathe::server {

struct HttpService::Call {
  const HttpRequest& request;
  std::string model;
  std::string version;
};

}  // namespace lathe::server
