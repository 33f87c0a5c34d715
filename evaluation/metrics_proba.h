// Scores of predicted probabilities, as scikit-learn 1.2.1 defines them. proba: n_samples x
// n_classes in the order of y_true.classes(), or one column for the upper of two classes; a Vector
// is that. weight: one per row, finite, >= 0, not all zero; empty: every row counts one. All throw
// InvalidArgument on other shapes, no rows, NaN and infinity.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "lathe/evaluation/metric_input.h"
#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/options.h"
#include "lathe/ml/core/types.h"

namespace lathe {

// The mean of -log(probability of the true class). Probabilities are clipped to [e, 1 - e] with e =
// 2^-52, and rows then scaled to add up to one. Throws where there are fewer than two classes, and
// for what is not in [0, 1]. O(n K).
double log_loss(const Labels& y_true, const MatrixView& proba, std::span<const double> weight = {});

enum class RocAverage { macro, weighted };
constexpr auto names(RocAverage) { return std::array<std::string_view, 2>{"macro", "weighted"}; }
enum class MultiClass { raise, ovr, ovo };
constexpr auto names(MultiClass) { return std::array<std::string_view, 3>{"raise", "ovr", "ovo"}; }

// The area under the ROC curve: the share of pairs of a row of the class and a row of another that
// the scores put in the right order, a tie counting half. With more than two classes, the mean over
// each class against the rest (ovr) or over all pairs of classes (ovo; Hand and Till 2001).
struct RocAuc {
  static constexpr std::string_view name = "roc_auc";
  static constexpr std::string_view doc =
      "Area under the ROC curve: how often a row of the class scores above one of another.";
  static constexpr bool greater_is_better = true;
  static constexpr MetricNeeds needs = MetricNeeds::proba;
  static constexpr bool weights = true;

  MultiClass multi_class = MultiClass::raise;
  RocAverage average = RocAverage::macro;  // weighted: by the rows of the class, or of the pair

  static void describe(auto& self, auto&& field) {
    field("multi_class", self.multi_class, any_value,
          "with more than two classes: refuse, each against the rest, or each pair");
    field("average", self.average, any_value, "whether classes count alike or by their rows");
  }
  double score(const MetricInput& input) const;
  bool operator==(const RocAuc&) const = default;
};

// With two classes the scores may be any finite numbers. Throws where a class has no row that
// counts, naming it, and for weights with ovo. O(n log n) for each class or pair.
double roc_auc_score(const Labels& y_true, const MatrixView& scores, const RocAuc& options = {},
                     std::span<const double> weight = {});

}  // namespace lathe
