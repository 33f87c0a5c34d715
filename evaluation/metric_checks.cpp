#include "lathe/evaluation/metric_checks.h"

#include <cmath>
#include <utility>
#include <vector>

#include "lathe/evaluation/accurate_sum.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/value.h"

namespace lathe::detail {
namespace {

std::vector<std::int32_t> recode(const Labels& labels, const Classes& classes) {
  if (labels.classes() == classes) return {labels.codes().begin(), labels.codes().end()};
  std::vector<std::int32_t> new_code;
  for (Index code = 0; code < labels.classes().size(); ++code) {
    const auto found = classes.is_text() ? classes.find(labels.classes().texts()[code])
                                         : classes.find(labels.classes().integers()[code]);
    new_code.push_back(static_cast<std::int32_t>(*found));
  }
  std::vector<std::int32_t> codes;
  codes.reserve(labels.codes().size());
  for (const std::int32_t code : labels.codes()) {
    codes.push_back(new_code[static_cast<std::size_t>(code)]);
  }
  return codes;
}

template <class T>
Classes merge(std::span<const T> a, std::span<const T> b) {
  std::vector<T> both(a.begin(), a.end());
  both.insert(both.end(), b.begin(), b.end());
  return Classes(std::move(both));
}

}  // namespace

void check_metric_rows(std::string_view metric, Index n_true, Index n_pred,
                       std::span<const double> weight) {
  const std::string owner = std::string(metric) + ": ";
  if (n_true == 0) throw InvalidArgument("Q001", owner + "there are no rows");
  if (n_pred != n_true) {
    throw InvalidArgument("Q002", owner + std::to_string(n_pred) + " predictions for " +
                                      std::to_string(n_true) + " rows");
  }
  if (weight.empty()) return;
  if (static_cast<Index>(weight.size()) != n_true) {
    throw InvalidArgument("W001", owner + std::to_string(weight.size()) + " weights for " +
                                      std::to_string(n_true) + " rows");
  }
  for (std::size_t i = 0; i < weight.size(); ++i) {
    if (!std::isfinite(weight[i]) || weight[i] < 0.0) {
      throw InvalidArgument("W002", owner + "weight " + to_text(weight[i]) + " in row " +
                                        std::to_string(i) + ", but weights are finite and >= 0");
    }
  }
  const double total = total_weight(weight, n_true);
  if (!(total > 0.0)) throw InvalidArgument("W002", owner + "all weights are zero");
  if (std::isinf(total)) throw InvalidArgument("W002", owner + "the weights add up to infinity");
}

void check_metric_finite(std::string_view metric, std::string_view what, const MatrixView& values) {
  for (Index i = 0; i < values.rows(); ++i) {
    for (Index j = 0; j < values.cols(); ++j) {
      if (std::isfinite(values(i, j))) continue;
      throw InvalidArgument("Q003", std::string(metric) + ": " + std::string(what) + " is " +
                                        to_text(values(i, j)) + " in row " + std::to_string(i) +
                                        ", column " + std::to_string(j) +
                                        ", but it must be finite");
    }
  }
}

double total_weight(std::span<const double> weight, Index n) {
  if (weight.empty()) return static_cast<double>(n);
  AccurateSum total;
  for (const double w : weight) total.add(w);
  return total.value();
}

LabelPair align_labels(std::string_view metric, const Labels& y_true, const Labels& y_pred) {
  const Classes& a = y_true.classes();
  const Classes& b = y_pred.classes();
  if (a == b) return {a, recode(y_true, a), recode(y_pred, a)};
  if (a.is_text() != b.is_text()) {
    throw InvalidArgument("Q004", std::string(metric) + ": the true labels are " +
                                      (a.is_text() ? "text" : "integers") +
                                      ", the predicted ones " +
                                      (b.is_text() ? "text" : "integers"));
  }
  const Classes all = a.is_text() ? merge(a.texts(), b.texts()) : merge(a.integers(), b.integers());
  return {all, recode(y_true, all), recode(y_pred, all)};
}

}  // namespace lathe::detail
