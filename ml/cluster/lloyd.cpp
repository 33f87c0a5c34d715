#include "lathe/ml/cluster/lloyd.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "lathe/ml/cluster/kmeans_start.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

// Decimals such as 0.2, 0.3, 0.4 are equally far apart on paper but not as doubles: what differs by
// rounding alone is a tie.
constexpr double clearly_nearer = 1.0 - 0x1p-46;

}  // namespace

NearestCentre nearest_centre(const double* x, const Matrix& centres) {
  NearestCentre nearest{0, std::numeric_limits<double>::infinity()};
  for (Index j = 0; j < centres.rows(); ++j) {
    const double distance =
        kernels::squared_distance(x, centres.data() + j * centres.cols(), centres.cols());
    if (distance < nearest.squared_distance * clearly_nearer) nearest = {j, distance};
  }
  return nearest;
}

Lloyd::Lloyd(const MatrixView& X, std::span<const double> weight)
    : X_(X),
      weight_(weight),
      block_rows_(start_block(X.rows(), X.cols())),
      partials_(static_cast<std::size_t>((X.rows() + block_rows_ - 1) / block_rows_)),
      labels_(static_cast<std::size_t>(X.rows())) {}

LloydResult Lloyd::run(Matrix centres, std::int64_t max_iter, double shift_tol) {
  std::fill(labels_.begin(), labels_.end(), -1);
  LloydResult result;
  while (result.n_iter < max_iter && !result.converged) {
    ++result.n_iter;
    const bool changed = assign(centres);
    add_shifts(centres);
    const Matrix before = centres;
    const bool relocated = relocate_empty(centres);
    move(centres);
    const double shift = (centres - before).squaredNorm();
    result.converged = (!changed && !relocated) || shift <= shift_tol;
  }

  // Labels and inertia of the centres as they are now, so that the labels are what predict() says.
  assign(centres);
  for (const Partial& partial : partials_) result.inertia += partial.inertia;
  result.centres = std::move(centres);
  result.labels = labels_;
  return result;
}

bool Lloyd::assign(const Matrix& centres) {
  parallel_blocks(X_.rows(), block_rows_, [&](Index block, Index begin, Index end) {
    Partial& partial = partials_[static_cast<std::size_t>(block)];
    partial.inertia = 0.0;
    partial.changed = false;
    for (Index i = begin; i < end; ++i) {
      const NearestCentre nearest = nearest_centre(row(i), centres);
      // A row without weight must not add 0 * inf.
      if (weight(i) > 0.0) partial.inertia += weight(i) * nearest.squared_distance;
      partial.changed |= label(i) != nearest.index;
      label(i) = nearest.index;
    }
  });
  return std::any_of(partials_.begin(), partials_.end(),
                     [](const Partial& partial) { return partial.changed; });
}

void Lloyd::add_shifts(const Matrix& centres) {
  parallel_blocks(X_.rows(), block_rows_, [&](Index block, Index begin, Index end) {
    Partial& partial = partials_[static_cast<std::size_t>(block)];
    partial.shift.setZero(centres.rows(), centres.cols());
    partial.weight.setZero(centres.rows());
    for (Index i = begin; i < end; ++i) {
      const double w = weight(i);
      if (w == 0.0) continue;
      const double* x = row(i);
      const double* centre = centres.data() + label(i) * centres.cols();
      double* shift = partial.shift.data() + label(i) * centres.cols();
      for (Index c = 0; c < centres.cols(); ++c) shift[c] += w * (x[c] - centre[c]);
      partial.weight[label(i)] += w;
    }
  });
  Partial& total = partials_.front();
  for (std::size_t b = 1; b < partials_.size(); ++b) {
    total.shift += partials_[b].shift;
    total.weight += partials_[b].weight;
  }
}

void Lloyd::move(Matrix& centres) const {
  const Partial& total = partials_.front();
  for (Index j = 0; j < centres.rows(); ++j) {
    if (total.weight[j] > 0.0) centres.row(j) += total.shift.row(j) / total.weight[j];
  }
}

bool Lloyd::relocate_empty(Matrix& centres) {
  const Vector& weights = partials_.front().weight;
  if ((weights.array() > 0.0).all()) return false;

  std::vector<std::pair<double, Index>>
      far;  // minus the distance, so that ascending is farthest first
  std::vector<Index> rows_left(static_cast<std::size_t>(centres.rows()), 0);
  for (Index i = 0; i < X_.rows(); ++i) {
    if (weight(i) == 0.0) continue;
    ++rows_left[static_cast<std::size_t>(label(i))];
    const double* centre = centres.data() + label(i) * centres.cols();
    const double distance = kernels::squared_distance(row(i), centre, centres.cols());
    if (distance > 0.0) far.emplace_back(-distance, i);
  }
  std::sort(far.begin(), far.end());

  bool relocated = false;
  auto next = far.begin();
  for (Index j = 0; j < centres.rows(); ++j) {
    if (weights[j] > 0.0) continue;
    const auto lone = [&](const auto& candidate) {
      return rows_left[static_cast<std::size_t>(label(candidate.second))] == 1;
    };
    next = std::find_if_not(next, far.end(), lone);
    if (next == far.end()) break;
    --rows_left[static_cast<std::size_t>(label(next->second))];
    label(next->second) = j;
    centres.row(j) = X_.row(next->second);
    relocated = true;
    ++next;
  }
  if (relocated) add_shifts(centres);
  return relocated;
}

}  // namespace lathe
