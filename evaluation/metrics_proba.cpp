#include "lathe/evaluation/metrics_proba.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "lathe/evaluation/accurate_sum.h"
#include "lathe/evaluation/metric_checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/value.h"

namespace lathe {
namespace {

using detail::weight_of;

void check(std::string_view name, const Labels& y_true, const MatrixView& proba,
           std::span<const double> weight) {
  detail::check_metric_rows(name, y_true.size(), proba.rows(), weight);
  const Index n_classes = y_true.classes().size();
  if (proba.cols() != n_classes && !(proba.cols() == 1 && n_classes <= 2)) {
    throw InvalidArgument("Q002", std::string(name) + ": " + std::to_string(proba.cols()) +
                                      " columns of probabilities for " + std::to_string(n_classes) +
                                      " classes");
  }
  detail::check_metric_finite(name, "proba", proba);
}

void check_probabilities(std::string_view name, const MatrixView& proba) {
  constexpr double rounding = 1e-9;
  for (Index i = 0; i < proba.rows(); ++i) {
    for (Index k = 0; k < proba.cols(); ++k) {
      const double p = proba(i, k);
      if (p >= -rounding && p <= 1.0 + rounding) continue;
      throw InvalidArgument("Q007", std::string(name) + ": " + to_text(p) + " in row " +
                                        std::to_string(i) + ", column " + std::to_string(k) +
                                        " is no probability: it must be in [0, 1]");
    }
  }
}

struct Ranked {
  double score;
  double weight;
  bool positive;
};

struct Area {
  double value;            // good where both are positive
  double positive_weight;  // of the class
  double negative_weight;  // of the others
};

// Rows by falling score; rows of one score are one step of the curve.
Area area(std::vector<Ranked> rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Ranked& a, const Ranked& b) { return a.score > b.score; });
  AccurateSum ordered;
  AccurateSum positives;
  AccurateSum negatives;
  for (std::size_t begin = 0; begin < rows.size();) {
    AccurateSum positive;
    AccurateSum negative;
    std::size_t end = begin;
    for (; end < rows.size() && rows[end].score == rows[begin].score; ++end) {
      (rows[end].positive ? positive : negative).add(rows[end].weight);
    }
    ordered.add(negative.value() * (positives.value() + 0.5 * positive.value()));
    positives.add(positive.value());
    negatives.add(negative.value());
    begin = end;
  }
  const double all = positives.value() * negatives.value();
  return {ordered.value() / all, positives.value(), negatives.value()};
}

[[noreturn]] void refuse_class(const Labels& y_true, Index code) {
  throw InvalidArgument(
      "Q008",
      "roc_auc is not defined: no row counts that is of class " + y_true.classes().name(code),
      "use splits that hold every class, such as stratified_kfold");
}

// Of the rows of class `code` against all others, by the scores in `column`.
Area one_against_rest(const Labels& y_true, const MatrixView& scores, Index code, Index column,
                      std::span<const double> weight) {
  std::vector<Ranked> rows;
  rows.reserve(static_cast<std::size_t>(y_true.size()));
  for (Index i = 0; i < y_true.size(); ++i) {
    rows.push_back({scores(i, column), weight_of(weight, i), y_true[i] == code});
  }
  return area(std::move(rows));
}

double one_vs_rest(const Labels& y_true, const MatrixView& scores, RocAverage average,
                   std::span<const double> weight) {
  AccurateSum areas;
  AccurateSum weights;
  for (Index code = 0; code < y_true.classes().size(); ++code) {
    const Area of_class = one_against_rest(y_true, scores, code, code, weight);
    if (of_class.positive_weight == 0.0) refuse_class(y_true, code);
    if (of_class.negative_weight == 0.0) refuse_class(y_true, code == 0 ? 1 : 0);
    const double w = average == RocAverage::weighted ? of_class.positive_weight : 1.0;
    areas.add(w * of_class.value);
    weights.add(w);
  }
  return areas.value() / weights.value();
}

double one_vs_one(const Labels& y_true, const MatrixView& scores, RocAverage average) {
  const Index n_classes = y_true.classes().size();
  std::vector<std::vector<Index>> rows_of(static_cast<std::size_t>(n_classes));
  for (Index i = 0; i < y_true.size(); ++i) {
    rows_of[static_cast<std::size_t>(y_true[i])].push_back(i);
  }
  const auto of = [&](Index code) -> const std::vector<Index>& {
    return rows_of[static_cast<std::size_t>(code)];
  };
  for (Index code = 0; code < n_classes; ++code) {
    if (of(code).empty()) refuse_class(y_true, code);
  }
  const auto pair_area = [&](Index positive, Index negative) {
    std::vector<Ranked> rows;
    for (const Index i : of(positive)) rows.push_back({scores(i, positive), 1.0, true});
    for (const Index i : of(negative)) rows.push_back({scores(i, positive), 1.0, false});
    return area(std::move(rows)).value;
  };
  AccurateSum areas;
  AccurateSum weights;
  for (Index a = 0; a < n_classes; ++a) {
    for (Index b = a + 1; b < n_classes; ++b) {
      const auto rows = static_cast<double>(of(a).size() + of(b).size());
      const double w = average == RocAverage::weighted ? rows : 1.0;
      areas.add(w * 0.5 * (pair_area(a, b) + pair_area(b, a)));
      weights.add(w);
    }
  }
  return areas.value() / weights.value();
}

void check_rows_sum_to_one(const MatrixView& proba) {
  for (Index i = 0; i < proba.rows(); ++i) {
    AccurateSum total;
    for (Index k = 0; k < proba.cols(); ++k) total.add(proba(i, k));
    if (std::abs(total.value() - 1.0) <= 1e-5) continue;
    throw InvalidArgument("Q007", "roc_auc: the probabilities of row " + std::to_string(i) +
                                      " add up to " + to_text(total.value()) + ", not to 1");
  }
}

}  // namespace

double log_loss(const Labels& y_true, const MatrixView& proba, std::span<const double> weight) {
  constexpr std::string_view name = "log_loss";
  check(name, y_true, proba, weight);
  if (y_true.classes().size() < 2) {
    throw InvalidArgument(
        "Q008", "log_loss is not defined for the single class " + y_true.classes().name(0));
  }
  check_probabilities(name, proba);
  constexpr double smallest = std::numeric_limits<double>::epsilon();
  const auto clip = [=](double p) { return std::clamp(p, smallest, 1.0 - smallest); };
  AccurateSum loss;
  for (Index i = 0; i < proba.rows(); ++i) {
    const double w = weight_of(weight, i);
    if (w == 0.0) continue;
    if (proba.cols() == 1) {
      const double upper = clip(proba(i, 0));
      loss.add(w * -std::log(y_true[i] == 1 ? upper : 1.0 - upper));
      continue;
    }
    double total = 0.0;
    for (Index k = 0; k < proba.cols(); ++k) total += clip(proba(i, k));
    loss.add(w * -std::log(clip(proba(i, y_true[i])) / total));
  }
  return loss.value() / detail::total_weight(weight, proba.rows());
}

double RocAuc::score(const MetricInput& input) const {
  return roc_auc_score(input.y.labels(), *input.proba, *this, input.weight);
}

double roc_auc_score(const Labels& y_true, const MatrixView& scores, const RocAuc& options,
                     std::span<const double> weight) {
  check(RocAuc::name, y_true, scores, weight);
  const Index n_classes = y_true.classes().size();
  if (n_classes == 1) {
    throw InvalidArgument(
        "Q008", "roc_auc is not defined for the single class " + y_true.classes().name(0));
  }
  if (n_classes == 2) {
    const Area upper = one_against_rest(y_true, scores, 1, scores.cols() - 1, weight);
    if (upper.positive_weight == 0.0) refuse_class(y_true, 1);
    if (upper.negative_weight == 0.0) refuse_class(y_true, 0);
    return upper.value;
  }
  if (options.multi_class == MultiClass::raise) {
    throw InvalidArgument("Q005",
                          "roc_auc: there are " + std::to_string(n_classes) +
                              " classes, and multi_class=raise refuses more than two",
                          "use roc_auc(multi_class=ovr) or roc_auc(multi_class=ovo)");
  }
  check_rows_sum_to_one(scores);
  if (options.multi_class == MultiClass::ovr) {
    return one_vs_rest(y_true, scores, options.average, weight);
  }
  if (!weight.empty()) {
    throw InvalidArgument("Q009", "roc_auc: multi_class=ovo takes no weights",
                          "use roc_auc(multi_class=ovr)");
  }
  return one_vs_one(y_true, scores, options.average);
}

}  // namespace lathe
