#include "lathe/ml/linear/least_squares.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "lathe/ml/core/cholesky.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/product.h"
#include "lathe/ml/linear/cholesky_qr.h"
#include "lathe/ml/linear/factor.h"
#include "lathe/ml/linear/refinement.h"
#include "lathe/ml/linear/row_space.h"
#include "lathe/ml/linear/scaled_columns.h"

namespace lathe {
namespace {

// Conditions by Frobenius norms, beside the square root of the number of columns. Up to the first
// the factor of the Gram matrix gives standard errors to about 13 digits, to the second 10; up to
// the third a few corrections give the coefficients all of theirs.
constexpr double small_data_condition = 40.0;
constexpr double error_condition = 3e2;
constexpr double cholesky_condition = 3e5;
constexpr double unrefined_cells = 4e6;  // above, refinement must be needed
// Above, one more pass costs less than the estimate, of each coefficient or of all together.
constexpr Index estimated_columns = 128;
constexpr Index estimated_together = 1000;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

struct Problem {
  ScaledColumns x;  // those that vary
  ScaledColumns y;
  const RowWeights& weights;
  std::vector<double> penalty;  // of each column of x
  const Gram& gram;
  const LeastSquaresOptions& options;
};

// A solution on some of the columns; the others are combinations of those.
struct Basic {
  std::vector<Index> columns;
  Factor R;
  Matrix inverse;  // of R, where it is known
  Refined refined;
  SolverInfo solver;
};

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

// By the factor of the basic columns or its inverse.
Correction correction_by(const Basic& basic) {
  return [&basic](const Eigen::VectorXd& gradient) {
    Eigen::VectorXd delta;
    if (basic.R.size() > 0) {
      delta = solve_normal(basic.R, gradient);
    } else {
      delta = basic.inverse * (basic.inverse.transpose() * gradient);
    }
    return DoubleDoubles(delta.begin(), delta.end());
  };
}

// `y` regressed on the basic columns.
Refined refine_with(const Problem& problem, const Basic& basic, std::span<const double> penalty,
                    const ScaledColumns& y, double rate,
                    const std::vector<DoubleDoubles>& start = {}) {
  return refine(problem.x.select(basic.columns), y, problem.weights, penalty, correction_by(basic),
                std::min(0.5, rate), start);
}

// The share of an error that one correction leaves: condition^2 or condition rounding errors. The
// condition is that of Frobenius norms, sqrt(d) to d times the usual one.
double rate_of(SolverPath path, double condition, Index d) {
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  const double root = std::sqrt(static_cast<double>(d));
  if (path == SolverPath::cholesky) return 4.0 * condition * condition / root * epsilon;
  return 8.0 * condition * static_cast<double>(d) * epsilon;
}

// X'y of the problem's columns and target t, as they are scaled.
Eigen::VectorXd right_side(const Problem& problem, Index t) {
  const double y_scale =
      problem.y.scale[at(t)] / problem.gram.y_scale[t] * std::sqrt(problem.weights.scale);
  Eigen::VectorXd rhs(problem.x.size());
  for (Index j = 0; j < rhs.size(); ++j) {
    rhs[j] = problem.gram.xy(problem.x.index[at(j)], t) *
             scale_beside(problem.gram, problem.x, j, problem.weights) * y_scale;
  }
  return rhs;
}

// The solution of the Gram matrix alone.
Refined unrefined(const Problem& problem, const Factor& R) {
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

// Whether rounding of the sums, which moves each by about half a unit in the last place of the
// lengths multiplied, leaves each coefficient 13 digits, and the residuals enough for nine.
bool is_accurate(const Problem& problem, const Matrix& inverse, const Refined& solution) {
  constexpr double unit = 0x1p-53;
  constexpr double wanted = 1e-13;
  const ScaledColumns& x = problem.x;
  const Vector row = (inverse * inverse.transpose()).rowwise().norm();
  for (std::size_t t = 0; t < solution.coef.size(); ++t) {
    const double norm = problem.y.norm[t];
    if (!(solution.squares[t] > 1e-4 * norm * norm)) return false;
    double length = 0.0;
    for (const DoubleDouble& w : solution.coef[t]) length += w.hi * w.hi;
    const double error = unit * std::sqrt(length + norm * norm);
    double of_intercept = 0.0;
    double terms = std::abs(solution.centre[t].hi);
    for (std::size_t j = 0; j < solution.coef[t].size(); ++j) {
      const double of_coef = error * row[static_cast<Index>(j)];
      if (!(of_coef <= wanted * std::abs(solution.coef[t][j].hi))) return false;
      of_intercept += std::abs(x.mean[j].hi) * of_coef;
      terms += std::abs(x.mean[j].hi * solution.coef[t][j].hi);
    }
    const double intercept = std::abs(intercept_of(x, solution.centre[t], solution.coef[t]).hi);
    if (x.centred && !(of_intercept + unit * terms <= wanted * intercept)) return false;
  }
  return true;
}

// The same, each to 13 digits of the longest: with a penalty a coefficient that is tiny beside the
// others has no digits that mean anything.
bool is_accurate_together(const Problem& problem, const Factor& R, const Refined& solution) {
  constexpr double unit = 0x1p-53;
  constexpr double wanted = 1e-13;
  const ScaledColumns& x = problem.x;
  const double inverse = 2.0 * estimated_inverse_norm(R);
  double offsets = 0.0;
  for (const DoubleDouble& mean : x.mean) offsets += mean.hi * mean.hi;
  for (std::size_t t = 0; t < solution.coef.size(); ++t) {
    const double norm = problem.y.norm[t];
    if (!(solution.squares[t] > 1e-4 * norm * norm)) return false;
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
    if (!(error <= wanted * longest)) return false;
    if (!(std::sqrt(offsets) * error <= wanted * terms)) return false;
  }
  return true;
}

double cells_of(const Problem& problem) {
  return static_cast<double>(problem.x.rows) * static_cast<double>(problem.x.cols);
}

bool may_stay_unrefined(const Problem& problem, const Basic& basic) {
  if (problem.options.refine != Refine::automatic || cells_of(problem) <= unrefined_cells) {
    return false;
  }
  if (problem.options.alpha > 0.0) {
    return problem.x.size() <= estimated_together &&
           is_accurate_together(problem, basic.R, basic.refined);
  }
  return problem.x.size() <= estimated_columns &&
         is_accurate(problem, basic.inverse, basic.refined);
}

std::vector<double> column_noise(const Problem& problem) {
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
bool solve_by_gram(const Problem& problem, Basic& basic) {
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
    limit = cells_of(problem) > unrefined_cells ? error_condition : small_data_condition;
  }
  const double root = std::sqrt(static_cast<double>(problem.x.size()));
  if (!(basic.solver.condition <= limit * root)) return false;
  basic.refined = unrefined(problem, basic.R);
  if (may_stay_unrefined(problem, basic)) return true;
  const std::vector<DoubleDoubles> start = std::move(basic.refined.coef);
  basic.refined =
      refine_with(problem, basic, problem.penalty, problem.y,
                  rate_of(SolverPath::cholesky, basic.solver.condition, problem.x.size()), start);
  return basic.refined.settled;
}

// From what solve_by_gram left.
bool solve_by_cholesky_qr(const Problem& problem, Basic& basic) {
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
                              rate_of(basic.solver.path, basic.solver.condition, d));
  return basic.refined.converged;
}

Basic solve_by_columns(const Problem& problem) {
  Basic basic;
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
    basic.solver = {full ? SolverPath::qr : SolverPath::rank_deficient,
                    rank > 0 ? condition_of(basic.R) : 1.0, 0, rank, true};
    basic.refined = refine_with(problem, basic, pick(problem.penalty, basic.columns), problem.y,
                                rate_of(basic.solver.path, basic.solver.condition, d));
    // A factor too poor to correct with means columns that are dependent after all.
    if (basic.refined.converged || basic.columns.size() <= 1) return basic;
  }
}

// Coefficients of all columns of the problem for each target, in scaled columns.
std::vector<DoubleDoubles> spread(const Problem& problem, const Basic& basic) {
  std::vector<DoubleDoubles> coef;
  for (const DoubleDoubles& chosen : basic.refined.coef) {
    DoubleDoubles& all = coef.emplace_back(at(problem.x.size()));
    for (std::size_t k = 0; k < chosen.size(); ++k) all[at(basic.columns[k])] = chosen[k];
  }
  return coef;
}

// Columns that are left out, as combinations of those that are in: x_out = A x_in.
struct Dependence {
  std::vector<Index> columns;
  std::vector<DoubleDoubles> shares;  // of each, in scaled columns
};

Dependence find_dependence(const Problem& problem, const Basic& basic) {
  Dependence dependence;
  std::vector<bool> in(at(problem.x.size()), false);
  for (const Index j : basic.columns) in[at(j)] = true;
  for (Index j = 0; j < problem.x.size(); ++j) {
    if (!in[at(j)]) dependence.columns.push_back(j);
  }
  const std::vector<double> no_penalty(basic.columns.size(), 0.0);
  dependence.shares =
      refine_with(problem, basic, no_penalty, problem.x.select(dependence.columns),
                  rate_of(basic.solver.path, basic.solver.condition, problem.x.size()))
          .coef;
  // What refinement leaves of a share that is none would count where columns of very different
  // scales depend on one another.
  for (DoubleDoubles& shares : dependence.shares) {
    double largest = 0.0;
    for (const DoubleDouble& share : shares) largest = std::max(largest, std::abs(share.hi));
    for (DoubleDouble& share : shares) {
      if (std::abs(share.hi) <= 0x1p-68 * largest) share = {};
    }
  }
  return dependence;
}

// Moves along the dependences, which changes no prediction, to where |W|^2 in the raw columns is
// least: by the z that minimises |w_in - A z|^2 + |w_out + z|^2.
void least_norm(const Problem& problem, const Basic& basic, const Dependence& dependence,
                std::vector<DoubleDoubles>& coef) {
  const Index r = static_cast<Index>(basic.columns.size());
  const Index m = static_cast<Index>(dependence.columns.size());
  const Index targets = static_cast<Index>(coef.size());
  const auto in = [&](Index k) { return at(basic.columns[at(k)]); };
  const auto out = [&](Index c) { return at(dependence.columns[at(c)]); };
  const std::vector<double>& scale = problem.x.scale;
  Matrix A = Matrix::Zero(r + m, m);
  A.bottomRows(m).setIdentity();
  for (Index k = 0; k < r; ++k) {
    for (Index c = 0; c < m; ++c) {
      A(k, c) = dependence.shares[at(c)][at(k)].value() * (scale[in(k)] / scale[out(c)]);
    }
  }
  Matrix w(r + m, targets);
  // Twice, since the first time the coefficients of w_in may be small differences of large numbers.
  for (int round = 0; round < 2; ++round) {
    for (Index t = 0; t < targets; ++t) {
      for (Index k = 0; k < r; ++k) w(k, t) = coef[at(t)][in(k)].value() * scale[in(k)];
      for (Index c = 0; c < m; ++c) w(r + c, t) = -coef[at(t)][out(c)].value() * scale[out(c)];
    }
    const Matrix z = least_squares(A, w, {.fit_intercept = false}).coef;
    for (Index t = 0; t < targets; ++t) {
      DoubleDoubles& all = coef[at(t)];
      for (Index c = 0; c < m; ++c) {
        const DoubleDouble share = z(t, c) / scale[out(c)];
        all[out(c)] = all[out(c)] + share;
        for (Index k = 0; k < r; ++k) {
          all[in(k)] = all[in(k)] - dependence.shares[at(c)][at(k)] * share;
        }
      }
    }
  }
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

// Rows of the inverse factor give standard errors; the mean's combination of them, the intercept's.
void find_errors(const Problem& problem, const Basic& basic, const Dependence& dependence,
                 LeastSquares& result) {
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
bool refines_errors(const Problem& problem, const Basic& basic) {
  constexpr double few_digits = 1e5;
  constexpr double most_numbers = 1e6;
  constexpr double too_few_digits = 3e8;
  constexpr double most_numbers_then = 1e9;
  if (basic.solver.path != SolverPath::cholesky_qr) return false;
  const double numbers = cells_of(problem) * static_cast<double>(problem.x.size());
  return basic.solver.condition > few_digits &&
         numbers <= (basic.solver.condition > too_few_digits ? most_numbers_then : most_numbers);
}

void refine_errors(const Problem& problem, const Basic& basic, LeastSquares& result) {
  const std::size_t d = at(problem.x.size());
  std::vector<DoubleDoubles> sides(d, DoubleDoubles(d));
  for (std::size_t k = 0; k < d; ++k) sides[k][k] = 1.0;
  sides.push_back(problem.x.mean);
  const double rate = rate_of(basic.solver.path, basic.solver.condition, problem.x.size());
  const std::vector<DoubleDoubles> solved =
      solve_refined(problem.x, problem.weights, problem.penalty, correction_by(basic),
                    std::min(0.5, rate), sides);
  DoubleDouble of_mean;
  for (std::size_t k = 0; k < d; ++k) {
    result.error[problem.x.index[k]] =
        std::sqrt(solved[k][k].hi * problem.weights.scale) * problem.x.scale[k];
    of_mean = of_mean + problem.x.mean[k] * solved[d][k];
  }
  result.intercept_error =
      std::sqrt((1.0 / problem.weights.total.hi + of_mean.hi) * problem.weights.scale);
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

void solve_tall(const MatrixView& X, const MatrixView& y, const LeastSquaresOptions& options,
                const RowWeights& weights, LeastSquares& result) {
  const Gram gram = centred_gram(
      X, y, {.weight = options.weight, .centre = options.fit_intercept, .scale = true});
  result.finite = gram.xx.diagonal().allFinite() && gram.yy.diagonal().allFinite();
  if (!result.finite) return;
  const double alpha = options.alpha * weights.scale;
  const ScaledColumns x = scale_columns_x(X, gram, weights, alpha);
  Problem problem{
      x.select(varying_columns(x)), scale_columns_y(y, gram, weights), weights, {}, gram, options};
  for (const double scale : problem.x.scale) problem.penalty.push_back(alpha * scale * scale);
  Basic basic = solve_by_columns(problem);
  std::vector<DoubleDoubles> coef = spread(problem, basic);
  Dependence dependence;
  if (basic.solver.rank < problem.x.size()) {
    dependence = find_dependence(problem, basic);
    least_norm(problem, basic, dependence, coef);
  }
  result.solver = basic.solver;
  result.solver.steps = basic.refined.steps;
  result.solver.settled = basic.refined.settled;
  unscale(problem.x, problem.y, coef, basic.refined.centre, result);
  find_squares(problem.y, weights, basic.refined, result);
  if (options.errors) find_errors(problem, basic, dependence, result);
  if (options.errors && refines_errors(problem, basic)) {
    refine_errors(problem, basic, result);
  }
}

bool all_finite(const MatrixView& X) {
  for (Index i = 0; i < X.rows(); ++i) {
    if (!kernels::all_finite(X.data() + i * X.outerStride(), X.cols())) return false;
  }
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
  x = with_one_scale(x.select(varying));
  const ScaledColumns scaled_y = scale_columns(y, weights, options.fit_intercept);
  const double scale = x.scale[0];
  const RowSpaceSolution solution = solve_in_row_space(x, scaled_y, weights, alpha * scale * scale);
  result.solver = {SolverPath::row_space, solution.condition, solution.refined.steps, solution.rank,
                   solution.refined.settled};
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
  } else {
    solve_tall(X, y, options, weights, result);
  }
  if (!options.fit_intercept) result.intercept_error = 0.0;
  const Index used = static_cast<Index>(result.solver.rank) + (options.fit_intercept ? 1 : 0);
  result.residual_dof = std::max<Index>(0, weights.positive - used);
  return result;
}

}  // namespace lathe
