// Newton's method for the logistic model: with the exact Hessian and its Cholesky factor for up to
// 1000 parameters (3000 where rows are few), which is kept and corrected by what gradients tell
// (BFGS) where steps are short, by preconditioned conjugate gradients beyond (Steihaug
// 1983; Nocedal and Wright 2006, chapters 3 and 7).
#pragma once

#include "lathe/ml/linear/logistic_objective.h"

namespace lathe {

enum class LogisticEnd { converged, max_iter, separable };

struct LogisticFit {
  Parameters u;
  double objective = 0.0;
  std::int64_t iterations = 0;
  LogisticEnd end = LogisticEnd::max_iter;
};

// Converged: the next step would change no parameter by more than tol times the largest, or
// rounding allows no better. Separable: without a penalty, a combination of columns tells classes
// apart without error, so the likelihood has no maximum.
LogisticFit minimise(const LogisticProblem& problem, bool penalised, double tol,
                     std::int64_t max_iter);

}  // namespace lathe
