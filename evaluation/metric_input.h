// What a metric looks at. It points at the caller's data.
#pragma once

#include <span>
#include <string_view>

#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/target.h"
#include "lathe/ml/core/types.h"

namespace lathe {

enum class MetricNeeds {
  numbers,              // y and predicted numbers
  labels,               // y and predicted labels
  proba,                // y and predicted probabilities
  clusters,             // rows and their clusters
  clusters_and_labels,  // y, as labels, and clusters
};
std::string_view to_text(MetricNeeds needs);  // "predicted numbers"

// What the metric needs has to be there; the rest may be empty. One entry or row for each row.
struct MetricInput {
  Target y = {};                     // the truth
  const Matrix* numbers = nullptr;   // n x n_targets
  const Labels* labels = nullptr;    // n
  const Matrix* proba = nullptr;     // n x y.labels().classes().size(), in the order of the classes
  const Labels* clusters = nullptr;  // n
  const Matrix* X = nullptr;         // n x n_features, as the clusterer saw them
  std::span<const double> weight = {};
};

}  // namespace lathe
