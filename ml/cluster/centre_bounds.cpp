#include "lathe/ml/cluster/centre_bounds.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/ml/cluster/lloyd.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// More and less than v by a little more than what a float and a few roundings lose. Beyond the
// range of floats more is infinite, but less is not: it has to come down when centres move.
constexpr double largest = std::numeric_limits<float>::max();
float rounded_up(double v) {
  const double more = v * (1.0 + 0x1p-22);
  return more <= largest ? static_cast<float>(more) : std::numeric_limits<float>::infinity();
}
float rounded_down(double v) { return static_cast<float>(std::min(v * (1.0 - 0x1p-22), largest)); }

}  // namespace

CentreBounds::CentreBounds(const ClusterRows& rows, Index k)
    : rows_(rows),
      k_(k),
      scale_(1.0 / std::sqrt(rows.total_variance)),
      slack_(rounded_up(0x1p-19 + 2.0 * std::sqrt(tiny) * scale_)),
      bounds_(at(rows.rows())),
      halves_(at(k)),
      moved_(at(k)) {}

void CentreBounds::move(const Matrix& centres, const Matrix* before) {
  most_ = next_ = 0.0F;
  for (Index c = 0; c < k_ && before != nullptr; ++c) {
    const double squared = kernels::squared_distance(
        centres.data() + c * centres.cols(), before->data() + c * centres.cols(), centres.cols());
    const float way = moved_[at(c)] = rounded_up(std::sqrt(squared + tiny) * scale_);
    if (way > most_) {
      next_ = most_;
      most_ = way;
      farthest_ = static_cast<std::int32_t>(c);
    } else {
      next_ = std::max(next_, way);
    }
  }
  packed_.pack(centres);
  parallel_blocks(k_, 32, [&](Index, Index begin, Index end) { find_halves(centres, begin, end); });
}

void CentreBounds::find_halves(const Matrix& centres, Index begin, Index end) {
  const Index d = centres.cols();
  Vector squared((end - begin) * packed_.lanes());
  kernels::cluster_table().distances(centres.data() + begin * d, end - begin, d, d, packed_.data(),
                                     k_, squared.data());
  for (Index c = begin; c < end; ++c) {
    const double* row = squared.data() + (c - begin) * packed_.lanes();
    double least = infinite;
    for (Index other = 0; other < k_; ++other) {
      if (other != c) least = std::min(least, row[other]);
    }
    halves_[at(c)] = rounded_down(0.5 * std::sqrt(least) * scale_);
  }
}

void CentreBounds::keep(Index i, double own, double other) {
  bounds_[at(i)] = {rounded_up(std::sqrt(own) * scale_),
                    rounded_down(std::sqrt(std::max(other, 0.0)) * scale_)};
}

// By so much that neither rounding in distances nor nearest_centre()'s rule of ties matters.
bool CentreBounds::apart(float own, std::int32_t label, float other) const {
  return own * (1.0F + 0x1p-19F) + slack_ < std::max(other, halves_[at(label)]);
}

Index CentreBounds::find_open(Index first, Index n, const std::int32_t* labels,
                              const Matrix& centres, Index* open) {
  const float most = most_;  // not read again: bounds are floats too
  const float next = next_;
  Index found = 0;
  for (Index r = 0; r < n; ++r) {
    const std::int32_t label = labels[r];
    Distances& known = bounds_[at(first + r)];
    const float way = label == farthest_ ? next : most;
    known.own = (known.own + moved_[at(label)]) * (1.0F + 0x1p-22F);
    known.other = std::max(known.other - way, 0.0F) * (1.0F - 0x1p-22F);
    open[found] = first + r;
    found += apart(known.own, label, known.other) ? 0 : 1;
  }
  // Its own distance settles one row in five, and at k = 100 takes half as long as all its scores.
  if (k_ <= 256) return found;
  const auto settled = [&](Index i) { return settled_by_own(i, labels[i - first], centres); };
  return std::remove_if(open, open + found, settled) - open;
}

bool CentreBounds::settled_by_own(Index i, std::int32_t label, const Matrix& centres) {
  const double squared = kernels::squared_distance(
      rows_.row(i), centres.data() + label * centres.cols(), centres.cols());
  Distances& known = bounds_[at(i)];
  known.own = rounded_up(std::sqrt(squared + tiny) * scale_);
  return apart(known.own, label, known.other);
}

}  // namespace lathe
