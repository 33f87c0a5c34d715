// What a model does to rows, without its checks: for models whose arithmetic itself tells of a bad
// cell. A pipeline of such models computes a few rows at once and looks at the results only.
#pragma once

#include "lathe/ml/core/types.h"

namespace lathe {

class UncheckedRows {
 public:
  // X: rows x n_features_in(), out: rows x n_outputs(), apart from X; strides count the numbers
  // from one row to the next. The same bits as predict_into. A row with a NaN or an infinity in it
  // gives at least one NaN or infinity. Allocates nothing.
  virtual void rows_into(const double* X, Index rows, Index stride, double* out,
                         Index out_stride) const = 0;

 protected:
  ~UncheckedRows() = default;
};

}  // namespace lathe
