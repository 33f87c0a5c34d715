#include <cassert>

#include "lathe/ml/core/double_double.h"
#include "lathe/ml/core/gram.h"

namespace lathe {
namespace {

// The mean of both, from the heavier one: the shorter step.
void merge_means(RowVector& mean, RowVector& rest, const RowVector& other,
                 const RowVector& other_rest, double share) {
  for (Index j = 0; j < mean.size(); ++j) {
    const DoubleDouble from(mean[j], rest[j]);
    const DoubleDouble step = DoubleDouble(other[j], other_rest[j]) - from;
    const DoubleDouble sum = from + step * share;
    mean[j] = sum.hi;
    rest[j] = sum.lo;
  }
}

// What scaling by `from` becomes scaling by `to`.
void rescale(Gram& gram, const RowVector& x_scale, const RowVector& y_scale) {
  const RowVector x = x_scale.cwiseQuotient(gram.x_scale);
  const RowVector y = y_scale.cwiseQuotient(gram.y_scale);
  gram.xx = x.asDiagonal() * gram.xx * x.asDiagonal();
  gram.xy = x.asDiagonal() * gram.xy * y.asDiagonal();
  gram.yy = y.asDiagonal() * gram.yy * y.asDiagonal();
  gram.x_scale = x_scale;
  gram.y_scale = y_scale;
}

RowVector step_between(const RowVector& mean, const RowVector& rest, const RowVector& other,
                       const RowVector& other_rest, const RowVector& scale) {
  RowVector step(mean.size());
  for (Index j = 0; j < step.size(); ++j) {
    step[j] =
        (DoubleDouble(other[j], other_rest[j]) - DoubleDouble(mean[j], rest[j])).value() * scale[j];
  }
  return step;
}

}  // namespace

void Gram::merge(const Gram& other) {
  assert(centred == other.centred && xx.rows() == other.xx.rows() && yy.rows() == other.yy.rows());
  if (other.weight == 0.0) return;
  if (weight == 0.0) {
    *this = other;
    return;
  }
  const RowVector x_common = x_scale.cwiseMin(other.x_scale);
  const RowVector y_common = y_scale.cwiseMin(other.y_scale);
  if (x_common != x_scale || y_common != y_scale) rescale(*this, x_common, y_common);
  if (x_common != other.x_scale || y_common != other.y_scale) {
    Gram scaled = other;
    rescale(scaled, x_common, y_common);
    return merge(scaled);
  }
  xx += other.xx;
  xy += other.xy;
  yy += other.yy;
  const double total = weight + other.weight;
  if (centred) {
    const RowVector x = step_between(x_mean, x_mean_rest, other.x_mean, other.x_mean_rest, x_scale);
    const RowVector y = step_between(y_mean, y_mean_rest, other.y_mean, other.y_mean_rest, y_scale);
    const double factor = weight * (other.weight / total);
    xx.noalias() += (factor * x.transpose()).lazyProduct(x);
    xy.noalias() += (factor * x.transpose()).lazyProduct(y);
    yy.noalias() += (factor * y.transpose()).lazyProduct(y);
    merge_means(x_mean, x_mean_rest, other.x_mean, other.x_mean_rest, other.weight / total);
    merge_means(y_mean, y_mean_rest, other.y_mean, other.y_mean_rest, other.weight / total);
  }
  weight = total;
}

}  // namespace lathe
