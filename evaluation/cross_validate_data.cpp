// Cross-validation of what a table was made into, and its scores for the contract.
#include <cmath>

#include "lathe/evaluation/cross_validate.h"
#include "lathe/ml/fitted_pipeline.h"

namespace lathe {

CrossValidation cross_validate(const TrainingData& data, const CrossValidateOptions& options) {
  CrossValidateOptions with_data = options;
  with_data.context.columns = &data.inputs;
  with_data.context.weight = data.weight;
  return cross_validate(data.pipeline, data.X, data.target(), with_data);
}

std::vector<CrossValidationScore> contract_scores(const CrossValidation& cv) {
  std::vector<CrossValidationScore> scores;
  for (const MetricScores& metric : cv.metrics) {
    if (!std::isfinite(metric.mean) || !std::isfinite(metric.std)) continue;
    scores.push_back({metric.metric, cv.splitter, metric.folds, metric.mean, metric.std});
  }
  return scores;
}

}  // namespace lathe
