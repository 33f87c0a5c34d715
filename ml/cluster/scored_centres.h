// Centres as scores find them (kernel_score_table.h), for one set of rows. Internal to k-means.
#pragma once

#include <cstdint>

#include "lathe/ml/cluster/training_rows.h"
#include "lathe/ml/core/kernel_score_table.h"
#include "lathe/ml/core/types.h"

namespace lathe {

class ScoredCentres {
 public:
  ScoredCentres(const ClusterRows& rows, Index k);
  ScoredCentres(const ScoredCentres&) = delete;
  ScoredCentres& operator=(const ScoredCentres&) = delete;

  void pack(const Matrix& centres);

  // Numbers of the workspace of nearest().
  Index work_size() const { return kernels::score_table().work_size(origin_.size()); }

  // The nearest centre of each of n rows, the one that nearest_centre() finds, or -1 where it must
  // be asked. bounds: see ScoreTable::nearest.
  void nearest(const double* const* rows, Index n, double* work, std::int32_t* label,
               double* bounds = nullptr) const {
    kernels::score_table().nearest(rows, n, tiles_, work, label, bounds);
  }

 private:
  RowVector origin_;
  double reach_ = 0.0;  // no row's squared norm about the origin is larger
  Vector packed_;
  kernels::ScoredTiles tiles_{};
};

}  // namespace lathe
