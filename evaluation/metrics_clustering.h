// Scores of clusterings, as scikit-learn 1.2.1 defines them. Clusters may have any labels.
#pragma once

#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/types.h"

namespace lathe {

// For each row (b - a) / max(a, b), with a its mean Euclidean distance to the other rows of its
// cluster and b the least mean distance to the rows of another; 0 in a cluster of one row
// (Rousseeuw 1987). X: n_samples x n_features. Distances are taken from differences, not from dot
// products, so that rows far from the origin lose nothing. O(n^2 d) time on all threads, O(n d)
// memory. Throws InvalidArgument unless there are 2 to n - 1 clusters and X is finite.
Vector silhouette_samples(const MatrixView& X, const Labels& clusters);
double silhouette_score(const MatrixView& X, const Labels& clusters);  // their mean

// The share of pairs of rows on which both agree to put them together or apart, scaled so that
// chance gives 0 and the same clustering 1 (Hubert and Arabie 1985). Exact counts; O(n log n).
// Throws InvalidArgument on other lengths and no rows.
double adjusted_rand_score(const Labels& labels_true, const Labels& labels_pred);

}  // namespace lathe
