#include "lathe/ml/linear/coefficient_errors.h"

#include <algorithm>
#include <cmath>

#include "lathe/ml/core/cholesky.h"

namespace lathe {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Rows of the inverse factor give standard errors; the mean's combination of them, the intercept's.
void errors_by_factor(const LeastSquaresProblem& problem, const BasicSolution& basic,
                      const Dependence& dependence, LeastSquares& result) {
  constexpr double visible = 1e-9;  // a share below this is rounding: the column stands alone
  const Index r = static_cast<Index>(basic.columns.size());
  const Matrix inverse = basic.inverse.size() > 0 ? basic.inverse : inverse_upper(basic.R);
  Eigen::VectorXd mean(r);
  bool determined = true;
  for (Index k = 0; k < r; ++k) {
    const std::size_t j = at(basic.columns[at(k)]);
    const bool alone = std::none_of(
        dependence.shares.begin(), dependence.shares.end(),
        [&](const DoubleDoubles& share) { return std::abs(share[at(k)].hi) > visible; });
    mean[k] = problem.x.mean[j].hi;
    const double length = inverse.row(k).norm() * problem.x.scale[j];
    if (alone) result.error[problem.x.index[j]] = length * std::sqrt(problem.weights.scale);
    determined = determined && (alone || mean[k] == 0.0);
  }
  if (!determined) return;
  const double length = (inverse.transpose() * mean).norm();
  result.intercept_error =
      std::sqrt((1.0 / problem.weights.total.hi + length * length) * problem.weights.scale);
}

// The same for columns so nearly dependent that the factor would give but a few digits, by refined
// solutions: one more column of the inverse of X'X for each coefficient, so for small data, or
// where fewer than nine digits would be left.
bool refines_errors(const LeastSquaresProblem& problem, const BasicSolution& basic) {
  constexpr double few_digits = 1e5;
  constexpr double most_numbers = 1e6;
  constexpr double too_few_digits = 3e8;
  constexpr double most_numbers_then = 1e9;
  if (basic.solver.path != SolverPath::cholesky_qr) return false;
  const double numbers = problem.cells() * static_cast<double>(problem.x.size());
  return basic.solver.condition > few_digits &&
         numbers <= (basic.solver.condition > too_few_digits ? most_numbers_then : most_numbers);
}

// The means to the last digit: between columns that are nearly equal little of them is left, which
// those of the problem, whose low parts are sums in doubles, would not tell.
DoubleDoubles exact_means(const LeastSquaresProblem& problem) {
  DoubleDoubles mean = problem.x.mean;
  if (!problem.x.centred) return mean;
  std::vector<double> shares(at(problem.x.rows));
  for (std::size_t i = 0; i < shares.size(); ++i) {
    shares[i] = problem.weights[static_cast<Index>(i)];
  }
  const DoubleDoubles left = combine_rows(problem.x, shares);
  for (std::size_t k = 0; k < mean.size(); ++k) {
    mean[k] = mean[k] + left[k] / problem.weights.total;
  }
  return mean;
}

void refine_errors(const LeastSquaresProblem& problem, const BasicSolution& basic,
                   LeastSquares& result) {
  const std::size_t d = at(problem.x.size());
  std::vector<DoubleDoubles> sides(d, DoubleDoubles(d));
  for (std::size_t k = 0; k < d; ++k) sides[k][k] = 1.0;
  const DoubleDoubles mean = exact_means(problem);
  sides.push_back(mean);
  const double rate = correction_rate(basic.solver.path, basic.solver.condition, problem.x.size());
  const std::vector<DoubleDoubles> solved =
      solve_refined(problem.x, problem.weights, problem.penalty, correction_by(basic),
                    std::min(0.5, rate), sides);
  DoubleDouble of_mean;
  for (std::size_t k = 0; k < d; ++k) {
    result.error[problem.x.index[k]] =
        std::sqrt(solved[k][k].hi * problem.weights.scale) * problem.x.scale[k];
    of_mean = of_mean + mean[k] * solved[d][k];
  }
  result.intercept_error =
      std::sqrt((1.0 / problem.weights.total.hi + of_mean.hi) * problem.weights.scale);
}

}  // namespace

void find_errors(const LeastSquaresProblem& problem, const BasicSolution& basic,
                 const Dependence& dependence, LeastSquares& result) {
  errors_by_factor(problem, basic, dependence, result);
  if (refines_errors(problem, basic)) refine_errors(problem, basic, result);
}

}  // namespace lathe
