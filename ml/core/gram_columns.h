// [X, y, 1] as the kernels of gram.cpp read it: what is taken off each column, and by what it is
// scaled, so that its products keep their digits and the range of their numbers.
#pragma once

#include <vector>

#include "lathe/ml/core/double_double.h"
#include "lathe/ml/core/gram.h"
#include "lathe/ml/core/kernel_tiles.h"
#include "lathe/ml/core/types.h"

namespace lathe {

// Below, S is the row-major matrix of sums of products that the kernels make of these columns, on
// and above the diagonal.
class GramColumns {
 public:
  // A multiple of `step` of columns is packed. X, y and options must outlive this.
  GramColumns(const MatrixView& X, const MatrixView& y, const GramOptions& options, Index step);

  Index rows() const { return X_.rows(); }
  Index of_x() const { return d_; }
  Index of_y() const { return t_; }
  Index all() const { return d_ + t_; }
  Index packed() const { return packed_; }
  double total_weight() const { return total_; }

  // Of all columns the shift is 0 and the scale 1 before.
  void take_shift_from_sample();
  void take_scales_from_sample();
  // Where S shows squares out of range; whether another scale helps any of them.
  bool take_scales(const Matrix& S);
  // Whether floats hold all columns: none leaves their range, and what comes to 0 is constant.
  bool fit_floats(const Matrix& S) const;
  // Moves the shift to the mean that S tells; whether it was too far from it to subtract after.
  bool move_shift(const Matrix& S);

  // The rows from `row` on; `root` is for the roots of the weights of rows [first, last) of them.
  kernels::PackSource source(Index row, Index first, Index last, double* root) const;
  const double* row(Index i) const { return X_.data() + i * X_.outerStride(); }
  Index row_stride() const { return X_.outerStride(); }

  double scale(Index column) const { return x_scale_[at(column)] + y_scale_[at(column)]; }
  // From the shift to the mean that S tells.
  double step_to_mean(const Matrix& S, Index column) const {
    return options_.centre ? S(column, all()) / total_ : 0.0;
  }
  // In units of the data.
  DoubleDouble mean(const Matrix& S, Index column) const;

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
  double value(Index row, Index column) const {
    return column < d_ ? X_(row, column) : y_(row, column - d_);
  }
  double weight(Index row) const {
    return options_.weight.empty() ? 1.0 : options_.weight[at(row)];
  }
  void set_scale(Index column, double scale);
  std::vector<Index> sampled_rows() const;
  bool are_constant(const std::vector<Index>& columns) const;

  const MatrixView& X_;
  const MatrixView& y_;
  const GramOptions& options_;
  Index d_;
  Index t_;
  Index packed_;
  double total_ = 0.0;
  std::vector<double> shift_;    // in scaled units
  std::vector<double> x_scale_;  // 0 for columns of y, as the kernels want it,
  std::vector<double> y_scale_;  // and for those of X
};

}  // namespace lathe
