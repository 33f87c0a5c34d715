// Errors of predicted numbers, as scikit-learn 1.2.1 defines them. y_true, y_pred: n_samples x
// n_targets (a Vector is one target); several targets give the plain mean of their values. weight:
// one per row, finite, >= 0, not all zero; empty: every row counts one. Sums are compensated: O(n)
// time. All throw InvalidArgument on other shapes, no rows, NaN and infinity.
#pragma once

#include <optional>
#include <span>

#include "lathe/ml/core/statistics.h"
#include "lathe/ml/core/types.h"

namespace lathe {

double mean_squared_error(const MatrixView& y_true, const MatrixView& y_pred,
                          std::span<const double> weight = {});

// The square root of each target's mean squared error.
double root_mean_squared_error(const MatrixView& y_true, const MatrixView& y_pred,
                               std::span<const double> weight = {});

double mean_absolute_error(const MatrixView& y_true, const MatrixView& y_pred,
                           std::span<const double> weight = {});

// 1 - sum (y - p)^2 / sum (y - mean)^2. On a constant target 1 where every prediction is exact,
// else 0. NaN for a single row.
double r2_score(const MatrixView& y_true, const MatrixView& y_pred,
                std::span<const double> weight = {});

// The same from sums of squared errors; nothing where a target does not vary.
std::optional<double> mean_squared_error_of(const SquaredErrors& sums);
std::optional<double> root_mean_squared_error_of(const SquaredErrors& sums);
std::optional<double> r2_score_of(const SquaredErrors& sums);

}  // namespace lathe
