#include "lathe/ml/linear/logistic_objective.h"

#include <algorithm>
#include <cmath>

#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

using Eigen::MatrixXd;

constexpr Index block_rows = 256;

// Probabilities of one row from its scores; what is left of 1 is summed, not subtracted, so that
// probabilities near 1 keep their digits.
struct RowLoss {
  // scores: of all classes but the last; p and rest (1 - p) have a place for each class.
  double operator()(const double* scores, Index n_classes, Index label, double* p, double* rest) {
    Index best = n_classes - 1;
    double highest = 0.0;
    for (Index k = 0; k + 1 < n_classes; ++k) {
      if (scores[k] > highest) {
        highest = scores[k];
        best = k;
      }
    }
    double others = 0.0;
    for (Index k = 0; k < n_classes; ++k) {
      p[k] = std::exp((k + 1 < n_classes ? scores[k] : 0.0) - highest);
      if (k != best) others += p[k];
    }
    const double own = label + 1 < n_classes ? scores[label] : 0.0;
    const double total = 1.0 + others;
    for (Index k = 0; k < n_classes; ++k) {
      rest[k] = (k == best ? others : total - p[k]) / total;
      p[k] /= total;
    }
    return std::log1p(others) + (highest - own);
  }
};

// The rows of a block, centred and scaled, with a last column of ones for the intercept.
void fill_rows(const LogisticProblem& problem, Index begin, Index rows, Matrix& out) {
  for (Index i = 0; i < rows; ++i) {
    double* row = out.data() + i * out.cols();
    problem.x.centred_row(begin + i, row);
    if (problem.intercept) row[problem.x.size()] = 1.0;
  }
}

// Work of one part of the rows; parts are few where what they hold is large.
Index part_size(const LogisticProblem& problem, Index numbers) {
  constexpr Index budget = Index{1} << 23;
  const Index parts = std::clamp<Index>(budget / std::max<Index>(1, numbers), 2, 16);
  return std::max<Index>(block_rows, (problem.x.rows + parts - 1) / parts);
}

// The sum over parts, in order, of what part(begin, end) returns.
template <class Sum, class Part>
Sum sum_of_parts(Index rows, Index size, Part&& part) {
  std::vector<Sum> sums(static_cast<std::size_t>((rows + size - 1) / size));
  parallel_blocks(rows, size, [&](Index p, Index begin, Index end) {
    sums[static_cast<std::size_t>(p)] = part(begin, end);
  });
  for (std::size_t p = 1; p < sums.size(); ++p) sums[0] += sums[p];
  return std::move(sums[0]);
}

struct Sums {
  double objective = 0.0;
  MatrixXd gradient;
  MatrixXd diagonal;
  MatrixXd hessian;

  Sums& operator+=(const Sums& other) {
    objective += other.objective;
    gradient += other.gradient;
    diagonal += other.diagonal;
    hessian += other.hessian;
    return *this;
  }
};

// hessian += Z' diag(h) Z in the block of scores k and l, where h has one sign.
void add_block(const Matrix& Z, Index rows, const MatrixXd& roots, double sign, Index k, Index l,
               Matrix& scaled, MatrixXd& hessian) {
  const Index p = Z.cols();
  scaled.topRows(rows) = roots.col(0).head(rows).asDiagonal() * Z.topRows(rows);
  auto block = hessian.block(l * p, k * p, p, p);
  block.selfadjointView<Eigen::Lower>().rankUpdate(scaled.topRows(rows).transpose(), sign);
}

Sums sum_rows(const LogisticProblem& problem, const Parameters& u, bool with_hessian, Index begin,
              Index end) {
  const Index p = problem.n_parameters();
  const Index m = problem.n_scores();
  const Index K = problem.n_classes;
  Matrix Z(block_rows, p);
  Matrix scores(block_rows, m);
  Matrix prob(block_rows, K);
  Matrix rest(block_rows, K);
  Matrix residual(block_rows, m);
  Matrix curve(block_rows, m);
  Matrix scaled(with_hessian ? block_rows : 0, p);
  MatrixXd roots(block_rows, 1);
  Sums sums;
  sums.gradient = MatrixXd::Zero(p, m);
  sums.diagonal = MatrixXd::Zero(p, m);
  sums.hessian = with_hessian ? MatrixXd::Zero(p * m, p * m) : MatrixXd();
  RowLoss row_loss;

  for (Index first = begin; first < end; first += block_rows) {
    const Index rows = std::min(block_rows, end - first);
    fill_rows(problem, first, rows, Z);
    scores.topRows(rows).noalias() = Z.topRows(rows) * u;
    for (Index i = 0; i < rows; ++i) {
      const double weight = problem.weights[first + i];
      const Index label = problem.label[static_cast<std::size_t>(first + i)];
      const double loss =
          row_loss(scores.data() + i * m, K, label, prob.data() + i * K, rest.data() + i * K);
      if (weight > 0.0) sums.objective += weight * loss;
      for (Index k = 0; k < m; ++k) {
        residual(i, k) = weight * (k == label ? -rest(i, k) : prob(i, k));
        curve(i, k) = weight * prob(i, k) * rest(i, k);
      }
    }
    sums.gradient.noalias() += Z.topRows(rows).transpose() * residual.topRows(rows);
    sums.diagonal.noalias() += Z.topRows(rows).cwiseAbs2().transpose() * curve.topRows(rows);
    if (!with_hessian) continue;
    for (Index k = 0; k < m; ++k) {
      roots.topRows(rows) = curve.col(k).head(rows).cwiseSqrt();
      add_block(Z, rows, roots, 1.0, k, k, scaled, sums.hessian);
      for (Index l = k + 1; l < m; ++l) {
        for (Index i = 0; i < rows; ++i) {
          roots(i, 0) = std::sqrt(problem.weights[first + i] * prob(i, k) * prob(i, l));
        }
        add_block(Z, rows, roots, -1.0, k, l, scaled, sums.hessian);
      }
    }
  }
  return sums;
}

// How much the sum over classes counts: W_k = u_k - mean(u) leaves I - 11'/K of the penalty.
double shared_part(const LogisticProblem& problem) {
  return problem.n_classes > 2 ? 1.0 / static_cast<double>(problem.n_classes) : 0.0;
}

// strength * (u - share of the row sums), which is both the gradient of the penalty at u and its
// Hessian times u.
Parameters penalty_times(const LogisticProblem& problem, const Parameters& u) {
  Parameters result = Parameters::Zero(u.rows(), u.cols());
  const double share = shared_part(problem);
  for (Index j = 0; j < problem.x.size(); ++j) {
    const double strength = problem.strength[static_cast<std::size_t>(j)];
    const double common = share * u.row(j).sum();
    for (Index k = 0; k < u.cols(); ++k) result(j, k) = strength * (u(j, k) - common);
  }
  return result;
}

double penalty_of(const LogisticProblem& problem, const Parameters& u) {
  return 0.5 * u.cwiseProduct(penalty_times(problem, u)).sum();
}

}  // namespace

LogisticValue evaluate(const LogisticProblem& problem, const Parameters& u, bool with_hessian) {
  const Index p = problem.n_parameters();
  const Index m = problem.n_scores();
  const Index size = part_size(problem, with_hessian ? p * m * p * m : 2 * p * m);
  Sums sums = sum_of_parts<Sums>(problem.x.rows, size, [&](Index begin, Index end) {
    return sum_rows(problem, u, with_hessian, begin, end);
  });
  LogisticValue value{sums.objective + penalty_of(problem, u),
                      sums.gradient + penalty_times(problem, u), std::move(sums.diagonal),
                      std::move(sums.hessian)};
  const double share = shared_part(problem);
  for (Index j = 0; j < problem.x.size(); ++j) {
    const double strength = problem.strength[static_cast<std::size_t>(j)];
    for (Index k = 0; k < m; ++k) {
      value.diagonal(j, k) += strength * (1.0 - share);
      if (!with_hessian) continue;
      for (Index l = k; l < m; ++l) {
        value.hessian(l * p + j, k * p + j) += strength * ((k == l ? 1.0 : 0.0) - share);
      }
    }
  }
  // Blocks below the diagonal are symmetric themselves, and only their lower halves were summed.
  for (Index k = 0; with_hessian && k < m; ++k) {
    for (Index l = k + 1; l < m; ++l) {
      auto block = value.hessian.block(l * p, k * p, p, p);
      block.triangularView<Eigen::StrictlyUpper>() = block.transpose();
    }
  }
  return value;
}

double objective_at(const LogisticProblem& problem, const Parameters& u) {
  return evaluate(problem, u, false).objective;
}

Parameters hessian_times(const LogisticProblem& problem, const Parameters& u, const Parameters& v) {
  const Index p = problem.n_parameters();
  const Index m = problem.n_scores();
  const Index K = problem.n_classes;
  const auto part = [&](Index begin, Index end) -> MatrixXd {
    Matrix Z(block_rows, p);
    Matrix scores(block_rows, m);
    Matrix along(block_rows, m);
    std::vector<double> prob(static_cast<std::size_t>(K));
    std::vector<double> rest(static_cast<std::size_t>(K));
    RowLoss row_loss;
    MatrixXd sum = MatrixXd::Zero(p, m);
    for (Index first = begin; first < end; first += block_rows) {
      const Index rows = std::min(block_rows, end - first);
      fill_rows(problem, first, rows, Z);
      scores.topRows(rows).noalias() = Z.topRows(rows) * u;
      along.topRows(rows).noalias() = Z.topRows(rows) * v;
      for (Index i = 0; i < rows; ++i) {
        row_loss(scores.data() + i * m, K, K - 1, prob.data(), rest.data());
        double mean = 0.0;
        for (Index k = 0; k < m; ++k) mean += prob[static_cast<std::size_t>(k)] * along(i, k);
        for (Index k = 0; k < m; ++k) {
          along(i, k) =
              problem.weights[first + i] * prob[static_cast<std::size_t>(k)] * (along(i, k) - mean);
        }
      }
      sum.noalias() += Z.topRows(rows).transpose() * along.topRows(rows);
    }
    return sum;
  };
  return sum_of_parts<MatrixXd>(problem.x.rows, part_size(problem, p * m), part) +
         penalty_times(problem, v);
}

}  // namespace lathe
