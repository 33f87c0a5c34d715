#include "lathe/ml/decomposition/signs.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/product.h"
#include "lathe/ml/core/scratch.h"

namespace lathe {
namespace {

// The largest and the least of each column. Nothing else is at high and low, or each row would wait
// for the one before.
void widen(const MatrixView& scores, double* __restrict high, double* __restrict low) {
  const Index cols = scores.cols();
  std::copy_n(scores.data(), cols, high);
  std::copy_n(scores.data(), cols, low);
  for (Index i = 1; i < scores.rows(); ++i) {
    const double* __restrict row = scores.data() + i * scores.outerStride();
    for (Index c = 0; c < cols; ++c) {
      high[c] = high[c] < row[c] ? row[c] : high[c];
      low[c] = row[c] < low[c] ? row[c] : low[c];
    }
  }
}

// Products of the centred rows with some of the right singular vectors. Those of all rows are found
// in floats, and again only where one of them may be the largest.
class Scores {
 public:
  // `least_value`: of those that belong to the vectors.
  Scores(const MatrixView& X, const Spectrum& spectrum, const MatrixView& vectors,
         double least_value)
      : X_(X), right_(vectors.transpose()), offset_(spectrum.mean.transpose() * right_) {
    find_groups(spectrum);
    block_groups_ = std::clamp<Index>(most_copied / (group_ * X.cols()), 1, 64);
    // Centring each row takes twice the time of the product: only far from 0, where the product
    // would lose the digits of the shortest.
    const double least = least_value / std::sqrt(static_cast<double>(X.rows()));
    if (spectrum.mean.norm() * 1e-10 <= least) return;
    centre_ = spectrum.mean.transpose();
    offset_.setZero();
  }

  // Of each vector the score of largest size; of two that differ in sign alone, that of the first
  // row.
  Vector leads() const {
    const Index blocks = (std::ssize(groups_) + block_groups_ - 1) / block_groups_;
    Matrix most(blocks, right_.cols());
    Matrix least(blocks, right_.cols());
    parallel_for(blocks, [&](Index block) {
      Scratch scratch(block_groups_ * group_, right_.cols());
      const auto scores = of_block(block, scratch);
      widen(scores, &most(block, 0), &least(block, 0));
    });
    most.rowwise() -= offset_;
    least.rowwise() -= offset_;
    Vector leads(right_.cols());
    for (Index c = 0; c < leads.size(); ++c) {
      const double lead = std::max(most.col(c).maxCoeff(), -least.col(c).minCoeff());
      Index block = 0;
      while (block + 1 < blocks && most(block, c) != lead && least(block, c) != -lead) ++block;
      leads[c] = most(block, c) == lead ? lead : -lead;
      if (most(block, c) == -least(block, c)) leads[c] = first_of(lead, block, c);
    }
    return leads;
  }

 private:
  static constexpr Index most_copied = 1 << 18;  // numbers: what a block copies of X

  // Groups of rows that may have a largest score.
  void find_groups(const Spectrum& spectrum) {
    const double longest = std::sqrt(spectrum.total_squares);
    const double scale =
        squares_in_range(spectrum.total_squares) ? std::ldexp(0.5, -std::ilogb(longest)) : 0.0;
    const RoughLargest rough = rough_largest(X_, right_, spectrum.mean.transpose(), scale);
    group_ = rough.group;
    const Index groups = rough.error.size();
    const Index cols = right_.cols();
    constexpr Index size = 1024;
    Matrix surely = Matrix::Zero((groups + size - 1) / size, cols);
    parallel_blocks(groups, size, [&](Index block, Index begin, Index end) {
      for (Index g = begin; g < end; ++g) {
        for (Index c = 0; c < cols; ++c) {
          surely(block, c) = std::max(surely(block, c), rough.most(g, c) - rough.error[g]);
        }
      }
    });
    const RowVector least = surely.colwise().maxCoeff();
    std::vector<char> may(static_cast<std::size_t>(groups));
    parallel_blocks(groups, size, [&](Index, Index begin, Index end) {
      for (Index g = begin; g < end; ++g) {
        bool any = false;
        for (Index c = 0; c < cols; ++c) any |= !(rough.most(g, c) + rough.error[g] < least[c]);
        may[static_cast<std::size_t>(g)] = any;
      }
    });
    for (Index g = 0; g < groups; ++g) {
      if (may[static_cast<std::size_t>(g)] != 0) groups_.push_back(g);
    }
  }

  // Less the offset, which would be one more pass over them.
  MatrixRef of_block(Index block, Scratch& scratch) const {
    const Index first = block * block_groups_;
    const Index last = std::min(std::ssize(groups_), first + block_groups_);
    Scratch copies(block_groups_ * group_, X_.cols());
    Index count = 0;
    for (Index g = first; g < last; ++g) {
      const Index row = groups_[static_cast<std::size_t>(g)] * group_;
      const Index rows = std::min(group_, X_.rows() - row);
      copies.matrix().middleRows(count, rows) = X_.middleRows(row, rows);
      count += rows;
    }
    MatrixRef scores = scratch.matrix().topRows(count);
    multiply(copies.matrix().topRows(count), right_, scores, centre_);
    return scores;
  }

  double first_of(double magnitude, Index block, Index c) const {
    Scratch scratch(block_groups_ * group_, right_.cols());
    const auto scores = of_block(block, scratch);
    Index i = 0;
    while (i + 1 < scores.rows() && std::abs(scores(i, c) - offset_[c]) != magnitude) ++i;
    return scores(i, c) - offset_[c];
  }

  const MatrixView& X_;
  Matrix right_;
  RowVector offset_;
  RowVector centre_;  // empty: the offset is subtracted from the product
  Index group_ = 0;
  Index block_groups_ = 0;
  std::vector<Index> groups_;  // ascending
};

}  // namespace

void set_signs(const MatrixView& X, const Spectrum& spectrum, Index rank, Matrix& vectors) {
  constexpr Index most_turned = 1 << 19;  // numbers
  Vector lead(vectors.rows());
  // So many at a time that a copy of them is no larger than what else there is.
  const Index p = std::min(X.rows(), X.cols());
  const Index size = std::max<Index>(16, (std::max(most_turned, p * p) / X.cols() + 7) / 8 * 8);
  for (Index first = 0; first < rank; first += size) {
    const Index count = std::min(size, rank - first);
    lead.segment(first, count) =
        Scores(X, spectrum, vectors.middleRows(first, count), spectrum.values[first + count - 1])
            .leads();
  }
  for (Index c = rank; c < vectors.rows(); ++c) {
    Index place = 0;
    vectors.row(c).cwiseAbs().maxCoeff(&place);
    lead[c] = vectors(c, place);
  }
  for (Index c = 0; c < vectors.rows(); ++c) {
    if (lead[c] < 0.0) vectors.row(c) = -vectors.row(c);
  }
}

}  // namespace lathe
