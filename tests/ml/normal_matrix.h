// Standard normal numbers for tests.
#pragma once

#include <cstdint>
#include <string_view>

#include "lathe/ml/core/random.h"
#include "lathe/ml/core/types.h"

namespace lathe {

// The same for the same seed and stream.
inline Matrix normal_matrix(Index n, Index d, std::uint64_t seed, std::string_view stream) {
  Random random(seed, stream);
  Matrix X(n, d);
  for (double& x : X.reshaped()) x = random.normal();
  return X;
}

}  // namespace lathe
