#include "lathe/ml/cluster/kmeans_start.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

double weight_at(std::span<const double> weight, Index row) {
  return weight.empty() ? 1.0 : weight[static_cast<std::size_t>(row)];
}

// The weighted squared distances of all rows to the centres so far, with their sums by block.
class Potential {
 public:
  Potential(const MatrixView& X, std::span<const double> weight)
      : X_(X),
        weight_(weight),
        block_rows_(start_block(X.rows(), X.cols())),
        closest_(static_cast<std::size_t>(X.rows()), 1.0),
        sums_((X.rows() + block_rows_ - 1) / block_rows_, 1) {
    // Before the first centre all distances are equal.
    parallel_blocks(X.rows(), block_rows_, [&](Index block, Index begin, Index end) {
      sums_(block, 0) = 0.0;
      for (Index i = begin; i < end; ++i) sums_(block, 0) += weight_at(weight_, i);
    });
  }

  // A row drawn in proportion to what it adds; the first of positive weight where all add nothing.
  Index draw(Random& random) const {
    double total = 0.0;
    for (Index block = 0; block < sums_.rows(); ++block) total += sums_(block, 0);
    const double target = random.uniform() * total;
    double before = 0.0;
    for (Index block = 0; block < sums_.rows(); ++block) {
      if (before + sums_(block, 0) > target) {
        double sum = 0.0;  // ends at exactly sums_(block, 0), so a row is always found
        for (Index i = block * block_rows_;; ++i) {
          sum += weight_at(weight_, i) * closest_[static_cast<std::size_t>(i)];
          if (before + sum > target) return i;
        }
      }
      before += sums_(block, 0);
    }
    Index i = 0;
    while (weight_at(weight_, i) <= 0.0) ++i;
    return i;
  }

  // Moves to the best of the rows as a further centre.
  Index add_best(const std::vector<Index>& rows) {
    const Index n = static_cast<Index>(rows.size());
    Matrix sums(sums_.rows(), n);
    parallel_blocks(X_.rows(), block_rows_, [&](Index block, Index begin, Index end) {
      sums.row(block).setZero();
      for (Index i = begin; i < end; ++i) {
        for (Index t = 0; t < n; ++t) {
          sums(block, t) += weight_at(weight_, i) * closer(i, rows[static_cast<std::size_t>(t)]);
        }
      }
    });
    Index best = 0;
    sums.colwise().sum().minCoeff(&best);
    const Index centre = rows[static_cast<std::size_t>(best)];
    parallel_blocks(X_.rows(), block_rows_, [&](Index, Index begin, Index end) {
      for (Index i = begin; i < end; ++i) closest_[static_cast<std::size_t>(i)] = closer(i, centre);
    });
    sums_ = sums.col(best);
    return centre;
  }

  // The first centre replaces the equal distances that there were before it.
  void add_first(Index row) {
    std::fill(closest_.begin(), closest_.end(), std::numeric_limits<double>::infinity());
    add_best({row});
  }

 private:
  double closer(Index i, Index centre) const {
    const double distance = kernels::squared_distance(
        X_.data() + i * X_.outerStride(), X_.data() + centre * X_.outerStride(), X_.cols());
    return std::min(closest_[static_cast<std::size_t>(i)], distance);
  }

  const MatrixView& X_;
  std::span<const double> weight_;
  Index block_rows_;
  std::vector<double> closest_;  // squared distance of each row
  Matrix sums_;                  // n_blocks x 1
};

}  // namespace

Index start_block(Index n, Index d) { return std::max(row_block(d), (n + 63) / 64); }

Matrix random_start(const MatrixView& X, std::span<const double> weight, Index k, Random& random) {
  std::vector<std::pair<double, Index>> keys;
  keys.reserve(static_cast<std::size_t>(X.rows()));
  for (Index i = 0; i < X.rows(); ++i) {
    const double exponential = -std::log1p(-random.uniform());
    if (weight_at(weight, i) > 0.0) keys.emplace_back(exponential / weight_at(weight, i), i);
  }
  std::partial_sort(keys.begin(), keys.begin() + k, keys.end());
  Matrix centres(k, X.cols());
  for (Index j = 0; j < k; ++j) centres.row(j) = X.row(keys[static_cast<std::size_t>(j)].second);
  return centres;
}

Matrix kmeans_plus_plus(const MatrixView& X, std::span<const double> weight, Index k,
                        Random& random) {
  Potential potential(X, weight);
  Matrix centres(k, X.cols());
  const Index first = potential.draw(random);
  potential.add_first(first);
  centres.row(0) = X.row(first);
  std::vector<Index> candidates(2 + static_cast<std::size_t>(std::log(static_cast<double>(k))));
  for (Index j = 1; j < k; ++j) {
    for (Index& candidate : candidates) candidate = potential.draw(random);
    centres.row(j) = X.row(potential.add_best(candidates));
  }
  return centres;
}

}  // namespace lathe
