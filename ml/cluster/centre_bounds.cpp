#include "lathe/ml/cluster/centre_bounds.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lathe/ml/cluster/lloyd.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr int beyond = 256;  // more steps than a bound can have

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// At least v, where v lost its last digits on the way to a float.
float rounded_up(double v) { return static_cast<float>(v * (1.0 + 0x1p-22)); }

// More steps than `upper`, by enough that rounding, here and in distances, does not matter.
int steps_above(float upper) {
  const float safe = upper * (1.0F + 0x1p-19F);
  return safe < 255.0F ? static_cast<int>(safe) + 1 : beyond;
}

std::uint8_t steps_below(double steps) {
  return static_cast<std::uint8_t>(steps < 255.0 ? std::max(steps, 0.0) : 255.0);
}

// A tenth of a row's bytes; four are the upper bound's.
Index size_of_groups(Index k, Index d) {
  const Index room = std::max<Index>(8 * d / 10 - 4, 2);
  return (k + room - 1) / room;
}

}  // namespace

CentreBounds::CentreBounds(const ClusterRows& rows, Index k)
    : rows_(rows),
      k_(k),
      group_size_(size_of_groups(k, rows.cols())),
      n_groups_((k + group_size_ - 1) / group_size_),
      scale_(127.5 / std::sqrt(rows.total_variance)),
      order_(at(k)),
      group_of_(at(k)),
      bounds_(at(rows.rows() * n_groups_)),
      upper_(at(rows.rows())),
      halves_(at(k * n_groups_)),
      drift_(at(n_groups_)),
      travelled_(at(n_groups_)),
      moved_(at(k)) {}

void CentreBounds::move(const Matrix& centres, const Matrix* before) {
  if (before == nullptr) make_groups(centres);
  std::vector<double> farthest(at(n_groups_), 0.0);
  for (Index c = 0; c < k_ && before != nullptr; ++c) {
    const double squared = kernels::squared_distance(
        centres.data() + c * centres.cols(), before->data() + c * centres.cols(), centres.cols());
    const double steps = std::sqrt(squared) * scale_ * (1.0 + 1e-9);
    moved_[at(c)] = rounded_up(steps);
    double& most = farthest[at(group_of_[at(c)])];
    most = std::max(most, steps);
  }
  for (Index g = 0; g < n_groups_; ++g) {
    // Whole steps of the way since the start, so that many small moves round up once.
    const double whole = std::ceil(travelled_[at(g)]);
    travelled_[at(g)] += farthest[at(g)];
    drift_[at(g)] = steps_below(std::ceil(travelled_[at(g)]) - whole);
  }
  packed_.pack(centres);
  parallel_blocks(k_, 32, [&](Index, Index begin, Index end) { find_halves(centres, begin, end); });
}

// A chain, each centre followed by the nearest one left, is cut into groups.
void CentreBounds::make_groups(const Matrix& centres) {
  std::iota(order_.begin(), order_.end(), 0);
  for (Index i = 1; i < k_ && group_size_ > 1; ++i) {
    const double* last = centres.data() + order_[at(i - 1)] * centres.cols();
    Index nearest = i;
    double least = infinity;
    for (Index j = i; j < k_; ++j) {
      const double squared = kernels::squared_distance(
          last, centres.data() + order_[at(j)] * centres.cols(), centres.cols());
      if (squared < least) {
        least = squared;
        nearest = j;
      }
    }
    std::swap(order_[at(i)], order_[at(nearest)]);
  }
  for (Index i = 0; i < k_; ++i) group_of_[at(order_[at(i)])] = i / group_size_;
  std::fill(travelled_.begin(), travelled_.end(), 0.0);
}

void CentreBounds::find_halves(const Matrix& centres, Index begin, Index end) {
  const Index d = centres.cols();
  Vector squared((end - begin) * packed_.lanes());
  kernels::cluster_table().distances(centres.data() + begin * d, end - begin, d, d, packed_.data(),
                                     k_, squared.data());
  std::vector<double> least(at(n_groups_));
  for (Index c = begin; c < end; ++c) {
    std::fill(least.begin(), least.end(), infinity);
    const double* row = squared.data() + (c - begin) * packed_.lanes();
    for (Index other = 0; other < k_; ++other) {
      double& of_group = least[at(group_of_[at(other)])];
      if (other != c) of_group = std::min(of_group, row[other]);
    }
    for (Index g = 0; g < n_groups_; ++g) {
      halves_[at(c * n_groups_ + g)] =
          steps_below(0.5 * std::sqrt(least[at(g)]) * scale_ * (1.0 - 1e-9));
    }
  }
}

void CentreBounds::forget(Index i) {
  upper_[at(i)] = std::numeric_limits<float>::infinity();
  std::fill_n(bounds(i), n_groups_, std::uint8_t{0});
}

std::int32_t CentreBounds::first(Index i, const double* squared, const Matrix& centres,
                                 Work& work) {
  std::int32_t label =
      kernels::cluster_table().clear_least(squared, k_, nearby(rows_.cols()), tiny);
  if (label < 0) {
    label = static_cast<std::int32_t>(nearest_centre(rows_.row(i), centres).index);
  }
  upper_[at(i)] = rounded_up(std::sqrt(squared[label]) * scale_ * (1.0 + 1e-9));
  if (group_size_ == 1) {
    kernels::cluster_table().bound_codes(squared, k_, scale_, bounds(i));
  } else {
    std::fill_n(work.squared.begin(), n_groups_, infinity);
    for (Index c = 0; c < k_; ++c) {
      double& least = work.squared[at(group_of_[at(c)])];
      if (c != label) least = std::min(least, squared[c]);
    }
    kernels::cluster_table().bound_codes(work.squared.data(), n_groups_, scale_, bounds(i));
  }
  return label;
}

std::int32_t CentreBounds::nearest(Index i, std::int32_t label, const Matrix& centres, Work& work) {
  const kernels::ClusterTable& kernel = kernels::cluster_table();
  const Index d = centres.cols();
  std::uint8_t* known = bounds(i);
  const std::uint8_t* halves = halves_.data() + label * n_groups_;
  float& upper = upper_[at(i)];
  upper = (upper + moved_[at(label)]) * (1.0F + 0x1p-22F);
  work.n_groups = kernel.low_bounds(known, drift_.data(), halves, n_groups_, steps_above(upper),
                                    work.groups.data());
  if (work.n_groups == 0) return label;

  const double own = kernels::squared_distance(rows_.row(i), centres.data() + label * d, d);
  upper = rounded_up(std::sqrt(own) * scale_ * (1.0 + 1e-9));
  const int least = steps_above(upper);
  Index left = 0;
  for (Index g = 0; g < work.n_groups; ++g) {
    const std::int32_t group = work.groups[at(g)];
    if (std::max(known[group], halves[group]) < least) work.groups[at(left++)] = group;
  }
  work.n_groups = left;
  list_centres(label, work);
  if (work.n_centres == 0) return label;

  kernel.some_distances(rows_.row(i), d, centres.data(), work.centres.data(), work.n_centres,
                        work.squared.data());
  const std::int32_t now = settle(i, label, own, centres, work);
  keep_bounds(i, label, now, own, work);
  return now;
}

void CentreBounds::list_centres(std::int32_t label, Work& work) const {
  work.n_centres = 0;
  for (Index g = 0; g < work.n_groups; ++g) {
    const Index begin = work.groups[at(g)] * group_size_;
    for (Index c = begin; c < std::min(begin + group_size_, k_); ++c) {
      if (order_[at(c)] != label) work.centres[at(work.n_centres++)] = order_[at(c)];
    }
  }
}

// The nearest of the row's own and the listed centres.
std::int32_t CentreBounds::settle(Index i, std::int32_t label, double own, const Matrix& centres,
                                  const Work& work) {
  double least = own;
  std::int32_t best = label;
  for (Index m = 0; m < work.n_centres; ++m) {
    if (work.squared[at(m)] < least) {
      least = work.squared[at(m)];
      best = work.centres[at(m)];
    }
  }
  const double limit = least * nearby(rows_.cols()) + tiny;
  Index near = own <= limit ? 1 : 0;
  for (Index m = 0; m < work.n_centres; ++m) near += work.squared[at(m)] <= limit ? 1 : 0;
  if (near > 1) {
    best = static_cast<std::int32_t>(nearest_centre(rows_.row(i), centres).index);
    least = kernels::squared_distance(rows_.row(i), centres.data() + best * centres.cols(),
                                      centres.cols());
  }
  upper_[at(i)] = rounded_up(std::sqrt(least) * scale_ * (1.0 + 1e-9));
  return best;
}

void CentreBounds::keep_bounds(Index i, std::int32_t before, std::int32_t label, double own,
                               const Work& work) {
  const auto steps = [&](double squared) {
    return steps_below(std::floor(std::sqrt(squared) * scale_) - 1.0);
  };
  std::uint8_t* known = bounds(i);
  const Index left = group_of_[at(before)];
  // A centre that the row leaves counts from now on.
  if (label != before) known[left] = std::min(known[left], steps(own));
  Index m = 0;
  for (Index g = 0; g < work.n_groups; ++g) {
    const Index group = work.groups[at(g)];
    double least = group == left && label != before ? own : infinity;
    for (; m < work.n_centres && group_of_[at(work.centres[at(m)])] == group; ++m) {
      if (work.centres[at(m)] != label) least = std::min(least, work.squared[at(m)]);
    }
    known[group] = steps(least);
  }
}

}  // namespace lathe
