// The ways to fail that only a server has.
#pragma once

#include "lathe/ml/core/error.h"

namespace lathe::server {

// Known, but not now: a model whose versions could not be loaded, or that was unloaded.
class Unavailable final : public Error {
 public:
  using Error::Error;
  ~Unavailable() override;
};
class Unauthenticated final : public Error {  // no token, or an unknown one
 public:
  using Error::Error;
  ~Unauthenticated() override;
};
class Forbidden final : public Error {  // a known caller who may not do this
 public:
  using Error::Error;
  ~Forbidden() override;
};
class DeadlineExceeded final : public Error {  // too late for the caller, so it was not done
 public:
  using Error::Error;
  ~DeadlineExceeded() override;
};
class Cancelled final : public Error {  // the caller no longer waits, so it was not done
 public:
  using Error::Error;
  ~Cancelled() override;
};

}  // namespace lathe::server
