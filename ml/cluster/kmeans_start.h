// Where k-means begins. Internal to k-means.
#pragma once

#include "lathe/ml/cluster/training_rows.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/core/types.h"

namespace lathe {

// k different rows, each in proportion to its weight (Efraimidis and Spirakis 2006).
Matrix random_start(const ClusterRows& rows, Index k, Random& random);

// Greedy k-means++: each new centre is the best of 2 + log k rows drawn in proportion to their
// weighted squared distance from the centres so far. One pass over the rows for each centre: it
// measures all candidates, and what the one before them changed.
Matrix kmeans_plus_plus(const ClusterRows& rows, Index k, Random& random);

}  // namespace lathe
