// Weighted linear least squares, with or without an L2 penalty, to the last digit that the data
// determine: minimises sum weight |y - b - W x|^2 + alpha |W|^2. Where many W do, the one of least
// |W|^2. Columns may be constant, duplicated, far from zero or of any scale.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "lathe/ml/core/types.h"

namespace lathe {

enum class SolverPath { cholesky, qr, rank_deficient, row_space, cholesky_qr };
constexpr std::array<std::string_view, 5> names(SolverPath) {
  return {"cholesky", "qr", "rank_deficient", "row_space", "cholesky_qr"};
}

// How a least squares problem was solved.
struct SolverInfo {
  SolverPath path = SolverPath::cholesky;  // rank_deficient: QR, then the least norm
  // Of the independent columns, centred and scaled to unit length; an estimate where ridge has more
  // than 128.
  double condition = 1.0;
  std::int64_t steps = 0;  // of refinement
  std::int64_t rank = 0;   // of the centred columns
  bool settled = true;  // the refinement reached the last digit, or the 13th with Refine::automatic
};

// Whether the solution of the Gram matrix is refined to the last digit. Automatic: unless X has
// more than 4 million cells and the coefficients are good to 13 digits each by an estimate of
// their errors.
enum class Refine { automatic, always };
constexpr std::array<std::string_view, 2> names(Refine) { return {"auto", "always"}; }

struct LeastSquaresOptions {
  std::span<const double> weight = {};
  bool fit_intercept = true;
  double alpha = 0.0;
  Refine refine = Refine::automatic;
  bool errors = true;  // standard errors are wanted, to nine digits
};

struct LeastSquares {
  Matrix coef;       // n_targets x n_features
  Vector intercept;  // n_targets
  SolverInfo solver;
  bool finite = true;  // false: X or y holds NaN or infinity, and nothing else here means anything

  Vector unit;              // n_targets: of y in the squares, so that they stay in range
  Vector residual_squares;  // n_targets: sum weight residual^2 (with the penalty, if any)
  Vector total_squares;     // n_targets: sum weight (y - mean)^2, or of y^2 without an intercept
  Index residual_dof = 0;   // rows of positive weight - rank - (1 with an intercept), at least 0
  // Beside the residual standard deviation: the standard error of each coefficient (NaN where the
  // data do not determine it) and of the intercept.
  Vector error;
  double intercept_error = 0.0;
};

// X: n x d, y: n x n_targets; weights finite, >= 0, some > 0; alpha >= 0. One pass over X for the
// Gram matrix (in floats first, where no errors are wanted, cells are more than 4 million and
// columns at least 256 for each target) and one for each step of refinement. O(n d^2) time and
// O(d^2) memory besides X for n >= d; O(n^2 d) time and O(n^2) memory for n < d, or a copy of X
// where rows nearly depend on one another.
LeastSquares least_squares(const MatrixView& X, const MatrixView& y,
                           const LeastSquaresOptions& options);

}  // namespace lathe
