// What the parts of least_squares.cpp share: the problem in scaled columns, a solution on some of
// them, and its refinement.
#pragma once

#include <span>
#include <vector>

#include "lathe/ml/linear/factor.h"
#include "lathe/ml/linear/least_squares.h"
#include "lathe/ml/linear/refinement.h"

namespace lathe {

struct LeastSquaresProblem {
  double cells() const { return static_cast<double>(x.rows) * static_cast<double>(x.cols); }

  ScaledColumns x;  // those that vary
  ScaledColumns y;
  const RowWeights& weights;
  std::vector<double> penalty;  // of each column of x
  const Gram& gram;
  const LeastSquaresOptions& options;
};

// A solution on some of the columns; the others are combinations of those.
struct BasicSolution {
  std::vector<Index> columns;
  Factor R;
  Matrix inverse;  // of R, where it is known
  Refined refined;
  SolverInfo solver;
};

// By the factor of the basic columns or its inverse.
Correction correction_by(const BasicSolution& basic);

// The share of an error that one correction leaves: condition^2 or condition rounding errors. The
// condition is that of Frobenius norms, sqrt(d) to d times the usual one.
double correction_rate(SolverPath path, double condition, Index d);

// `y` regressed on the basic columns.
Refined refine_with(const LeastSquaresProblem& problem, const BasicSolution& basic,
                    std::span<const double> penalty, const ScaledColumns& y, double rate,
                    const RefinementStart& start = {}, double wanted = last_digit);

}  // namespace lathe
