// Centres as scores find them (kernel_score_table.h), for one set of rows. Internal to k-means.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "lathe/ml/cluster/training_rows.h"
#include "lathe/ml/core/kernel_score_table.h"
#include "lathe/ml/core/types.h"

namespace lathe {

class ScoredCentres {
 public:
  static constexpr Index piece = scored_rows;

  // bounded: bounds will be asked for. They take the lengths of all rows, so that the rough scores
  // can do with those of a sample. The rows must outlive this.
  ScoredCentres(const ClusterRows& rows, Index k, bool bounded);
  ScoredCentres(const ScoredCentres&) = delete;
  ScoredCentres& operator=(const ScoredCentres&) = delete;

  // The centres must stay as they are until the next time. Whether whole numbers of rows that are
  // kept are of another scale now.
  bool pack(const Matrix& centres);

  // Numbers of the workspace of nearest().
  Index work_size() const;

  // The nearest centre of each of n <= piece rows, the one that nearest_centre() finds, or -1 where
  // it must be asked. bounds: see ScoreKernel::nearest. For several threads at once.
  // The `ahead` rows after them are fetched from memory.
  void nearest(const double* const* rows, Index n, Index ahead, double* work, std::int32_t* label,
               double* bounds = nullptr, const kernels::KeptRows& kept = {}) const;

  // Whether nearest() makes and takes whole numbers of rows.
  bool rough() const { return trust_rough_ && rough_.usable; }

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

  // Whole numbers of 16 bits, where the data's range and the centres' allow.
  struct RoughScores {
    std::vector<std::int32_t> packed;
    Vector shift;
    Vector norms;
    kernels::RoughTiles tiles{};
    bool possible = false;  // for these data
    bool usable = false;    // and for these centres

    void prepare(const ClusterRows& rows, Index k, double reach);
    void pack(const Matrix& centres);
  };

  // How many rows stay without a label.
  Index nearest_roughly(const double* const* rows, Index n, Index ahead, double* work,
                        std::int32_t* label, double* bounds, const kernels::KeptRows& kept) const;
  void settle(const double* row, std::int32_t rival, std::int32_t& label, double* bounds) const;
  void again_in_doubles(const double* const* rows, Index n, double* work, std::int32_t* label,
                        double* bounds) const;

  const ClusterRows& rows_;
  RowVector origin_;
  double reach_ = 0.0;  // no row's squared norm is larger, about the origin and scaled
  RoughScores rough_;
  Scores<float> floats_;
  Scores<double> doubles_;
  const Matrix* centres_ = nullptr;
  mutable std::atomic<Index> doubts_{0};  // rows left in doubt since pack()
  bool trust_rough_ = true;
  bool trust_floats_ = true;
};

}  // namespace lathe
