// Rows about a few centres, and what is made of them, for the tests of k-means.
#pragma once

#include <gtest/gtest.h>

#include "lathe/ml/cluster/lloyd.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/core/types.h"

namespace lathe {

struct Shape {
  Index n, d, k;
};

inline Matrix blobs(Index n, Index d, Index k, std::uint64_t seed) {
  Random random(seed, "lloyd_test");
  Matrix centres(k, d);
  for (double& c : centres.reshaped()) c = 6.0 * random.uniform();
  Matrix X(n, d);
  for (Index i = 0; i < n; ++i) {
    const auto c = static_cast<Index>(random.below(static_cast<std::uint64_t>(k)));
    for (Index j = 0; j < d; ++j) X(i, j) = centres(c, j) + random.normal();
  }
  return X;
}

inline void expect_same(const LloydResult& a, const LloydResult& b) {
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.centres, b.centres);
  EXPECT_EQ(a.inertia, b.inertia);
  EXPECT_EQ(a.n_iter, b.n_iter);
}

}  // namespace lathe
