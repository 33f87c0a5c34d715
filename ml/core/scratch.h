// A buffer for the length of a scope, taken from this thread's own and given back: predictions
// allocate nothing once a thread has seen its largest block. May be nested.
#pragma once

#include "lathe/ml/core/types.h"

namespace lathe {

class Scratch {
 public:
  Scratch(Index rows, Index cols);  // its numbers are whatever they were
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  Eigen::Map<Matrix> matrix() { return {buffer_.data(), rows_, cols_}; }

 private:
  Vector buffer_;
  Index rows_;
  Index cols_;
};

}  // namespace lathe
