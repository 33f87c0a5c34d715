// What the benchmark programs share.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/random.h"

namespace lathe::bench {

inline double seconds_of(const auto& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<Index>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Uniform numbers, a little off centre.
inline Matrix random_rows(Index rows, Index cols) {
  Matrix X = large_matrix(rows, cols);
  parallel_blocks(rows, 1000, [&](Index block, Index begin, Index end) {
    Random random(static_cast<std::uint64_t>(block), "bench");
    for (Index i = begin; i < end; ++i) {
      for (Index j = 0; j < cols; ++j) X(i, j) = random.uniform() - 0.3;
    }
  });
  return X;
}

}  // namespace lathe::bench
