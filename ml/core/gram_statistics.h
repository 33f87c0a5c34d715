// The Gram matrix of columns and targets about their means as statistics that merge: what
// standard_scaler, pca, linear_regression and ridge are fitted from in cross-validation.
#pragma once

#include "lathe/ml/core/gram.h"
#include "lathe/ml/core/statistics.h"

namespace lathe {

class GramStatistics final : public Statistics {
 public:
  GramStatistics(Gram sums, Index n_rows, Index n_positive)
      : gram(std::move(sums)), rows(n_rows), positive(n_positive) {}

  std::unique_ptr<Statistics> clone() const override;
  void merge(const Statistics& other) override;
  Index size() const override;

  Gram gram;       // centred, unscaled
  Index rows;      // of any weight
  Index positive;  // of positive weight
};

// Null for labels, and for columns whose squares leave the range of doubles.
const StatisticsKind* gram_statistics();

}  // namespace lathe
