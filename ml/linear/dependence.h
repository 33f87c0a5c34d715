// Columns that depend on others: how, and the solution of least norm that this leaves room for.
#pragma once

#include "lathe/ml/linear/least_squares_problem.h"

namespace lathe {

// Columns that are left out, as combinations of those that are in: x_out = A x_in.
struct Dependence {
  std::vector<Index> columns;
  std::vector<DoubleDoubles> shares;  // of each, in scaled columns
  bool settled = true;                // the shares, as far as refinement can tell
};

Dependence find_dependence(const LeastSquaresProblem& problem, const BasicSolution& basic);

// Moves along the dependences, which changes no prediction, to where |W|^2 in the raw columns is
// least: by the z that minimises |w_in - A z|^2 + |w_out + z|^2.
void least_norm(const LeastSquaresProblem& problem, const BasicSolution& basic,
                const Dependence& dependence, std::vector<DoubleDoubles>& coef);

}  // namespace lathe
