#include "lathe/ml/linear/dependence.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lathe {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

Dependence find_dependence(const LeastSquaresProblem& problem, const BasicSolution& basic) {
  Dependence dependence;
  std::vector<bool> in(at(problem.x.size()), false);
  for (const Index j : basic.columns) in[at(j)] = true;
  for (Index j = 0; j < problem.x.size(); ++j) {
    if (!in[at(j)]) dependence.columns.push_back(j);
  }
  const std::vector<double> no_penalty(basic.columns.size(), 0.0);
  Refined refined =
      refine_with(problem, basic, no_penalty, problem.x.select(dependence.columns),
                  correction_rate(basic.solver.path, basic.solver.condition, problem.x.size()));
  dependence.settled = refined.converged;
  dependence.shares = std::move(refined.coef);
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

void least_norm(const LeastSquaresProblem& problem, const BasicSolution& basic,
                const Dependence& dependence, std::vector<DoubleDoubles>& coef) {
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

}  // namespace lathe
