// Columns of raw data as least squares wants them: centred about their means and scaled by powers
// of two to about unit length. Nothing is copied: means are kept in double-double and applied to
// each row as it is read, so columns far from zero lose nothing, and scaling is exact.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lathe/ml/core/double_double.h"
#include "lathe/ml/core/gram.h"
#include "lathe/ml/core/types.h"

namespace lathe {

// Rows per part of a reduction: fixed by the shape, so the bits of a sum never depend on threads.
Index part_rows(Index n_rows);

// A power of two near 1 / magnitude; 1 where the magnitude is 0.
double unit_scale(double magnitude);

// Sample weights times a power of two that brings the largest near 1; none given: every row one.
struct RowWeights {
  RowWeights(std::span<const double> given, Index n_rows);
  // Holds no copy: `given` must outlive it, and `weight` is empty.
  static RowWeights of(std::span<const double> given, Index n_rows);

  double operator[](Index i) const {
    const auto row = static_cast<std::size_t>(i);
    if (!weight.empty()) return weight[row];
    return raw.empty() ? 1.0 : raw[row] * scale;
  }

  std::vector<double> weight;
  std::span<const double> raw;
  double scale = 1.0;  // weight = given * scale
  Index positive = 0;  // rows that count
  DoubleDouble total;  // of `weight`

 private:
  RowWeights() = default;
};

struct ScaledColumns {
  Index size() const { return static_cast<Index>(index.size()); }
  ScaledColumns select(std::span<const Index> columns) const;

  // The scaled values of row i, and those less the means.
  void raw_row(Index i, double* out) const;
  void centred_row(Index i, double* out) const;

  const double* data = nullptr;  // the caller's, row-major
  Index rows = 0;
  Index cols = 0;  // of the raw data
  Index stride = 0;
  bool centred = false;
  std::vector<Index> index;        // of each column in the raw data
  std::vector<double> scale;       // powers of two
  std::vector<DoubleDouble> mean;  // of the scaled column; 0 where it is not centred
  std::vector<double> norm;        // sqrt(sum weight (value - mean)^2); 0 where it does not vary
};

// One weighted pass for the extremes, one for the means, one for the lengths; O(n d). A column's
// scale makes norm^2 + penalty * scale^2 about 1.
ScaledColumns scale_columns(const MatrixView& X, const RowWeights& weights, bool centre,
                            double penalty = 0.0);

// The same in one pass, with means that are rounded to a double, which are as good where the model
// has an intercept. None where a cell is not finite, or squares leave the range of doubles, or a
// column is so far from its first row that its length drowns. Weights: a copy, or none.
std::optional<ScaledColumns> spread_columns(const MatrixView& X, const RowWeights& weights,
                                            bool centre, double penalty);

// The same without a pass, from what the Gram matrix of X (or of y) tells.
ScaledColumns scale_columns_x(const MatrixView& X, const Gram& gram, const RowWeights& weights,
                              double penalty);
ScaledColumns scale_columns_y(const MatrixView& y, const Gram& gram, const RowWeights& weights);

}  // namespace lathe
