#include "lathe/ml/linear/least_squares.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "lathe/ml/core/cholesky.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/linear/cholesky_qr.h"
#include "lathe/ml/linear/coefficient_errors.h"
#include "lathe/ml/linear/dependence.h"
#include "lathe/ml/linear/least_squares_problem.h"
#include "lathe/ml/linear/row_space.h"
#include "lathe/ml/linear/unrefined.h"

namespace lathe {
namespace {

// Conditions by Frobenius norms, beside the square root of the number of columns. Up to the first
// the factor of the Gram matrix gives standard errors to about 13 digits, to the second 10; up to
// the third a few corrections give the coefficients all of theirs.
constexpr double small_data_condition = 40.0;
constexpr double error_condition = 3e2;
constexpr double cholesky_condition = 3e5;

// The share of an error that a correction by products in floats may leave at most.
constexpr double most_rough_rate = 1e-2;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

std::vector<Index> all_columns(Index d) {
  std::vector<Index> columns(at(d));
  for (Index j = 0; j < d; ++j) columns[at(j)] = j;
  return columns;
}

std::vector<double> pick(const std::vector<double>& values, const std::vector<Index>& columns) {
  std::vector<double> chosen;
  for (const Index j : columns) chosen.push_back(values[at(j)]);
  return chosen;
}

std::vector<double> column_noise(const LeastSquaresProblem& problem) {
  const Index d = problem.x.size();
  std::vector<double> noise;
  for (Index j = 0; j < d; ++j) {
    const double offset = std::sqrt(problem.weights.total.hi) * problem.x.mean[at(j)].hi;
    noise.push_back(
        rounding_noise(d, problem.x.norm[at(j)], std::sqrt(problem.penalty[at(j)]), offset));
  }
  return noise;
}

// Whether the condition allows it.
bool solve_by_gram(const LeastSquaresProblem& problem, BasicSolution& basic) {
  basic.R = gram_factor(problem.x, problem.gram, problem.weights, problem.penalty);
  if (basic.R.size() == 0) return false;
  if (problem.options.errors || problem.x.size() <= estimated_columns) {
    basic.inverse = inverse_upper(basic.R);
    basic.solver.condition = condition_of(basic.R, basic.inverse);
  } else {
    basic.solver.condition = estimated_condition(basic.R);
  }
  double limit = cholesky_condition;
  if (problem.options.errors) {
    limit = problem.cells() > unrefined_cells ? error_condition : small_data_condition;
  }
  const double root = std::sqrt(static_cast<double>(problem.x.size()));
  if (!(basic.solver.condition <= limit * root)) return false;
  basic.refined = unrefined(problem, basic.R);
  if (may_stay_unrefined(problem, basic)) return true;
  const RefinementStart start{std::move(basic.refined.coef)};
  basic.refined = refine_with(
      problem, basic, problem.penalty, problem.y,
      correction_rate(SolverPath::cholesky, basic.solver.condition, problem.x.size()), start);
  return basic.refined.settled;
}

// From what solve_by_gram left.
bool solve_by_cholesky_qr(const LeastSquaresProblem& problem, BasicSolution& basic) {
  const Index d = problem.x.size();
  if (basic.R.size() > 0 && basic.inverse.size() == 0) basic.inverse = inverse_upper(basic.R);
  basic.R.resize(0, 0);
  basic.inverse =
      repaired_inverse(problem.x, problem.weights, problem.penalty, std::move(basic.inverse));
  if (basic.inverse.size() == 0) return false;
  double squared = 0.0;  // of the norm of R
  for (Index j = 0; j < d; ++j) {
    squared += problem.x.norm[at(j)] * problem.x.norm[at(j)] + problem.penalty[at(j)];
  }
  basic.solver.path = SolverPath::cholesky_qr;
  basic.solver.condition = std::sqrt(squared) * basic.inverse.norm();
  if (!columns_stand_alone(basic.inverse, column_noise(problem))) return false;
  basic.refined = refine_with(problem, basic, problem.penalty, problem.y,
                              correction_rate(basic.solver.path, basic.solver.condition, d));
  return basic.refined.converged;
}

BasicSolution solve_by_columns(const LeastSquaresProblem& problem) {
  BasicSolution basic;
  const Index d = problem.x.size();
  basic.columns = all_columns(d);
  basic.solver.rank = d;
  if (d == 0) {
    basic.refined = refine_with(problem, basic, {}, problem.y, 0.0);
    return basic;
  }
  if (solve_by_gram(problem, basic) || solve_by_cholesky_qr(problem, basic)) return basic;

  basic.inverse.resize(0, 0);
  const Factor R = qr_factor(problem.x, problem.weights, problem.penalty);
  basic.columns = independent_columns(R, column_noise(problem));
  for (;; basic.columns.pop_back()) {
    basic.R = select_columns(R, basic.columns);
    const Index rank = static_cast<Index>(basic.columns.size());
    const bool full = rank == d;
    basic.inverse = rank > 0 ? inverse_upper(basic.R) : Matrix();
    basic.solver = {full ? SolverPath::qr : SolverPath::rank_deficient,
                    rank > 0 ? condition_of(basic.R, basic.inverse) : 1.0, 0, rank, true};
    basic.refined = refine_with(problem, basic, pick(problem.penalty, basic.columns), problem.y,
                                correction_rate(basic.solver.path, basic.solver.condition, d));
    // A factor too poor to correct with means columns that are dependent after all.
    if (basic.refined.converged || basic.columns.size() <= 1) return basic;
  }
}

// Coefficients of all columns of the problem for each target, in scaled columns.
std::vector<DoubleDoubles> spread(const LeastSquaresProblem& problem, const BasicSolution& basic) {
  std::vector<DoubleDoubles> coef;
  for (const DoubleDoubles& chosen : basic.refined.coef) {
    DoubleDoubles& all = coef.emplace_back(at(problem.x.size()));
    for (std::size_t k = 0; k < chosen.size(); ++k) all[at(basic.columns[k])] = chosen[k];
  }
  return coef;
}

// What the coefficients of the raw columns and the intercepts are.
void unscale(const ScaledColumns& x, const ScaledColumns& y, const std::vector<DoubleDoubles>& coef,
             const DoubleDoubles& centre, LeastSquares& result) {
  for (Index t = 0; t < y.size(); ++t) {
    const double scale = y.scale[at(t)];
    for (Index k = 0; k < x.size(); ++k) {
      result.coef(t, x.index[at(k)]) = coef[at(t)][at(k)].value() * (x.scale[at(k)] / scale);
    }
    result.intercept[t] = intercept_of(x, centre[at(t)], coef[at(t)]).value() / scale;
  }
}

void find_squares(const ScaledColumns& y, const RowWeights& weights, const Refined& refined,
                  LeastSquares& result) {
  for (Index t = 0; t < y.size(); ++t) {
    const double total = y.norm[at(t)] * y.norm[at(t)];
    // Less than this is what double-double residuals of an exact fit come to.
    const double residual =
        refined.squares[at(t)] < 0x1p-200 * total ? 0.0 : refined.squares[at(t)];
    result.unit[t] = 1.0 / y.scale[at(t)];
    result.residual_squares[t] = residual / weights.scale;
    result.total_squares[t] = total / weights.scale;
  }
}

// One scale for all columns, that of the longest.
ScaledColumns with_one_scale(ScaledColumns columns) {
  const double scale = *std::min_element(columns.scale.begin(), columns.scale.end());
  for (std::size_t j = 0; j < columns.scale.size(); ++j) {
    const double ratio = scale / columns.scale[j];
    columns.scale[j] = scale;
    columns.mean[j] = {columns.mean[j].hi * ratio, columns.mean[j].lo * ratio};
    columns.norm[j] *= ratio;
  }
  return columns;
}

// A result of the right shapes, all that is not determined NaN.
LeastSquares empty_result(Index targets, Index d, bool fit_intercept) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  LeastSquares result;
  result.coef = Matrix::Zero(targets, d);
  result.intercept = Vector::Zero(targets);
  result.unit = Vector::Ones(targets);
  result.residual_squares = Vector::Zero(targets);
  result.total_squares = Vector::Zero(targets);
  result.error = Vector::Constant(d, nan);
  result.intercept_error = fit_intercept ? nan : 0.0;
  return result;
}

std::vector<Index> varying_columns(const ScaledColumns& x) {
  std::vector<Index> varying;
  for (Index j = 0; j < x.size(); ++j) {
    if (x.norm[at(j)] > 0.0) varying.push_back(j);
  }
  return varying;
}

// Whether products in floats save more than the further pass over the rows for each target costs.
bool pays_roughly(const MatrixView& X, const MatrixView& y, const LeastSquaresOptions& options) {
  constexpr Index columns_for_target = 256;
  const double cells = static_cast<double>(X.rows()) * static_cast<double>(X.cols());
  return !options.errors && cells > unrefined_cells && X.cols() >= columns_for_target * y.cols();
}

LeastSquaresProblem problem_of(const MatrixView& X, const MatrixView& y,
                               const LeastSquaresOptions& options, const RowWeights& weights,
                               const Gram& gram) {
  const double alpha = options.alpha * weights.scale;
  const ScaledColumns x = scale_columns_x(X, gram, weights, alpha);
  LeastSquaresProblem problem{
      x.select(varying_columns(x)), scale_columns_y(y, gram, weights), weights, {}, gram, options};
  for (const double scale : problem.x.scale) problem.penalty.push_back(alpha * scale * scale);
  return problem;
}

void take_solution(const LeastSquaresProblem& problem, const BasicSolution& basic,
                   const std::vector<DoubleDoubles>& coef, LeastSquares& result) {
  result.solver = basic.solver;
  result.solver.steps = basic.refined.steps;
  result.solver.settled = basic.refined.settled;
  unscale(problem.x, problem.y, coef, basic.refined.centre, result);
  find_squares(problem.y, problem.weights, basic.refined, result);
}

// By the factor of a Gram matrix in floats, where corrections by it settle; whether they do. Each
// leaves about 1e-7 of an error, or 1e-5 at a condition of ten (of the 2-norm), so that they are
// two or three, where doubles need one; at 20000 x 500 39 ms instead of 57 (Zen 4, two threads).
bool solve_roughly(const MatrixView& X, const MatrixView& y, const LeastSquaresOptions& options,
                   const RowWeights& weights, LeastSquares& result) {
  const GramOptions about{.weight = options.weight, .centre = options.fit_intercept, .scale = true};
  const std::optional<Gram> gram = rough_gram(X, y, about);
  if (!gram) return false;
  const LeastSquaresProblem problem = problem_of(X, y, options, weights, *gram);
  BasicSolution basic;
  basic.columns = all_columns(problem.x.size());
  basic.R = gram_factor(problem.x, *gram, weights, problem.penalty);
  if (basic.R.size() == 0) return false;
  const double rate = rough_error(problem.x.size()) * estimated_inverse_norm(basic.R);
  if (!(rate <= most_rough_rate)) return false;
  const Refined start = unrefined(problem, basic.R);
  const bool all_digits = options.refine == Refine::always || !leaves_residuals(problem, start);
  basic.refined = refine_with(problem, basic, problem.penalty, problem.y, rate, {start.coef, true},
                              all_digits ? last_digit : 0.1 * unrefined_error);
  if (!basic.refined.settled) return false;
  basic.solver.condition = estimated_condition(basic.R);
  basic.solver.rank = problem.x.size();
  take_solution(problem, basic, basic.refined.coef, result);
  return true;
}

void solve_tall(const MatrixView& X, const MatrixView& y, const LeastSquaresOptions& options,
                const RowWeights& weights, LeastSquares& result) {
  const Gram gram = centred_gram(
      X, y, {.weight = options.weight, .centre = options.fit_intercept, .scale = true});
  result.finite = gram.xx.diagonal().allFinite() && gram.yy.diagonal().allFinite();
  if (!result.finite) return;
  const LeastSquaresProblem problem = problem_of(X, y, options, weights, gram);
  BasicSolution basic = solve_by_columns(problem);
  std::vector<DoubleDoubles> coef = spread(problem, basic);
  Dependence dependence;
  if (basic.solver.rank < problem.x.size()) {
    dependence = find_dependence(problem, basic);
    least_norm(problem, basic, dependence, coef);
  }
  take_solution(problem, basic, coef, result);
  result.solver.settled = basic.refined.settled && dependence.settled;
  if (options.errors) find_errors(problem, basic, dependence, result);
}

bool all_finite(const MatrixView& X) {
  for (Index i = 0; i < X.rows(); ++i) {
    if (!kernels::all_finite(X.data() + i * X.outerStride(), X.cols())) return false;
  }
  return true;
}

// Whether, in one scale for all columns, a row is little but its largest cells.
bool scales_are_far_apart(const ScaledColumns& x) {
  constexpr double far = 0x1p26;
  const auto [least, most] = std::minmax_element(x.scale.begin(), x.scale.end());
  return *most > far * *least;
}

// Rows that seem to depend on one another because some columns are so much larger than others are
// told apart by columns, each in its own scale. O(d^3) time. Whether that finds more.
bool solve_by_scaled_columns(const MatrixView& X, const MatrixView& y, LeastSquaresOptions options,
                             const RowWeights& weights, Index rows, LeastSquares& result) {
  options.errors = false;  // rows leave no residuals to tell them from
  LeastSquares found = empty_result(y.cols(), X.cols(), options.fit_intercept);
  solve_tall(X, y, options, weights, found);
  const bool better = found.finite && (found.solver.rank > result.solver.rank ||
                                       (found.solver.settled && !result.solver.settled));
  if (!better) return false;
  result = std::move(found);
  if (options.alpha == 0.0 && result.solver.rank == rows) result.residual_squares.setZero();
  return true;
}

// More columns than centred rows can be independent, unless so many are constant that the others,
// copied, are few.
void solve_wide(const MatrixView& X, const MatrixView& y, const LeastSquaresOptions& options,
                const RowWeights& weights, Index rows, LeastSquares& result) {
  result.finite = all_finite(X) && all_finite(y);
  if (!result.finite) return;
  const double alpha = options.alpha * weights.scale;
  ScaledColumns x = scale_columns(X, weights, options.fit_intercept, alpha);
  const std::vector<Index> varying = varying_columns(x);
  if (rows >= static_cast<Index>(varying.size())) {
    const Matrix few = X(Eigen::all, varying);
    const LeastSquares part = least_squares(few, y, options);
    for (Index k = 0; k < few.cols(); ++k) {
      result.coef.col(varying[at(k)]) = part.coef.col(k);
      result.error[varying[at(k)]] = part.error[k];
    }
    result.intercept = part.intercept;
    result.intercept_error = part.intercept_error;
    result.unit = part.unit;
    result.residual_squares = part.residual_squares;
    result.total_squares = part.total_squares;
    result.solver = part.solver;
    return;
  }
  x = x.select(varying);
  const bool far_apart = scales_are_far_apart(x);
  x = with_one_scale(std::move(x));
  const ScaledColumns scaled_y = scale_columns(y, weights, options.fit_intercept);
  const double scale = x.scale[0];
  const RowSpaceSolution solution = solve_in_row_space(x, scaled_y, weights, alpha * scale * scale);
  result.solver = {SolverPath::row_space, solution.condition, solution.refined.steps, solution.rank,
                   solution.refined.settled};
  if (far_apart && (solution.rank < rows || !solution.refined.settled)) {
    constexpr Index most_columns = 2000;
    if (X.cols() > most_columns) {
      result.solver.settled = false;  // whether rows depend on one another cannot be told
    } else if (solve_by_scaled_columns(X, y, options, weights, rows, result)) {
      return;
    }
  }
  unscale(x, scaled_y, solution.refined.coef, solution.refined.centre, result);
  find_squares(scaled_y, weights, solution.refined, result);
}

}  // namespace

LeastSquares least_squares(const MatrixView& X, const MatrixView& y,
                           const LeastSquaresOptions& options) {
  const RowWeights weights = RowWeights::of(options.weight, X.rows());
  LeastSquares result = empty_result(y.cols(), X.cols(), options.fit_intercept);
  // The highest rank that centred rows can have.
  const Index rows = weights.positive - (options.fit_intercept ? 1 : 0);
  if (rows < X.cols()) {
    solve_wide(X, y, options, weights, rows, result);
  } else if (!pays_roughly(X, y, options) || !solve_roughly(X, y, options, weights, result)) {
    solve_tall(X, y, options, weights, result);
  }
  if (!options.fit_intercept) result.intercept_error = 0.0;
  const Index used = static_cast<Index>(result.solver.rank) + (options.fit_intercept ? 1 : 0);
  result.residual_dof = std::max<Index>(0, weights.positive - used);
  return result;
}

}  // namespace lathe
