#include "lathe/ml/core/quick_steps.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lathe {

QuickSteps::QuickSteps(const std::vector<ModelPtr>& steps) {
  Index widest = 1;
  for (const ModelPtr& step : steps) {
    const auto* rows = dynamic_cast<const UncheckedRows*>(step.get());
    if (rows == nullptr) return;
    steps_.push_back({rows, step->n_outputs()});
    widest = std::max(widest, step->n_outputs());
  }
  most_rows_ = most_numbers / widest;
}

bool QuickSteps::run(const MatrixView& X, MatrixRef& out) const {
  if (X.rows() > most_rows_) return false;
  alignas(64) double buffers[2][most_numbers];
  const double* data = X.data();
  Index stride = X.outerStride();
  double* next = buffers[0];
  double* other = buffers[1];
  for (const Step& step : steps_) {
    step.rows->rows_into(data, X.rows(), stride, next, step.n_outputs);
    data = next;
    stride = step.n_outputs;
    std::swap(next, other);
  }
  for (Index k = 0; k < X.rows() * stride; ++k) {
    if (!std::isfinite(data[k])) return false;
  }
  for (Index i = 0; i < X.rows(); ++i) {
    std::copy_n(data + i * stride, stride, out.data() + i * out.outerStride());
  }
  return true;
}

}  // namespace lathe
