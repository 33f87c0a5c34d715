#include "lathe/ml/linear/row_space.h"

#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include <Eigen/QR>

#include "lathe/ml/core/cholesky.h"
#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/product.h"
#include "lathe/ml/linear/cholesky_qr.h"
#include "lathe/ml/linear/factor.h"

namespace lathe {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Up to here the factor of the rows' Gram matrix is good enough to correct with.
constexpr double gram_condition = 1e5;

// What coefficients may keep of an error beside the length of all. Where rows nearly depend on one
// another, the coefficients along their difference are as much larger than the others, and the
// length of a correction tells little of those: they would stop ten units short of the last digit.
constexpr double negligible_beside_all = 0x1p-100;

// The rows that count: z_i = root_i (x_i - mean), Z in short.
struct Problem {
  const ScaledColumns& x;
  const ScaledColumns& y;
  const RowWeights& weights;
  double penalty;
  std::vector<Index> rows;
  VectorXd root;  // of their weights

  Index size() const { return root.size(); }
  Index rank() const { return size() - (x.centred ? 1 : 0); }  // centred rows add up to 0
};

Problem problem_of(const ScaledColumns& x, const ScaledColumns& y, const RowWeights& weights,
                   double penalty) {
  Problem problem{x, y, weights, penalty, {}, {}};
  for (Index i = 0; i < x.rows; ++i) {
    if (weights[i] > 0.0) problem.rows.push_back(i);
  }
  problem.root.resize(std::ssize(problem.rows));
  for (Index k = 0; k < problem.size(); ++k) {
    problem.root[k] = std::sqrt(weights[problem.rows[at(k)]]);
  }
  return problem;
}

// sum delta_k z_k, in double-double so that it stays within the span of the rows.
DoubleDoubles combine(const Problem& problem, const VectorXd& delta) {
  std::vector<double> shares(at(problem.x.rows), 0.0);
  for (Index k = 0; k < problem.size(); ++k) {
    shares[at(problem.rows[at(k)])] = problem.root[k] * delta[k];
  }
  return combine_rows(problem.x, shares);
}

// The same where shares are as the square of the condition and cancel: three doubles, since what
// leaves the span of the rows, no residual shows. With two, coefficients of 1e-12 of the largest
// had nine digits. O(n d) time.
DoubleDoubles combine_closely(const Problem& problem, const VectorXd& delta) {
  constexpr Index columns_at_once = 256;
  const ScaledColumns& x = problem.x;
  const VectorXd shares = problem.root.cwiseProduct(delta);
  TripleSum total;
  for (const double share : shares) total.add(share);
  const DoubleDouble all = x.centred ? total.total() : DoubleDouble();
  DoubleDoubles sum(at(x.size()));
  parallel_blocks(x.size(), columns_at_once, [&](Index, Index begin, Index end) {
    std::vector<TripleSum> sums(at(end - begin));
    for (Index k = 0; k < shares.size(); ++k) {
      const double* row = x.data + problem.rows[at(k)] * x.stride;
      for (Index j = begin; j < end; ++j) {
        sums[at(j - begin)].add_product(shares[k], row[x.index[at(j)]] * x.scale[at(j)]);
      }
    }
    for (Index j = begin; j < end; ++j) {
      sum[at(j)] = sums[at(j - begin)].total() - x.mean[at(j)] * all;
    }
  });
  return sum;
}

using RowCombination = DoubleDoubles (*)(const Problem& problem, const VectorXd& delta);

// What u gains by residuals y - (ZZ' + penalty) u, as well as a factor can tell.
using RowCorrection = std::function<VectorXd(const VectorXd& residual)>;

struct RowSteps {
  RowCorrection correct;
  RowCombination combine;
};

// One target: W = Z'u, by residuals in double-double, until u settles.
class Dual {
 public:
  Dual(const Problem& problem, const ScaledRows& rows, std::size_t t, double rate)
      : centre(problem.y.mean[t]),
        coef(problem.x.index.size()),
        convergence(rate, 2, reach_of_coef(problem.x), last_digit, negligible_beside_all),
        problem_(problem),
        rows_(rows),
        t_(t),
        u_(at(problem.size())) {}

  DoubleDouble centre;
  DoubleDoubles coef;
  Convergence convergence;

  // Whether the result is final.
  bool step(const RowSteps& steps) {
    const VectorXd delta = steps.correct(rest());
    const DoubleDoubles change = steps.combine(problem_, delta);
    if (convergence.stalls(change, coef)) return true;
    for (std::size_t j = 0; j < coef.size(); ++j) coef[j] = coef[j] + change[j];
    for (Index k = 0; k < delta.size(); ++k) u_[at(k)] = u_[at(k)] + delta[k];
    return convergence.ends(problem_.x, centre, coef);
  }

  // The squares of the residuals, and the penalty: with one, residuals are its product with u.
  double squares() {
    if (problem_.penalty == 0.0) return rest().squaredNorm();
    double sum = 0.0;
    for (const DoubleDouble& u : u_) sum += problem_.penalty * u.hi * u.hi;
    for (const DoubleDouble& w : coef) sum += w.hi * w.hi;
    return problem_.penalty * sum;
  }

 private:
  // y - (ZZ' + penalty) u, once the centre is what makes the residuals' mean 0.
  VectorXd rest() {
    DoubleDoubles residual = rows_.residuals(t_, coef, centre);
    if (problem_.x.centred) {
      DoubleDouble sum;
      for (const Index i : problem_.rows) sum = sum + residual[at(i)] * problem_.weights[i];
      const DoubleDouble mean = sum / problem_.weights.total;
      for (DoubleDouble& r : residual) r = r - mean;
      centre = centre + mean;
    }
    VectorXd rest(problem_.size());
    for (Index k = 0; k < rest.size(); ++k) {
      const DoubleDouble r = residual[at(problem_.rows[at(k)])] * problem_.root[k];
      rest[k] = (r - u_[at(k)] * problem_.penalty).value();
    }
    return rest;
  }

  const Problem& problem_;
  const ScaledRows& rows_;
  std::size_t t_;
  DoubleDoubles u_;
};

// `rank`: of the rows that the steps know of; residuals are 0 where that is all.
Refined solve_dual(const Problem& problem, const RowSteps& steps, double rate, Index rank) {
  const ScaledRows rows(problem.x, problem.y, problem.weights);
  Refined result;
  for (std::size_t t = 0; t < at(problem.y.size()); ++t) {
    Dual dual(problem, rows, t, std::min(0.5, rate));
    bool done = false;
    for (int step = 0; step < most_corrections && !done; ++step) {
      done = dual.step(steps);
      result.steps = std::max(result.steps, step);
    }
    result.settled = result.settled && dual.convergence.settled && done;
    result.converged = result.converged && dual.convergence.converged && done;
    const bool interpolates = problem.penalty == 0.0 && rank == problem.rank();
    result.squares.push_back(interpolates ? 0.0 : dual.squares());
    result.coef.push_back(std::move(dual.coef));
    result.centre.push_back(dual.centre);
  }
  return result;
}

// ZZ' + penalty, and where rows are centred a product b b' that fills the direction in which they
// add up to 0, which no residual has: rows and columns scaled to a diagonal of about 1.
struct RowGram {
  Matrix G;
  VectorXd scale;  // powers of two
  VectorXd b;      // scaled; of length 1, or 0 where nothing is to be filled
};

RowGram gram_of_rows(const Problem& problem) {
  const ScaledColumns& x = problem.x;
  const Eigen::Map<const Matrix, 0, Eigen::OuterStride<>> X(x.data, x.rows, x.cols,
                                                            Eigen::OuterStride<>(x.stride));
  RowVector shift = RowVector::Zero(x.cols);
  if (x.centred) {
    shift = X.row(problem.rows.front());  // the value of columns that do not vary and are not in x
    for (std::size_t j = 0; j < x.index.size(); ++j) shift[x.index[j]] = x.mean[j].hi / x.scale[j];
  }
  std::vector<double> root(at(x.rows), 0.0);
  for (Index k = 0; k < problem.size(); ++k) {
    root[at(problem.rows[at(k)])] = problem.root[k] * x.scale[0];
  }
  RowGram gram{row_gram(X, shift, root), VectorXd(problem.size()), VectorXd()};
  if (problem.size() < x.rows) gram.G = Matrix(gram.G(problem.rows, problem.rows));

  if (x.centred) {  // what is left of the means, which the shift rounds
    const VectorXd v = problem.root.normalized();
    const VectorXd t = gram.G * v;
    gram.G += (v.dot(t) * v - t) * v.transpose() - v * t.transpose();
  }
  VectorXd& s = gram.scale;
  gram.G.diagonal().array() += problem.penalty;
  for (Index k = 0; k < s.size(); ++k) s[k] = unit_scale(std::sqrt(gram.G(k, k)));
  gram.G = s.asDiagonal() * gram.G * s.asDiagonal();
  gram.b = VectorXd::Zero(s.size());
  if (x.centred) {
    // With a penalty u itself must be orthogonal to the roots; without, any direction that they are
    // not orthogonal to will do, and this one conditions best.
    if (problem.penalty > 0.0) {
      gram.b = problem.root.cwiseProduct(s).normalized();
    } else {
      gram.b = problem.root.cwiseQuotient(s).normalized();
    }
    gram.G.noalias() += gram.b * gram.b.transpose();
  }
  return gram;
}

// The scaled rows as columns, b below them.
Matrix transposed_rows(const Problem& problem, const RowGram& gram) {
  const Index d = problem.x.size();
  Matrix T = large_matrix(d + 1, problem.size());
  VectorXd row(d);
  for (Index k = 0; k < problem.size(); ++k) {
    problem.x.centred_row(problem.rows[at(k)], row.data());
    T.col(k).head(d) = row * (problem.root[k] * gram.scale[k]);
  }
  T.row(d) = gram.b.transpose();
  return T;
}

// What rounding gives to each row.
std::vector<double> row_noise(const Problem& problem, const RowGram& gram, const Matrix& T) {
  double offset = 0.0;
  for (const DoubleDouble& mean : problem.x.mean) offset += mean.hi * mean.hi;
  const VectorXd length = T.colwise().norm();
  std::vector<double> noise;
  for (Index k = 0; k < problem.size(); ++k) {
    const double penalty = std::sqrt(problem.penalty) * gram.scale[k];
    noise.push_back(rounding_noise(problem.size(), length[k], penalty,
                                   std::sqrt(offset) * problem.root[k] * gram.scale[k]));
  }
  return noise;
}

// By the factor of the Gram matrix of the rows. Whether it settles.
bool solve_by_gram(const Problem& problem, const RowGram& gram, Matrix& inverse,
                   RowSpaceSolution& solution) {
  Factor R = gram.G;
  if (!factor_cholesky(R)) return false;
  const double root = std::sqrt(static_cast<double>(problem.size()));
  solution.condition = estimated_condition(R);
  if (solution.condition <= gram_condition * root) {
    const double rate = 4.0 * solution.condition * solution.condition / root *
                        std::numeric_limits<double>::epsilon();
    const VectorXd& s = gram.scale;
    solution.refined = solve_dual(problem,
                                  {[&](const VectorXd& rest) -> VectorXd {
                                     return s.cwiseProduct(solve_normal(R, s.cwiseProduct(rest)));
                                   },
                                   combine},
                                  rate, solution.rank);
    if (solution.refined.settled) return true;
  }
  inverse = inverse_upper(R);
  return false;
}

// By CholeskyQR of a copy of the rows; false where they depend on one another.
bool solve_by_cholesky_qr(const Problem& problem, const RowGram& gram, Matrix inverse,
                          RowSpaceSolution& solution) {
  const Matrix T = transposed_rows(problem, gram);
  const std::vector<double> noise = row_noise(problem, gram, T);
  const VectorXd& s = gram.scale;
  ScaledColumns columns;
  columns.data = T.data();
  columns.rows = T.rows();
  columns.cols = columns.stride = T.cols();
  std::vector<double> penalty;
  for (Index k = 0; k < problem.size(); ++k) {
    columns.index.push_back(k);
    penalty.push_back(problem.penalty * s[k] * s[k]);
  }
  columns.scale.assign(penalty.size(), 1.0);
  columns.mean.assign(penalty.size(), {});
  columns.norm.assign(penalty.size(), 1.0);
  inverse = repaired_inverse(columns, RowWeights::of({}, T.rows()), penalty, std::move(inverse));
  if (inverse.size() == 0 || !columns_stand_alone(inverse, noise)) return false;
  solution.condition = std::sqrt(gram.G.trace()) * inverse.norm();
  const double rate = 8.0 * solution.condition * static_cast<double>(problem.size()) *
                      std::numeric_limits<double>::epsilon();
  solution.refined = solve_dual(problem,
                                {[&](const VectorXd& rest) -> VectorXd {
                                   const VectorXd scaled = s.cwiseProduct(rest);
                                   return s.cwiseProduct(inverse * (inverse.transpose() * scaled));
                                 },
                                 combine_closely},
                                rate, solution.rank);
  return solution.refined.converged;
}

// Rows that depend on others: Z' P = Q [R1 *] by a pivoted QR of a copy, the first rank rows being
// a basis. Among combinations of those the problem has full rank; the coordinates of all rows along
// Q have the factor R2.
struct Basis {
  std::vector<Index> rows;  // among those that count
  Factor R1;
  Factor R2;
  Eigen::HouseholderQR<MatrixXd> coordinates;  // with the penalty below them
};

Basis basis_of(const Problem& problem) {
  const Index n = problem.size();
  MatrixXd transposed(problem.x.size(), n);
  for (Index k = 0; k < n; ++k) {
    problem.x.centred_row(problem.rows[at(k)], transposed.col(k).data());
    transposed.col(k) *= problem.root[k];
  }
  Eigen::ColPivHouseholderQR<MatrixXd> qr(transposed);
  qr.setThreshold(static_cast<double>(32 + 4 * n) * std::numeric_limits<double>::epsilon());
  const Index r = qr.rank();

  Basis basis;
  const MatrixXd R = qr.matrixQR().topRows(r).triangularView<Eigen::Upper>();
  basis.R1 = R.leftCols(r);
  for (Index k = 0; k < r; ++k) basis.rows.push_back(qr.colsPermutation().indices()[k]);
  MatrixXd coordinates = MatrixXd::Zero(n + r, r);
  coordinates.topRows(n) = qr.colsPermutation() * MatrixXd(R.transpose());
  coordinates.bottomRows(r).diagonal().setConstant(std::sqrt(problem.penalty));
  basis.coordinates.compute(coordinates);
  basis.R2 = basis.coordinates.matrixQR().topRows(r).triangularView<Eigen::Upper>();
  return basis;
}

// The combination of rows whose coordinates along Q are q.
VectorXd along_basis(const Problem& problem, const Basis& basis, VectorXd q) {
  basis.R1.triangularView<Eigen::Upper>().solveInPlace(q);
  VectorXd shares = VectorXd::Zero(problem.size());
  for (Index k = 0; k < q.size(); ++k) shares[basis.rows[at(k)]] = q[k];
  return shares;
}

// Whether no more is left of any target than rounding takes from its parts.
bool agrees(const Problem& problem, const Refined& refined) {
  const ScaledRows rows(problem.x, problem.y, problem.weights);
  const double rounding =
      4.0 * static_cast<double>(problem.size()) * std::numeric_limits<double>::epsilon();
  for (std::size_t t = 0; t < at(problem.y.size()); ++t) {
    double parts = std::sqrt(Dual(problem, rows, t, 0.5).squares());
    for (std::size_t j = 0; j < refined.coef[t].size(); ++j) {
      parts += std::abs(refined.coef[t][j].hi) * problem.x.norm[j];
    }
    if (!(std::sqrt(refined.squares[t]) <= rounding * parts)) return false;
  }
  return true;
}

// By what residuals are along the rows, which tells all where targets agree with the dependences.
// Where they do not, what is left of them is orthogonal to the basis only as far as its coordinates
// are right, so the gradient along the basis has the last word, if the condition allows it one.
void solve_on_basis(const Problem& problem, RowSpaceSolution& solution) {
  const Basis basis = basis_of(problem);
  const Index r = std::ssize(basis.rows);
  solution.rank = r;
  solution.condition = r > 0 ? condition_of(basis.R2) : 1.0;
  const double rate = 8.0 * static_cast<double>(problem.size()) * solution.condition *
                      std::numeric_limits<double>::epsilon();
  if (r > 0 && problem.penalty == 0.0) {
    solution.refined =
        solve_dual(problem,
                   {[&](const VectorXd& rest) {
                      VectorXd padded = VectorXd::Zero(rest.size() + r);
                      padded.head(rest.size()) = rest;
                      return along_basis(problem, basis, basis.coordinates.solve(padded));
                    },
                    combine_closely},
                   rate, r);
    if (solution.refined.settled && agrees(problem, solution.refined)) return;
    solution.refined.settled = false;
  }
  // Products of the basis' rows with the gradient.
  Matrix rows(r, problem.x.size());
  for (Index k = 0; k < r; ++k) {
    problem.x.centred_row(problem.rows[at(basis.rows[at(k)])], rows.row(k).data());
    rows.row(k) *= problem.root[basis.rows[at(k)]];
  }
  const std::vector<double> penalties(at(problem.x.size()), problem.penalty);
  Refined refined = refine(problem.x, problem.y, problem.weights, penalties,
                           {[&](const VectorXd& gradient) {
                              VectorXd g = rows * gradient;
                              basis.R1.transpose().triangularView<Eigen::Lower>().solveInPlace(g);
                              return combine_closely(
                                  problem, along_basis(problem, basis, solve_normal(basis.R2, g)));
                            },
                            nullptr},
                           std::min(0.5, rate), {solution.refined.coef});
  if (refined.converged || solution.refined.coef.empty()) solution.refined = std::move(refined);
}

}  // namespace

RowSpaceSolution solve_in_row_space(const ScaledColumns& x, const ScaledColumns& y,
                                    const RowWeights& weights, double penalty) {
  const Problem problem = problem_of(x, y, weights, penalty);
  RowSpaceSolution solution;
  solution.rank = problem.rank();
  Matrix inverse;
  const RowGram gram = gram_of_rows(problem);
  if (gram.G.allFinite() && (solve_by_gram(problem, gram, inverse, solution) ||
                             solve_by_cholesky_qr(problem, gram, std::move(inverse), solution))) {
    return solution;
  }
  solution.refined = {};
  solve_on_basis(problem, solution);
  return solution;
}

}  // namespace lathe
