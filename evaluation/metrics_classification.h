// Scores of predicted labels, as scikit-learn 1.2.1 defines them. The two label vectors need not
// share a vocabulary. weight: one per row, finite, >= 0, not all zero; empty: every row counts one.
// All throw InvalidArgument on other lengths, no rows, and text compared with integers. O(n + K).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lathe/evaluation/metric_input.h"
#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/options.h"
#include "lathe/ml/core/types.h"

namespace lathe {

// The weighted share of rows whose label is right.
double accuracy_score(const Labels& y_true, const Labels& y_pred,
                      std::span<const double> weight = {});

// The mean over the classes that occur in y_true of the share of their rows that is right.
struct BalancedAccuracy {
  static constexpr std::string_view name = "balanced_accuracy";
  static constexpr std::string_view doc =
      "Mean over the classes of the share of their rows whose label is right.";
  static constexpr bool greater_is_better = true;
  static constexpr MetricNeeds needs = MetricNeeds::labels;
  static constexpr bool weights = true;

  bool adjusted = false;  // scaled so that chance gives 0 and no mistake 1; NaN with a single class

  static void describe(auto& self, auto&& field) {
    field("adjusted", self.adjusted, any_value, "scale so that chance gives 0 and no mistake 1");
  }
  double score(const MetricInput& input) const;
  bool operator==(const BalancedAccuracy&) const = default;
};
double balanced_accuracy_score(const Labels& y_true, const Labels& y_pred,
                               std::span<const double> weight = {},
                               const BalancedAccuracy& options = {});

enum class F1Average { binary, micro, macro, weighted };
constexpr auto names(F1Average) {
  return std::array<std::string_view, 4>{"binary", "micro", "macro", "weighted"};
}

// The harmonic mean of precision and recall.
struct F1 {
  static constexpr std::string_view name = "f1";
  static constexpr std::string_view doc = "Harmonic mean of precision and recall.";
  static constexpr bool greater_is_better = true;
  static constexpr MetricNeeds needs = MetricNeeds::labels;
  static constexpr bool weights = true;

  // binary: of pos_label alone, an error where there are more than two labels; micro: over all
  // counts; macro: the mean of each class's; weighted: that, by the classes' rows in y_true.
  F1Average average = F1Average::binary;
  std::variant<std::int64_t, std::string> pos_label = std::int64_t{1};
  std::vector<std::string> labels = {};  // the classes to count; empty: all that occur
  std::int64_t zero_division = 0;  // what precision and recall are where there is nothing to divide

  static void describe(auto& self, auto&& field) {
    field("average", self.average, any_value, "of which classes, and how they are averaged");
    field("pos_label", self.pos_label, any_value, "the class that average=binary is about");
    field("labels", self.labels, any_value, "the classes to count; empty: all that occur");
    field("zero_division", self.zero_division, between(0, 1),
          "precision and recall where there is nothing to divide by");
  }
  double score(const MetricInput& input) const;
  bool operator==(const F1&) const = default;
};
// Also throws for a pos_label or a label that is not in either vocabulary.
double f1_score(const Labels& y_true, const Labels& y_pred, const F1& options = {},
                std::span<const double> weight = {});

}  // namespace lathe
