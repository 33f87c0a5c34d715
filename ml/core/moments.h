// Count, mean, variance and range of each column, over the cells that are not missing.
//
// One pass over the data, in blocks of rows: each takes deviations from the mean of its first rows,
// and sums them and their squares (Chan, Golub and LeVeque 1983). Every sum carries what rounding
// cuts off (Knuth's TwoSum), blocks are joined in double-double, and columns of very large or very
// small numbers are scaled by a power of two in a second pass. Where squares about these shifts are
// far more than those about the mean, as with weights of very different size, they are summed up
// again about the mean. So mean and deviation are right to the last digits that the data determine,
// at any offset, any scale and any weights.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lathe/ml/core/types.h"

namespace lathe {

// One entry per column. A row of weight 0 is as good as absent. Where a column has no cell, all its
// numbers are 0.
struct Moments {
  std::vector<std::int64_t> count;  // cells
  Vector weight;                    // the sum of their weights; the count where there are none
  Vector mean;
  Vector mean_rest;  // what rounding cut off the mean
  Vector spread;     // the variance, in units of unit^2; the weight in the denominator
  Vector unit;       // a power of two, by which squares stay within doubles
  Vector min;
  Vector max;

  Index cols() const { return mean.size(); }

  // The mean square deviation, with weight - ddof in the denominator; 0 where that is not positive.
  // It may overflow to infinity or underflow to 0 where the deviation does not.
  Vector variance(double ddof = 0.0) const;
  Vector deviation(double ddof = 0.0) const;  // its square root, free of that

  // As though the rows of both had been one matrix: for folds. Both must have the same columns.
  void merge(const Moments& other);
};

// X: n x d, without infinity; NaN is a missing cell. weight: empty, or n finite numbers >= 0.
// O(n d) time and O(d) memory for each of at most 256 row blocks; the same bits for any number of
// threads and at every instruction level.
Moments column_moments(const MatrixView& X, std::span<const double> weight = {});

}  // namespace lathe
