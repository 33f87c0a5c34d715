// Standard errors of coefficients, beside the residual standard deviation.
#pragma once

#include "lathe/ml/linear/dependence.h"

namespace lathe {

// Sets `error` and `intercept_error`.
void find_errors(const LeastSquaresProblem& problem, const BasicSolution& basic,
                 const Dependence& dependence, LeastSquares& result);

}  // namespace lathe
