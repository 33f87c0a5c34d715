// Least squares with or without a penalty from the Gram matrix of the rows alone (or corrected once
// by them): what cross-validation fits folds by.
#pragma once

#include <functional>
#include <memory>

#include "lathe/ml/core/statistics.h"
#include "lathe/ml/linear/least_squares.h"

namespace lathe {

struct GramFitOptions {
  bool fit_intercept = true;
  double alpha = 0.0;
};

// Null where the scores of such a fit could differ by more than about 1e-10 from those of a fit on
// the rows: beyond a condition of 1e4 (1e6 when `source` corrects it), when next to nothing is left
// as residual, when rounding of predictions shows in it, or when columns are constant, dependent or
// more than rows. `make` is given what was found. O(d^3) time.
std::unique_ptr<StatisticsFit> fit_gram(const Statistics& rows, const TrainingRows* source,
                                        const GramFitOptions& options,
                                        const std::function<ModelPtr(LeastSquares&&)>& make);

}  // namespace lathe
