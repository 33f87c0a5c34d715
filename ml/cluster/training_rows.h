// The rows that k-means works on, and what one pass over them tells. Internal to k-means.
#pragma once

#include <algorithm>
#include <atomic>
#include <span>
#include <vector>

#include "lathe/ml/core/types.h"

namespace lathe {

constexpr Index scored_rows = 48;  // at a time: whole blocks of the kernels of all levels

struct ClusterRows {
  // X and weight (empty: every row counts one) must outlive this. One read of X: rows are in cache
  // when their squares follow their sums, and blocks are merged by their centred moments (Chan,
  // Golub and LeVeque 1979).
  ClusterRows(const MatrixView& X, std::span<const double> weight);

  // A guess of that from some of the rows, with wider ranges, so that all are likely to be within.
  // A pass that does other things too can find out, and tell what is true (RowMoments).
  static ClusterRows guessed(const MatrixView& X);

  Index rows() const { return X.rows(); }
  Index cols() const { return X.cols(); }
  const double* row(Index i) const { return X.data() + i * X.outerStride(); }
  double weight_of(Index i) const {
    return weight.empty() ? 1.0 : weight[static_cast<std::size_t>(i)];
  }

  const MatrixView& X;
  std::span<const double> weight;
  Index block_rows;            // of at most 64 blocks, which do not depend on threads
  bool finite = false;         // all of X, surely; if not, some number is not, or sums overflow
  RowVector mean;              // of the columns
  RowVector least, greatest;   // of the columns
  double reach = 0.0;          // from the mean to the farthest corner of these
  double total_squares = 0.0;  // about the mean, weighted
  // Of columns: weight * largest number * standard deviation. Means of blocks are rounded beside
  // the numbers, so it is beside this that the squares are known to the last digits.
  double offset_squares = 0.0;
  double total_variance = 0.0;

 private:
  ClusterRows(const MatrixView& X, std::span<const double> weight, Index block_rows);
};

// The pass over the rows, which may be part of another: a thread to a block, a piece after another.
class RowMoments {
 public:
  explicit RowMoments(ClusterRows& rows);

  // Rows [begin, end) of the block. The `ahead` rows after them are fetched from memory.
  void add(Index block, Index begin, Index end, Index ahead);

  // The same where the rows were guessed. Whether all so far are finite and within the guess: what
  // relies on it must not look at them before.
  bool add_guessed(Index block, Index begin, Index end);
  bool astray() const { return astray_.load(std::memory_order_relaxed); }

  void tell();  // the rows, when all have been added

 private:
  struct Moments {
    explicit Moments(Index d);
    void add(const Moments& next);

    double weight = 0.0;
    RowVector mean, squares, least, greatest;
    bool finite = true;
  };

  bool within_guess(const Moments& moments) const;

  ClusterRows& rows_;
  std::vector<Moments> blocks_;
  std::atomic<bool> astray_{false};
};

// From one row of a sample of 256 or somewhat more to the next.
constexpr Index sample_step(Index n) { return std::max<Index>(n / 256, 1); }

// Rows of a block when n rows of d columns are cut into at most 64. None of a block but the last is
// short of rows to score: with 782 in a block, and so 14 at its end, 50000 x 128 with k = 100 took
// 61 ms instead of 58.
Index start_block(Index n, Index d);

}  // namespace lathe
