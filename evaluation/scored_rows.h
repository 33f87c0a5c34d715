// What models say of rows, brought into the form that metrics look at.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "lathe/evaluation/metrics.h"
#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/model.h"
#include "lathe/ml/core/target.h"
#include "lathe/ml/core/types.h"

namespace lathe::detail {

struct ScoredRows {
  Matrix numbers;   // regressors
  Labels labels;    // classifiers, in the classes of the truth
  Matrix proba;     // classifiers, where a metric needs it: columns are the classes of the truth
  Labels clusters;  // clusterers
  Matrix seen;      // clusterers: the rows as the last step sees them
};

// Each class of `labels` must be in `all`, in which integers may be written as text.
Labels in_classes(const Labels& labels, const Classes& all);
// Columns of `learnt` to columns of `all`; 0 for a class that was not learnt.
Matrix in_classes(const Matrix& proba, const Classes& learnt, const Classes& all);

// X after all steps of a pipeline but its last.
Matrix seen_by_last_step(const ModelPtr& model, Matrix X);

std::vector<double> score_rows(const std::vector<Metric>& metrics, const ScoredRows& said,
                               const Target& y, std::span<const double> weight);

bool any_needs(const std::vector<Metric>& metrics, MetricNeeds needs);

// The metrics asked for, each once, or the role's. Throws NotSupported for a role that no metric
// fits, and InvalidArgument for metrics that do not fit this one.
std::vector<Metric> chosen_metrics(std::string_view estimator, Role role,
                                   const std::vector<Metric>& asked);

}  // namespace lathe::detail
