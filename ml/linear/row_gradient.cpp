#include "lathe/ml/linear/row_gradient.h"

#include <algorithm>

#include "lathe/ml/core/double_double.h"
#include "lathe/ml/core/kernel_residuals.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/scratch.h"

namespace lathe {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

RowsBut::RowsBut(const MatrixView& X, const Target::Numbers& y, std::span<const double> weight,
                 std::span<const Index> left_out)
    : X_(X), y_(y), weight_(weight.begin(), weight.end()) {
  const Index n = X.rows();
  const Index size = std::max<Index>(512, (n + 63) / 64);
  const auto cut = [&](Index begin, Index end) {
    for (; begin < end; begin += size) parts_.push_back({begin, std::min(end, begin + size)});
  };
  const Index count = static_cast<Index>(left_out.size());
  if (count > 0 && left_out.back() - left_out.front() + 1 == count) {
    cut(0, left_out.front());
    cut(left_out.back() + 1, n);
    return;
  }
  if (weight_.empty()) weight_.assign(at(n), 1.0);
  for (const Index row : left_out) weight_[at(row)] = 0.0;
  cut(0, n);
}

TrainingRows::Gradient RowsBut::gradient(const Matrix& coef, const Vector& intercept,
                                         const RowVector& centre) const {
  const kernels::ResidualTable& table = kernels::residual_table();
  const Index d = X_.cols();
  const Index targets = coef.rows();
  kernels::ResidualRows all{};
  all.vectors = (d + table.width - 1) / table.width;
  const Index padded = all.vectors * table.width;
  const std::vector<double> scale = [&] {
    std::vector<double> ones(at(padded), 0.0);
    std::fill_n(ones.begin(), d, 1.0);
    return ones;
  }();
  const std::vector<double> rest(at(padded), 0.0);
  all.x_stride = X_.outerStride();
  all.x_end = X_.data() + (X_.rows() - 1) * X_.outerStride() + d;
  all.scale = scale.data();
  all.coef_rest = rest.data();
  all.y_stride = y_.outerStride();
  all.y_scale = 1.0;
  all.weight_scale = 1.0;

  const Index length = 2 * padded + 4;  // products and what rounding left of them, and totals
  Gradient result{Matrix(targets, d), RowVector(targets)};
  for (Index t = 0; t < targets; ++t) {
    std::vector<double> high(at(padded), 0.0);
    std::copy_n(coef.data() + t * d, d, high.begin());
    all.coef = high.data();
    all.constant = intercept[t];
    std::vector<double> sums(parts_.size() * at(length), 0.0);
    parallel_for(static_cast<Index>(parts_.size()), [&](Index p) {
      const auto [begin, end] = parts_[at(p)];
      Scratch work(table.work_rows, padded);
      kernels::ResidualRows rows = all;
      rows.X = X_.data() + begin * X_.outerStride();
      rows.y = y_.data() + begin * y_.outerStride() + t;
      rows.weight = weight_.empty() ? nullptr : weight_.data() + begin;
      double* out = sums.data() + p * length;
      table.add(rows, end - begin, out, out + padded, out + 2 * padded, work.matrix().data());
    });
    std::vector<DoubleDouble> total(at(d + 1));
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      const double* part = sums.data() + p * at(length);
      for (Index j = 0; j < d; ++j)
        total[at(j)] = total[at(j)] + two_sum(part[j], part[padded + j]);
      total[at(d)] = total[at(d)] + two_sum(part[2 * padded], part[2 * padded + 1]);
    }
    for (Index j = 0; j < d; ++j) {
      result.xr(t, j) = (total[at(j)] - total[at(d)] * centre[j]).value();
    }
    result.r[t] = total[at(d)].value();
  }
  return result;
}

}  // namespace lathe
