// Fits from sums over rows that merge (sufficient statistics), so that cross-validation reads the
// rows once: the sums of each fold are merged without the fold that is left out, by adding, never
// by subtracting, and all candidates are fitted from what comes of it.
//
// An estimator opts in with two members; evaluation/ then uses them wherever they are valid:
//
//   const StatisticsKind* statistics() const;   // which sums; null: these options need the rows
//   std::unique_ptr<StatisticsFit> fit_statistics(const Statistics& rows,
//                                                 const TrainingRows* source) const;
//
// fit_statistics gives nothing where what it can know from sums would not score as a fit on the
// rows does, to about 1e-10 of each score: the rows are then fitted. It throws nothing that a fit
// would not; errors of a fit are left to the fit. Steps of a pipeline that agree on the kind make
// the pipeline one that fits from statistics (ml/core/gram_statistics.h has the kind of linear
// models, scalers and pca).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "lathe/ml/core/model.h"
#include "lathe/ml/core/target.h"

namespace lathe {

// Sums over rows, and how many there were.
class Statistics {
 public:
  virtual ~Statistics();
  virtual std::unique_ptr<Statistics> clone() const = 0;
  // As though the rows of both had been one matrix. `other` has the same kind and columns.
  virtual void merge(const Statistics& other) = 0;
  virtual Index size() const = 0;  // numbers held
};

// One way of summing. Estimators that name the same one share what was collected.
struct StatisticsKind {
  std::string_view name;
  // Null where the rows cannot be summed so: missing or infinite cells, another kind of target.
  std::unique_ptr<Statistics> (*collect)(const MatrixView& X, const Target& y,
                                         std::span<const double> weight);
};

// Sums over rows and targets of weight * squared error, and of weight * (y - mean)^2.
struct SquaredErrors {
  Index rows = 0;
  double weight = 0.0;
  Vector errors;        // n_targets
  Vector spread;        // n_targets
  bool trusted = true;  // false: a fit on the rows may have other ones, with these rows so far out
  bool exact = true;    // false: or with so few rows of so small errors
};

// The rows behind statistics, for estimators that correct what sums alone tell.
class TrainingRows {
 public:
  virtual ~TrainingRows();

  // Of residuals r = y - intercept - coef x: sum weight (x - centre) r and sum weight r, both
  // accumulated in double-double. coef: n_targets x n_features.
  struct Gradient {
    Matrix xr;    // n_targets x n_features
    RowVector r;  // n_targets
  };
  virtual Gradient gradient(const Matrix& coef, const Vector& intercept,
                            const RowVector& centre) const = 0;
};

// What a fit from statistics gives.
class StatisticsFit {
 public:
  virtual ~StatisticsFit();
  virtual ModelPtr model() const = 0;
  // A transformer: the statistics of rows as the model transforms them.
  virtual std::unique_ptr<Statistics> transform(const Statistics& rows) const;
  // A regressor: its errors on rows; nothing where sums would lose digits that predictions keep.
  virtual std::optional<SquaredErrors> squared_errors(const Statistics& rows) const;
};

}  // namespace lathe
