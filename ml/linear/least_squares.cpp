#include "lathe/ml/linear/least_squares.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "lathe/ml/linear/factor.h"
#include "lathe/ml/linear/refinement.h"
#include "lathe/ml/linear/row_space.h"
#include "lathe/ml/linear/scaled_columns.h"

namespace lathe {
namespace {

// Up to here the factor of the Gram matrix gives standard errors to nine digits, and one or two
// corrections the coefficients to all.
constexpr double cholesky_condition = 1e3;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

struct Problem {
  ScaledColumns x;  // those that vary
  ScaledColumns y;
  const RowWeights& weights;
  std::vector<double> penalty;  // of each column of x
};

// A solution on some of the columns; the others are combinations of those.
struct Basic {
  std::vector<Index> columns;
  Factor R;
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

// `y` regressed on columns of the problem whose factor is R.
Refined refine_with(const Problem& problem, const std::vector<Index>& columns, const Factor& R,
                    const ScaledColumns& y, double rate) {
  const auto correct = [&](const Eigen::VectorXd& gradient) {
    const Eigen::VectorXd delta = solve_normal(R, gradient);
    return DoubleDoubles(delta.begin(), delta.end());
  };
  return refine(problem.x.select(columns), y, problem.weights, pick(problem.penalty, columns),
                correct, std::min(0.5, rate));
}

// The share of an error that one correction leaves: condition^2 or condition rounding errors.
double rate_of(SolverPath path, double condition, Index d) {
  const double power = path == SolverPath::cholesky ? condition * condition : 8.0 * condition;
  return power * static_cast<double>(d) * std::numeric_limits<double>::epsilon();
}

// How far rounding of the raw values, and of the factor, moves each column of R.
std::vector<double> column_noise(const Problem& problem, const Factor& R) {
  constexpr double unit = 0x1p-53;
  const Index d = problem.x.size();
  std::vector<double> noise(at(d));
  for (Index j = 0; j < d; ++j) {
    const double offset = std::sqrt(problem.weights.total.hi) * problem.x.mean[at(j)].hi;
    noise[at(j)] = unit * (static_cast<double>(32 + 4 * d) * R.col(j).norm() +
                           4.0 * std::hypot(problem.x.norm[at(j)], offset));
  }
  return noise;
}

Basic solve_by_columns(const Problem& problem) {
  Basic basic;
  const Index d = problem.x.size();
  basic.columns = all_columns(d);
  basic.solver.rank = d;
  if (d == 0) {
    basic.refined = refine_with(problem, basic.columns, basic.R, problem.y, 0.0);
    return basic;
  }
  basic.R = gram_factor(problem.x, problem.weights, problem.penalty);
  if (basic.R.size() > 0) {
    basic.solver.condition = condition_of(basic.R);
    if (basic.solver.condition <= cholesky_condition) {
      basic.refined = refine_with(problem, basic.columns, basic.R, problem.y,
                                  rate_of(SolverPath::cholesky, basic.solver.condition, d));
      if (basic.refined.settled) return basic;
    }
  }

  const Factor R = qr_factor(problem.x, problem.weights, problem.penalty);
  basic.columns = independent_columns(R, column_noise(problem, R));
  for (;; basic.columns.pop_back()) {
    basic.R = select_columns(R, basic.columns);
    const Index rank = static_cast<Index>(basic.columns.size());
    const bool full = rank == d;
    basic.solver = {full ? SolverPath::qr : SolverPath::rank_deficient,
                    rank > 0 ? condition_of(basic.R) : 1.0, 0, rank, true};
    basic.refined = refine_with(problem, basic.columns, basic.R, problem.y,
                                rate_of(basic.solver.path, basic.solver.condition, d));
    // A factor too poor to correct with means columns that are dependent after all.
    if (basic.refined.settled || basic.columns.size() <= 1) return basic;
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
  const Problem unpenalised{problem.x, problem.y, problem.weights,
                            std::vector<double>(problem.penalty.size(), 0.0)};
  dependence.shares =
      refine_with(unpenalised, basic.columns, basic.R, problem.x.select(dependence.columns),
                  rate_of(basic.solver.path, basic.solver.condition, problem.x.size()))
          .coef;
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
void unscale(const Problem& problem, const std::vector<DoubleDoubles>& coef, LeastSquares& result) {
  for (Index t = 0; t < problem.y.size(); ++t) {
    const double scale = problem.y.scale[at(t)];
    for (Index k = 0; k < problem.x.size(); ++k) {
      result.coef(t, problem.x.index[at(k)]) =
          coef[at(t)][at(k)].value() * (problem.x.scale[at(k)] / scale);
    }
    result.intercept[t] =
        intercept_of(problem.x, problem.y.mean[at(t)], coef[at(t)]).value() / scale;
  }
}

// Rows of the inverse factor give variances; the mean's combination of them, the intercept's.
void find_variances(const Problem& problem, const Basic& basic, const Dependence& dependence,
                    LeastSquares& result) {
  constexpr double visible = 1e-9;  // a share below this is rounding: the column stands alone
  const Index r = static_cast<Index>(basic.columns.size());
  const Eigen::MatrixXd inverse =
      basic.R.triangularView<Eigen::Upper>().solve(Eigen::MatrixXd::Identity(r, r));
  Eigen::VectorXd mean(r);
  bool determined = true;
  for (Index k = 0; k < r; ++k) {
    const std::size_t j = at(basic.columns[at(k)]);
    const bool alone = std::none_of(
        dependence.shares.begin(), dependence.shares.end(),
        [&](const DoubleDoubles& share) { return std::abs(share[at(k)].hi) > visible; });
    mean[k] = problem.x.mean[j].hi;
    const double length = inverse.row(k).norm() * problem.x.scale[j];
    if (alone) result.variance[problem.x.index[j]] = length * length * problem.weights.scale;
    determined = determined && (alone || mean[k] == 0.0);
  }
  if (!determined) return;
  const double length = (inverse.transpose() * mean).norm();
  result.intercept_variance =
      (1.0 / problem.weights.total.hi + length * length) * problem.weights.scale;
}

void find_squares(const Problem& problem, const Refined& refined, LeastSquares& result) {
  for (Index t = 0; t < problem.y.size(); ++t) {
    const double scale = problem.y.scale[at(t)];
    const double total = problem.y.norm[at(t)] * problem.y.norm[at(t)];
    // Less than this is what double-double residuals of an exact fit come to.
    const double residual =
        refined.squares[at(t)] < 0x1p-200 * total ? 0.0 : refined.squares[at(t)];
    result.residual_squares[t] = residual / scale / scale / problem.weights.scale;
    result.total_squares[t] = total / scale / scale / problem.weights.scale;
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

}  // namespace

LeastSquares least_squares(const MatrixView& X, const MatrixView& y,
                           const LeastSquaresOptions& options) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const RowWeights weights(options.weight, X.rows());
  const double alpha = options.alpha * weights.scale;
  const ScaledColumns x = scale_columns(X, weights, options.fit_intercept, alpha);
  std::vector<Index> varying;
  for (Index j = 0; j < x.size(); ++j) {
    if (x.norm[at(j)] > 0.0) varying.push_back(j);
  }
  Problem problem{x.select(varying), scale_columns(y, weights, options.fit_intercept), weights, {}};

  LeastSquares result;
  result.coef = Matrix::Zero(y.cols(), X.cols());
  result.intercept = Vector::Zero(y.cols());
  result.residual_squares.resize(y.cols());
  result.total_squares.resize(y.cols());
  result.variance = Vector::Constant(X.cols(), nan);
  result.intercept_variance = options.fit_intercept ? nan : 0.0;

  // The highest rank that centred rows can have.
  const Index rows = weights.positive - (options.fit_intercept ? 1 : 0);
  if (rows < problem.x.size()) {
    problem.x = with_one_scale(std::move(problem.x));
    const double scale = problem.x.scale[0];
    const RowSpaceSolution solution =
        solve_in_row_space(problem.x, problem.y, weights, alpha * scale * scale);
    result.solver = {SolverPath::row_space, solution.condition, solution.refined.steps,
                     solution.rank, solution.refined.settled};
    unscale(problem, solution.refined.coef, result);
    find_squares(problem, solution.refined, result);
  } else {
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
    unscale(problem, coef, result);
    find_squares(problem, basic.refined, result);
    find_variances(problem, basic, dependence, result);
  }
  if (!options.fit_intercept) result.intercept_variance = 0.0;
  const Index used = static_cast<Index>(result.solver.rank) + (options.fit_intercept ? 1 : 0);
  result.residual_dof = std::max<Index>(0, weights.positive - used);
  return result;
}

}  // namespace lathe
