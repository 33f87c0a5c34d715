// Centres as scores find them (kernel_score_table.h), for one set of rows. Internal to k-means.
#pragma once

#include <atomic>
#include <cstdint>

#include "lathe/ml/cluster/training_rows.h"
#include "lathe/ml/core/kernel_score_table.h"
#include "lathe/ml/core/types.h"

namespace lathe {

class ScoredCentres {
 public:
  static constexpr Index piece = 48;  // rows at a time: whole blocks of the kernels of all levels

  ScoredCentres(const ClusterRows& rows, Index k);
  ScoredCentres(const ScoredCentres&) = delete;
  ScoredCentres& operator=(const ScoredCentres&) = delete;

  void pack(const Matrix& centres);

  // Numbers of the workspace of nearest().
  Index work_size() const;

  // The nearest centre of each of n <= piece rows, the one that nearest_centre() finds, or -1 where
  // it must be asked. bounds: see ScoreKernel::nearest. For several threads at once.
  // The `ahead` rows after them are fetched from memory.
  void nearest(const double* const* rows, Index n, Index ahead, double* work, std::int32_t* label,
               double* bounds = nullptr) const;

 private:
  template <class Number>
  struct Scores {
    Eigen::Matrix<Number, Eigen::Dynamic, 1> packed;
    Vector norms;
    kernels::ScoredTiles<Number> tiles{};
    bool usable = false;

    void prepare(const kernels::ScoreKernel<Number>& kernel, const RowVector& origin, double scale,
                 Index k);
    void pack(const kernels::ScoreKernel<Number>& kernel, const Matrix& centres, double reach);
  };

  void again_in_doubles(const double* const* rows, Index n, double* work, std::int32_t* label,
                        double* bounds) const;

  RowVector origin_;
  Index rows_;
  double reach_ = 0.0;  // no row's squared norm is larger, about the origin and scaled
  Scores<float> floats_;
  Scores<double> doubles_;
  mutable std::atomic<Index> doubts_{0};  // rows that floats left in doubt since pack()
  bool trust_floats_ = true;
};

}  // namespace lathe
