// Where k-means begins. Internal to k-means.
#pragma once

#include <span>

#include "lathe/ml/core/random.h"
#include "lathe/ml/core/types.h"

namespace lathe {

// k different rows, each in proportion to its weight (Efraimidis and Spirakis 2006).
Matrix random_start(const MatrixView& X, std::span<const double> weight, Index k, Random& random);

// Greedy k-means++: each new centre is the best of 2 + log k rows drawn in proportion to their
// weighted squared distance from the centres so far.
Matrix kmeans_plus_plus(const MatrixView& X, std::span<const double> weight, Index k,
                        Random& random);

// Rows of a block when n rows of d columns are cut into at most 64.
Index start_block(Index n, Index d);

}  // namespace lathe
