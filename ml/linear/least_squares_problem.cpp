#include "lathe/ml/linear/least_squares_problem.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe {

Correction correction_by(const BasicSolution& basic) {
  if (basic.inverse.size() > 0 && basic.solver.path != SolverPath::cholesky) {
    return {{}, &basic.inverse};
  }
  return {[&basic](const Eigen::VectorXd& gradient) {
            const Eigen::VectorXd delta = solve_normal(basic.R, gradient);
            return DoubleDoubles(delta.begin(), delta.end());
          },
          nullptr};
}

Refined refine_with(const LeastSquaresProblem& problem, const BasicSolution& basic,
                    std::span<const double> penalty, const ScaledColumns& y, double rate,
                    const RefinementStart& start, double wanted) {
  return refine(problem.x.select(basic.columns), y, problem.weights, penalty, correction_by(basic),
                std::min(0.5, rate), start, wanted);
}

double correction_rate(SolverPath path, double condition, Index d) {
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  const double root = std::sqrt(static_cast<double>(d));
  if (path == SolverPath::cholesky) return 4.0 * condition * condition / root * epsilon;
  return 8.0 * condition * static_cast<double>(d) * epsilon;
}

}  // namespace lathe
