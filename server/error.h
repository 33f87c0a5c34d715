// The one way to fail that only a server has.
#pragma once

#include "lathe/ml/core/error.h"

namespace lathe::server {

// Known, but not now: a model whose versions could not be loaded, or that was unloaded.
class Unavailable final : public Error {
 public:
  using Error::Error;
  ~Unavailable() override;
};

}  // namespace lathe::server
