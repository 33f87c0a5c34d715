// The gradient of the logistic model with sums in double-double: what is left of it at the minimum
// decides between columns that nearly depend on one another.
#pragma once

#include "lathe/ml/linear/logistic_objective.h"

namespace lathe {

// As evaluate() gives it, but for the rounding of cells, scores and sums: what is left is that of
// each row's probability, which such columns have in common. O(n d K), by plain loops.
Parameters close_gradient(const LogisticProblem& problem, const Parameters& u);

}  // namespace lathe
