// The solution of the Gram matrix alone, and whether rounding leaves it digits enough.
#pragma once

#include "lathe/ml/linear/least_squares_problem.h"

namespace lathe {

constexpr double unrefined_cells = 4e6;    // up to here all is refined
constexpr double unrefined_error = 1e-13;  // of a coefficient, that is good enough above

// Up to so many columns the inverse of the factor is known; above, it would cost more than one more
// pass over the rows.
constexpr Index estimated_columns = 128;

Refined unrefined(const LeastSquaresProblem& problem, const Factor& R);

// Whether so much of each target is left that with such errors the residuals have nine digits.
bool leaves_residuals(const LeastSquaresProblem& problem, const Refined& solution);

// Whether the options allow it, and the coefficients are good to 13 digits: each, or with a penalty
// beside the longest.
bool may_stay_unrefined(const LeastSquaresProblem& problem, const BasicSolution& basic);

}  // namespace lathe
