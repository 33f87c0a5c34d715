#include "lathe/evaluation/metrics_regression.h"

#include <cmath>
#include <limits>

#include "lathe/evaluation/accurate_sum.h"
#include "lathe/evaluation/metric_checks.h"
#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

using detail::weight_of;

void check(std::string_view name, const MatrixView& y_true, const MatrixView& y_pred,
           std::span<const double> weight) {
  detail::check_metric_rows(name, y_true.rows(), y_pred.rows(), weight);
  if (y_true.cols() != y_pred.cols() || y_true.cols() == 0) {
    throw InvalidArgument("Q002", std::string(name) + ": " + std::to_string(y_pred.cols()) +
                                      " predicted columns for " + std::to_string(y_true.cols()) +
                                      " targets");
  }
  detail::check_metric_finite(name, "y_true", y_true);
  detail::check_metric_finite(name, "y_pred", y_pred);
}

// The weighted sum of term(row) for the rows that count.
template <class Term>
double weighted_sum(Index n, std::span<const double> weight, Term term) {
  AccurateSum sum;
  for (Index i = 0; i < n; ++i) {
    const double w = weight_of(weight, i);
    if (w > 0.0) sum.add(w * term(i));
  }
  return sum.value();
}

template <class OfTarget>
double mean_over_targets(Index n_targets, OfTarget of_target) {
  AccurateSum sum;
  for (Index t = 0; t < n_targets; ++t) sum.add(of_target(t));
  return sum.value() / static_cast<double>(n_targets);
}

double squared_errors(const MatrixView& y_true, const MatrixView& y_pred,
                      std::span<const double> weight, Index t) {
  return weighted_sum(y_true.rows(), weight, [&](Index i) {
    const double error = y_true(i, t) - y_pred(i, t);
    return error * error;
  });
}

double r2_of_target(const MatrixView& y_true, const MatrixView& y_pred,
                    std::span<const double> weight, Index t) {
  const double errors = squared_errors(y_true, y_pred, weight, t);
  // Taken from the first row that counts, so that a constant target has a spread of exactly zero.
  Index first = 0;
  while (weight_of(weight, first) == 0.0) ++first;
  const double origin = y_true(first, t);
  const Index n = y_true.rows();
  const double mean = weighted_sum(n, weight, [&](Index i) { return y_true(i, t) - origin; }) /
                      detail::total_weight(weight, n);
  const double spread = weighted_sum(n, weight, [&](Index i) {
    const double centred = (y_true(i, t) - origin) - mean;
    return centred * centred;
  });
  if (errors == 0.0) return 1.0;
  if (spread == 0.0) return 0.0;
  return 1.0 - errors / spread;
}

}  // namespace

double mean_squared_error(const MatrixView& y_true, const MatrixView& y_pred,
                          std::span<const double> weight) {
  check("mse", y_true, y_pred, weight);
  const double total = detail::total_weight(weight, y_true.rows());
  return mean_over_targets(
      y_true.cols(), [&](Index t) { return squared_errors(y_true, y_pred, weight, t) / total; });
}

double root_mean_squared_error(const MatrixView& y_true, const MatrixView& y_pred,
                               std::span<const double> weight) {
  check("rmse", y_true, y_pred, weight);
  const double total = detail::total_weight(weight, y_true.rows());
  return mean_over_targets(y_true.cols(), [&](Index t) {
    return std::sqrt(squared_errors(y_true, y_pred, weight, t) / total);
  });
}

double mean_absolute_error(const MatrixView& y_true, const MatrixView& y_pred,
                           std::span<const double> weight) {
  check("mae", y_true, y_pred, weight);
  const double total = detail::total_weight(weight, y_true.rows());
  return mean_over_targets(y_true.cols(), [&](Index t) {
    return weighted_sum(y_true.rows(), weight,
                        [&](Index i) { return std::abs(y_true(i, t) - y_pred(i, t)); }) /
           total;
  });
}

double r2_score(const MatrixView& y_true, const MatrixView& y_pred,
                std::span<const double> weight) {
  check("r2", y_true, y_pred, weight);
  if (y_true.rows() < 2) return std::numeric_limits<double>::quiet_NaN();
  return mean_over_targets(y_true.cols(),
                           [&](Index t) { return r2_of_target(y_true, y_pred, weight, t); });
}

std::optional<double> mean_squared_error_of(const SquaredErrors& sums) {
  return mean_over_targets(sums.errors.size(),
                           [&](Index t) { return sums.errors[t] / sums.weight; });
}

std::optional<double> root_mean_squared_error_of(const SquaredErrors& sums) {
  return mean_over_targets(sums.errors.size(),
                           [&](Index t) { return std::sqrt(sums.errors[t] / sums.weight); });
}

std::optional<double> r2_score_of(const SquaredErrors& sums) {
  if (sums.rows < 2) return std::numeric_limits<double>::quiet_NaN();
  if (!(sums.errors.array() > 0.0).all() || !(sums.spread.array() > 0.0).all()) return {};
  return mean_over_targets(sums.errors.size(),
                           [&](Index t) { return 1.0 - sums.errors[t] / sums.spread[t]; });
}

}  // namespace lathe
