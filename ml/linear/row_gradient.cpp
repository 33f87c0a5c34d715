#include "lathe/ml/linear/row_gradient.h"

#include <algorithm>

namespace lathe {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

RowsBut::RowsBut(const MatrixView& X, const Target::Numbers& y, std::span<const double> weight,
                 std::span<const Index> left_out)
    : X_(X), y_(y), weight_(weight.begin(), weight.end()) {
  const Index n = X.rows();
  const Index size = std::max<Index>(512, (n + 63) / 64);
  const Index count = static_cast<Index>(left_out.size());
  if (count > 0 && left_out.back() - left_out.front() + 1 == count) {
    cut_rows(0, left_out.front(), size, parts_);
    cut_rows(left_out.back() + 1, n, size, parts_);
    return;
  }
  if (weight_.empty()) weight_.assign(at(n), 1.0);
  for (const Index row : left_out) weight_[at(row)] = 0.0;
  cut_rows(0, n, size, parts_);
}

TrainingRows::Gradient RowsBut::gradient(const Matrix& coef, const Vector& intercept,
                                         const RowVector& centre) const {
  const Index d = X_.cols();
  ResidualRows rows(X_.data(), X_.rows(), X_.outerStride(), std::vector<double>(at(d), 1.0));
  if (!weight_.empty()) rows.set_weight(weight_.data(), 1.0);
  Gradient result{Matrix(coef.rows(), d), RowVector(coef.rows())};
  for (Index t = 0; t < coef.rows(); ++t) {
    const auto row = coef.row(t);
    const ResidualSums found =
        rows.sums({y_.data() + t, y_.outerStride(), 1.0}, DoubleDoubles(row.begin(), row.end()),
                  intercept[t], parts_);
    for (Index j = 0; j < d; ++j) {
      result.xr(t, j) = (found.products[at(j)] - found.sum * centre[j]).value();
    }
    result.r[t] = found.sum.value();
  }
  return result;
}

}  // namespace lathe
