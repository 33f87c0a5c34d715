// Sums of the rows of each cluster that no order of additions can change: each number is cut into
// two parts on fixed grids, coarse enough that sums on them are exact (Demmel and Nguyen 2013). So
// a row that changes its cluster is taken from one sum and added to the other, which costs nothing
// once clusters settle, and nothing drifts: the bits are those of a sum made anew, on any thread.
// What falls below the second grid is below 2^-60 of the column's range. Internal to k-means.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "lathe/ml/cluster/training_rows.h"

namespace lathe {

class ClusterSums {
 public:
  ClusterSums(const ClusterRows& rows, Index k);

  // What a thread adds up before it is merged. Used by one thread at a time.
  class Part {
   public:
    explicit Part(ClusterSums& sums);
    ~Part();
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

    // Takes row i from cluster `from` (none: negative) to cluster `to`.
    void change(Index i, Index from, Index to);

   private:
    ClusterSums& sums_;
    std::unique_ptr<Vector> numbers_;
  };

  void clear();
  void merge();  // all parts into the total
  void change(Index i, Index from, Index to) { change(total_, i, from, to); }

  bool empty(Index cluster) const;  // no row of positive weight
  // The mean of the cluster's rows of positive weight, of which there must be one. `labels` tells
  // the rows of a cluster whose weight is lost beside the heaviest: they are summed up by
  // themselves.
  RowVector mean(Index cluster, std::span<const std::int32_t> labels) const;

 private:
  void change(Vector& numbers, Index i, Index from, Index to) const;
  void add(Vector& numbers, Index i, Index cluster, double sign) const;
  RowVector light_mean(Index cluster, std::span<const std::int32_t> labels) const;

  const ClusterRows& rows_;
  Index k_;
  Index stride_;  // high parts, low parts, weight's high and low part, number of rows, padding
  RowVector origin_, high_grid_, low_grid_;
  double weight_unit_ = 1.0;
  double weight_high_ = 0.0;
  double weight_low_ = 0.0;
  Vector total_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Vector>> idle_;  // zero, or to be merged
};

}  // namespace lathe
