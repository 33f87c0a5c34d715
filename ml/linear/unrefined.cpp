#include "lathe/ml/linear/unrefined.h"

#include <algorithm>
#include <cmath>

namespace lathe {
namespace {

constexpr Index estimated_together = 1000;  // columns: as estimated_columns, with a penalty
constexpr double unit = 0x1p-53;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// X'y of the problem's columns and target t, as they are scaled.
Eigen::VectorXd right_side(const LeastSquaresProblem& problem, Index t) {
  const double y_scale =
      problem.y.scale[at(t)] / problem.gram.y_scale[t] * std::sqrt(problem.weights.scale);
  Eigen::VectorXd rhs(problem.x.size());
  for (Index j = 0; j < rhs.size(); ++j) {
    rhs[j] = problem.gram.xy(problem.x.index[at(j)], t) *
             scale_beside(problem.gram, problem.x, j, problem.weights) * y_scale;
  }
  return rhs;
}

// Whether rounding of the sums, which moves each by about half a unit in the last place of the
// lengths multiplied, leaves each coefficient 13 digits.
bool is_accurate(const LeastSquaresProblem& problem, const Matrix& inverse,
                 const Refined& solution) {
  const ScaledColumns& x = problem.x;
  const Vector row = (inverse * inverse.transpose()).rowwise().norm();
  for (std::size_t t = 0; t < solution.coef.size(); ++t) {
    const double norm = problem.y.norm[t];
    double length = 0.0;
    for (const DoubleDouble& w : solution.coef[t]) length += w.hi * w.hi;
    const double error = unit * std::sqrt(length + norm * norm);
    double of_intercept = 0.0;
    double terms = std::abs(solution.centre[t].hi);
    for (std::size_t j = 0; j < solution.coef[t].size(); ++j) {
      const double of_coef = error * row[static_cast<Index>(j)];
      if (!(of_coef <= unrefined_error * std::abs(solution.coef[t][j].hi))) return false;
      of_intercept += std::abs(x.mean[j].hi) * of_coef;
      terms += std::abs(x.mean[j].hi * solution.coef[t][j].hi);
    }
    const double intercept = std::abs(intercept_of(x, solution.centre[t], solution.coef[t]).hi);
    if (x.centred && !(of_intercept + unit * terms <= unrefined_error * intercept)) return false;
  }
  return true;
}

// The same, each to 13 digits of the longest: with a penalty a coefficient that is tiny beside the
// others has no digits that mean anything.
bool is_accurate_together(const LeastSquaresProblem& problem, const Factor& R,
                          const Refined& solution) {
  const ScaledColumns& x = problem.x;
  const double inverse = 2.0 * estimated_inverse_norm(R);
  double offsets = 0.0;
  for (const DoubleDouble& mean : x.mean) offsets += mean.hi * mean.hi;
  for (std::size_t t = 0; t < solution.coef.size(); ++t) {
    const double norm = problem.y.norm[t];
    double length = 0.0;
    double longest = 0.0;
    double terms = std::abs(solution.centre[t].hi);
    for (std::size_t j = 0; j < solution.coef[t].size(); ++j) {
      const double w = solution.coef[t][j].hi;
      length += w * w;
      longest = std::max(longest, std::abs(w));
      terms += std::abs(x.mean[j].hi * w);
    }
    const double error = unit * std::sqrt(length + norm * norm) * inverse;
    if (!(error <= unrefined_error * longest)) return false;
    if (!(std::sqrt(offsets) * error <= unrefined_error * terms)) return false;
  }
  return true;
}

}  // namespace

Refined unrefined(const LeastSquaresProblem& problem, const Factor& R) {
  Refined result;
  for (Index t = 0; t < problem.y.size(); ++t) {
    const Eigen::VectorXd rhs = right_side(problem, t);
    const Eigen::VectorXd w = solve_normal(R, rhs);
    result.coef.emplace_back(w.begin(), w.end());
    result.centre.push_back(problem.y.mean[at(t)]);
    const double norm = problem.y.norm[at(t)];
    result.squares.push_back(std::max(0.0, norm * norm - w.dot(rhs)));
  }
  return result;
}

bool leaves_residuals(const LeastSquaresProblem& problem, const Refined& solution) {
  for (std::size_t t = 0; t < solution.squares.size(); ++t) {
    if (!(solution.squares[t] > 1e-4 * problem.y.norm[t] * problem.y.norm[t])) return false;
  }
  return true;
}

bool may_stay_unrefined(const LeastSquaresProblem& problem, const BasicSolution& basic) {
  if (problem.options.refine != Refine::automatic || problem.cells() <= unrefined_cells ||
      !leaves_residuals(problem, basic.refined)) {
    return false;
  }
  if (problem.options.alpha > 0.0) {
    return problem.x.size() <= estimated_together &&
           is_accurate_together(problem, basic.R, basic.refined);
  }
  return problem.x.size() <= estimated_columns &&
         is_accurate(problem, basic.inverse, basic.refined);
}

}  // namespace lathe
