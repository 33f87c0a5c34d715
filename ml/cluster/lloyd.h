// Lloyd's iterations over fixed blocks of rows, merged in block order. Internal to k-means.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lathe/ml/core/types.h"

namespace lathe {

struct NearestCentre {
  Index index = 0;
  double squared_distance = 0.0;
};

// The centre nearest to the row x, the lower one of two whose squared distances differ by less than
// one part in 2^46. So it is 0 for rows so far away that all squares overflow: fits only take data
// that are 1e14 times closer together.
NearestCentre nearest_centre(const double* x, const Matrix& centres);

struct LloydResult {
  Matrix centres;
  std::vector<std::int64_t> labels;  // nearest of these centres
  double inertia = 0.0;
  std::int64_t n_iter = 0;
  bool converged = false;
};

// Works on one data set from several starts; keeps its workspace between them.
class Lloyd {
 public:
  // X and weight (empty: every row counts one) must outlive this.
  Lloyd(const MatrixView& X, std::span<const double> weight);

  // Stops after `max_iter` iterations, when the squared shift of the centres is at most
  // `shift_tol`, or when no label changes.
  LloydResult run(Matrix centres, std::int64_t max_iter, double shift_tol);

 private:
  // What one block of rows says: sums of w (x - its centre), so that data far from 0 loses nothing.
  struct Partial {
    Matrix shift;
    Vector weight;
    double inertia = 0.0;
    bool changed = false;
  };

  const double* row(Index i) const { return X_.data() + i * X_.outerStride(); }
  double weight(Index row) const {
    return weight_.empty() ? 1.0 : weight_[static_cast<std::size_t>(row)];
  }
  std::int64_t& label(Index row) { return labels_[static_cast<std::size_t>(row)]; }

  bool assign(const Matrix& centres);  // labels and inertias; whether a label changed
  void add_shifts(const Matrix& centres);
  void move(Matrix& centres) const;  // to the means of their rows
  bool relocate_empty(Matrix& centres);

  const MatrixView& X_;
  std::span<const double> weight_;
  Index block_rows_;
  std::vector<Partial> partials_;
  std::vector<std::int64_t> labels_;
};

}  // namespace lathe
