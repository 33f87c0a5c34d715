#include "lathe/ml/cluster/kmeans_start.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "lathe/ml/cluster/packed_centres.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/scratch.h"

namespace lathe {
namespace {

// The weighted squared distances of all rows to the centres so far, with their sums by block. The
// last centre is known to the sums, but to the rows of a block only when they are read again.
class Potential {
 public:
  explicit Potential(const ClusterRows& rows)
      : rows_(rows),
        closest_(static_cast<std::size_t>(rows.rows()), 1.0),
        sums_((rows.rows() + rows.block_rows - 1) / rows.block_rows, 1),
        settled_(static_cast<std::size_t>(sums_.rows()), true) {
    // Before the first centre all distances are equal.
    for (Index i = 0; i < rows.rows(); ++i) sums_(i / rows.block_rows, 0) = 0.0;
    for (Index i = 0; i < rows.rows(); ++i) sums_(i / rows.block_rows, 0) += rows.weight_of(i);
  }

  // A row drawn in proportion to what it adds; the first of positive weight where all add nothing.
  Index draw(Random& random) {
    double total = 0.0;
    for (Index block = 0; block < sums_.rows(); ++block) total += sums_(block, 0);
    const double target = random.uniform() * total;
    double before = 0.0;
    for (Index block = 0; block < sums_.rows(); ++block) {
      if (before + sums_(block, 0) > target) {
        settle(block);
        double sum = 0.0;  // ends at exactly sums_(block, 0), so a row is always found
        for (Index i = block * rows_.block_rows;; ++i) {
          sum += rows_.weight_of(i) * closest_[static_cast<std::size_t>(i)];
          if (before + sum > target) return i;
        }
      }
      before += sums_(block, 0);
    }
    Index i = 0;
    while (rows_.weight_of(i) <= 0.0) ++i;
    return i;
  }

  // The first centre replaces the equal distances that there were before it.
  void add_first(Index row) {
    std::fill(closest_.begin(), closest_.end(), std::numeric_limits<double>::infinity());
    sums_ = measure({rows_.row(row)});
    last_ = row;
  }

  // Moves to the best of the rows as a further centre.
  Index add_best(const std::vector<Index>& candidates) {
    std::vector<const double*> centres{rows_.row(last_)};
    for (const Index candidate : candidates) centres.push_back(rows_.row(candidate));
    const Matrix sums = measure(centres);
    Index best = 0;
    sums.colwise().sum().tail(static_cast<Index>(candidates.size())).minCoeff(&best);
    sums_ = sums.col(best + 1);
    std::fill(settled_.begin(), settled_.end(), false);
    last_ = candidates[static_cast<std::size_t>(best)];
    return last_;
  }

 private:
  // What remains with each of the rows as a further centre, by block; the first row is told to all.
  Matrix measure(const std::vector<const double*>& centres) {
    packed_.pack(centres, rows_.cols());
    Matrix sums(sums_.rows(), (packed_.lanes() + 7) / 8 * 8);  // a line of the cache for each block
    parallel_blocks(rows_.rows(), rows_.block_rows, [&](Index block, Index begin, Index end) {
      sums.row(block).setZero();
      measure_rows(begin, end, sums.row(block).data());
    });
    return sums.leftCols(packed_.size());
  }

  void measure_rows(Index begin, Index end, double* sums) {
    Scratch work(8, packed_.lanes());
    kernels::cluster_table().potentials(
        rows_.row(begin), end - begin, rows_.X.outerStride(), rows_.cols(), packed_.data(),
        packed_.size(), rows_.weight.empty() ? nullptr : rows_.weight.data() + begin,
        closest_.data() + begin, work.matrix().data(), sums);
  }

  void settle(Index block) {
    if (settled_[static_cast<std::size_t>(block)]) return;
    settled_[static_cast<std::size_t>(block)] = true;
    packed_.pack({rows_.row(last_)}, rows_.cols());
    RowVector sums = RowVector::Zero(packed_.lanes());
    const Index begin = block * rows_.block_rows;
    measure_rows(begin, std::min(rows_.rows(), begin + rows_.block_rows), sums.data());
  }

  const ClusterRows& rows_;
  std::vector<double> closest_;  // squared distance of each row
  Matrix sums_;                  // n_blocks x 1
  std::vector<bool> settled_;    // whether the block's rows know of the last centre
  Index last_ = 0;
  PackedCentres packed_;
};

}  // namespace

Matrix random_start(const ClusterRows& rows, Index k, Random& random) {
  std::vector<std::pair<double, Index>> keys;
  keys.reserve(static_cast<std::size_t>(rows.rows()));
  for (Index i = 0; i < rows.rows(); ++i) {
    const double exponential = -std::log1p(-random.uniform());
    if (rows.weight_of(i) > 0.0) keys.emplace_back(exponential / rows.weight_of(i), i);
  }
  std::partial_sort(keys.begin(), keys.begin() + k, keys.end());
  Matrix centres(k, rows.cols());
  for (Index j = 0; j < k; ++j) {
    centres.row(j) = rows.X.row(keys[static_cast<std::size_t>(j)].second);
  }
  return centres;
}

Matrix kmeans_plus_plus(const ClusterRows& rows, Index k, Random& random) {
  Potential potential(rows);
  Matrix centres(k, rows.cols());
  const Index first = potential.draw(random);
  potential.add_first(first);
  centres.row(0) = rows.X.row(first);
  std::vector<Index> candidates(2 + static_cast<std::size_t>(std::log(static_cast<double>(k))));
  for (Index j = 1; j < k; ++j) {
    for (Index& candidate : candidates) candidate = potential.draw(random);
    centres.row(j) = rows.X.row(potential.add_best(candidates));
  }
  return centres;
}

}  // namespace lathe
