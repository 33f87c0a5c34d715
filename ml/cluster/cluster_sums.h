// Sums of the rows of each cluster that no order of additions can change: each number is cut into
// two parts on fixed grids, coarse enough that sums on them are exact (Demmel and Nguyen 2013). So
// a row that changes its cluster is taken from one sum and added to the other, which costs nothing
// once clusters settle, and nothing drifts: the bits are those of a sum made anew, on any thread.
// What falls below the second grid is below 2^-60 of the column's range. Internal to k-means.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "lathe/ml/cluster/training_rows.h"

namespace lathe {

// Rows that change their clusters, some at a time.
struct Changes {
  static constexpr Index most = 48;
  Index n = 0;
  Index ahead = 0;  // rows so many after each are fetched from memory meanwhile
  std::array<Index, most> row;
  std::array<std::int32_t, most> from, to;

  void add(Index i, std::int32_t before, std::int32_t after) {
    const auto at = static_cast<std::size_t>(n++);
    row[at] = i;
    from[at] = before;
    to[at] = after;
  }
};

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

    // Takes rows from one cluster (none: negative) to another; to its own it leaves one as it is.
    void change(const Changes& changes) { sums_.change(*numbers_, changes); }

   private:
    ClusterSums& sums_;
    std::unique_ptr<Vector> numbers_;
  };

  void clear();
  void merge();  // all parts into the total
  void change(const Changes& changes) { change(total_, changes); }

  // sum_i w_i |x_i - c_i|^2 with these centres, without another look at the rows: their squares
  // about the mean are known, and what centres change follows from the sums. Nothing where too many
  // digits cancel.
  std::optional<double> inertia(const Matrix& centres) const;

  bool empty(Index cluster) const { return count(cluster) == 0.0; }
  bool has_one_row(Index cluster) const { return count(cluster) == 1.0; }
  // The mean of the cluster's rows of positive weight, of which there must be one. `labels` tells
  // the rows of a cluster whose weight is lost beside the heaviest: they are summed up by
  // themselves.
  RowVector mean(Index cluster, std::span<const std::int32_t> labels) const;

 private:
  void change(Vector& numbers, const Changes& changes) const;
  double count(Index cluster) const;  // of rows of positive weight
  void count(double* sums, double weight, double sign) const;
  double weight(const double* sums) const;
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
