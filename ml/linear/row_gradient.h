// What residuals on rows say of coefficients, for the correction of fits from statistics.
#pragma once

#include <span>
#include <vector>

#include "lathe/ml/core/statistics.h"
#include "lathe/ml/linear/residual_rows.h"

namespace lathe {

// All rows but some. Points at the caller's data. One pass over the rows for each target of a
// gradient, on all threads, with the same bits for any number of them: O(n d) time, O(d) memory for
// each of at most 128 parts of the rows.
class RowsBut final : public TrainingRows {
 public:
  // X: n x d, y: n x t, weight: n or none; left_out: ascending.
  RowsBut(const MatrixView& X, const Target::Numbers& y, std::span<const double> weight,
          std::span<const Index> left_out);

  Gradient gradient(const Matrix& coef, const Vector& intercept,
                    const RowVector& centre) const override;

 private:
  const MatrixView& X_;
  Target::Numbers y_;
  std::vector<double> weight_;   // 0 for what is left out; empty where all parts count alike
  std::vector<RowRange> parts_;  // fixed by n and what is left out
};

}  // namespace lathe
