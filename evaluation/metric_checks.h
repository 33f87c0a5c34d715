// Checks at the door of the metrics, naming metric, argument, rule and value.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/types.h"

namespace lathe::detail {

// At least one row, as many predictions, and good weights.
void check_metric_rows(std::string_view metric, Index n_true, Index n_pred,
                       std::span<const double> weight);
// No NaN and no infinity. `what`: "y_pred".
void check_metric_finite(std::string_view metric, std::string_view what, const MatrixView& values);

inline double weight_of(std::span<const double> weight, Index row) {
  return weight.empty() ? 1.0 : weight[static_cast<std::size_t>(row)];
}
double total_weight(std::span<const double> weight, Index n);

// Two label vectors as codes into one vocabulary, that of either. Throws where one is text and the
// other integers.
struct LabelPair {
  Classes classes;
  std::vector<std::int32_t> truth;
  std::vector<std::int32_t> guess;
};
LabelPair align_labels(std::string_view metric, const Labels& y_true, const Labels& y_pred);

}  // namespace lathe::detail
