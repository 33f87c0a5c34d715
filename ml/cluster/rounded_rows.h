// Rows as rough scores take them, kept from one assignment to the next as far as memory may go: a
// quarter of the bytes to read, and nothing to round. An assignment of 20000 x 784, with k = 10 and
// all rows open, took 1.8 ms instead of 5.5, and a fit with three of them 22 instead of 28 (rows
// that change their cluster are still read). Internal to k-means.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "lathe/ml/cluster/scored_centres.h"
#include "lathe/ml/cluster/training_rows.h"
#include "lathe/ml/core/large_memory.h"

namespace lathe {

class RoundedRows {
 public:
  static constexpr Index piece = ScoredCentres::piece;

  explicit RoundedRows(const ClusterRows& rows)
      : block_rows_(rows.block_rows), pieces_((block_rows_ + piece - 1) / piece) {
    const Index of_piece = piece * kernels::kept_numbers(rows.cols()) / 2;
    const Index all = (rows.rows() + block_rows_ - 1) / block_rows_ * pieces_;
    const Index kept = std::min(all, budget(rows.rows(), rows.cols()) / of_piece);
    numbers_ = large_matrix(kept, of_piece);
    known_.resize(static_cast<std::size_t>(kept));
  }

  // Of the piece of a block's rows that begins with this one.
  kernels::KeptRows at(Index row) {
    const Index i = index(row);
    if (i >= numbers_.rows()) return {};
    return {reinterpret_cast<std::int32_t*>(numbers_.row(i).data()),
            known_[static_cast<std::size_t>(i)] != 0};
  }
  void forget() { std::fill(known_.begin(), known_.end(), 0); }
  void set_known(Index row) { known_[static_cast<std::size_t>(index(row))] = 1; }

 private:
  // In doubles: a sixteenth of the rows, and some d-by-d matrices.
  static Index budget(Index n, Index d) {
    const Index side = std::min(n, d);
    return n * d / 16 + 6 * side * side;
  }
  Index index(Index row) const { return row / block_rows_ * pieces_ + row % block_rows_ / piece; }

  Index block_rows_;
  Index pieces_;  // of a block
  Matrix numbers_;
  std::vector<char> known_;  // not bool: threads set their own
};

}  // namespace lathe
