// All that a model says of some rows, as metrics want it.
#pragma once

#include <span>
#include <vector>

#include "lathe/evaluation/metrics.h"
#include "lathe/ml/core/model.h"
#include "lathe/ml/core/target.h"

namespace lathe::detail {

struct ModelOutput {
  Matrix numbers;   // regressors
  Labels labels;    // classifiers: in `classes`
  Matrix proba;     // classifiers, where needed: columns in the order of `classes`
  Labels clusters;  // clusterers
  Matrix seen;      // clusterers: the rows as the last step sees them
};

// `classes` has all that a classifier knows, and may have more: their probability is 0.
ModelOutput model_output(const ModelPtr& model, const MatrixView& X, const Classes& classes,
                         bool need_proba);

// One score per metric. Labels in y are in the same classes as the output's.
std::vector<double> scores(std::span<const Metric> metrics, const ModelOutput& said,
                           const Target& y, std::span<const double> weight);

}  // namespace lathe::detail
