// Products of the columns of data about their means, X'X, X'y and y'y, in one pass over memory:
// what least squares, PCA and their cross-validation are made of. Rows are shifted, weighted and
// packed block by block in cache (kernel_tiles.h); X is never copied.
#pragma once

#include <optional>
#include <span>

#include "lathe/ml/core/types.h"

namespace lathe {

struct GramOptions {
  std::span<const double> weight = {};  // of the rows, >= 0; none: 1 each
  bool centre = true;                   // about the means; else about 0
  bool scale = false;  // bring columns whose squares leave the range of doubles near 1
};

// Sums over rows of weight w, means m and scales s (powers of two, 1 unless asked for and needed):
// xx(i, j) = sum w (x_i - m_i) (x_j - m_j) s_i s_j, and likewise xy and yy.
struct Gram {
  double weight = 0.0;    // sum of the weights
  RowVector x_mean;       // d; zeros where not centred
  RowVector x_mean_rest;  // what rounding x_mean left: mean and rest hold some 100 bits
  RowVector y_mean;       // t
  RowVector y_mean_rest;  // t
  RowVector x_scale;      // d
  RowVector y_scale;      // t
  Matrix xx;              // d x d, symmetric
  Matrix xy;              // d x t
  Matrix yy;              // t x t, symmetric
  bool centred = true;

  // Adds rows that are in `other`, as though both had been one matrix (Chan, Golub and LeVeque
  // 1983): up to rounding what centred_gram of all gives. Both centred, or neither; same shape.
  void merge(const Gram& other);
};

// X: n x d, y: n x t, t may be 0 (a matrix of no columns). The same bits for any number of
// threads. O(n (d + t)^2) time; O((d + t)^2) memory besides X. Where X or y holds NaN or infinity,
// so does the diagonal of xx or yy.
Gram centred_gram(const MatrixView& X, const MatrixView& y, const GramOptions& options = {});
Gram centred_gram(const MatrixView& X, const GramOptions& options = {});

// The same with xx and xy of products in floats, in little more than half the time where columns
// are many. Columns are scaled to their spread. None where floats do not hold one, a mean is far
// from that of a sample of rows, or cells are NaN or infinite. At least one target.
std::optional<Gram> rough_gram(const MatrixView& X, const MatrixView& y,
                               const GramOptions& options = {});

// The 2-norm of the error of such an xx of d columns of unit length, at most: where the sums of a
// block of rows all round the same way, and its products as though at random. Mostly it is a
// hundredth of that.
double rough_error(Index d);

}  // namespace lathe
