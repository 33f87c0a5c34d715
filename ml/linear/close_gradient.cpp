#include "lathe/ml/linear/close_gradient.h"

#include <algorithm>

#include "lathe/ml/core/parallel.h"
#include "lathe/ml/linear/logistic_rows.h"

namespace lathe {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// The cells of a row that parameters multiply, without rounding.
void read_row(const LogisticProblem& problem, Index i, std::vector<DoubleDouble>& row) {
  const ScaledColumns& x = problem.x;
  const double* from = x.data + i * x.stride;
  for (std::size_t j = 0; j < x.index.size(); ++j) {
    row[j] = two_sum(from[x.index[j]] * x.scale[j], -x.mean[j].hi);
  }
  if (problem.intercept) row.back() = 1.0;
}

// Of rows [begin, end), parameter after parameter, those of each score together.
std::vector<DoubleDouble> sum_rows(const LogisticProblem& problem, const Parameters& u, Index begin,
                                   Index end) {
  const Index p = u.rows();
  std::vector<DoubleDouble> row(at(p));
  std::vector<DoubleDoubleSum> sums(at(u.size()));
  Matrix scores(logistic_block, u.cols());
  RowProbabilities prob(problem.n_classes);
  for (Index first = begin; first < end; first += logistic_block) {
    const Index rows = std::min(logistic_block, end - first);
    for (Index i = 0; i < rows; ++i) {
      read_row(problem, first + i, row);
      for (Index k = 0; k < u.cols(); ++k) {
        DoubleDoubleSum score;
        for (Index j = 0; j < p; ++j) score.add_product(u(j, k), row[at(j)]);
        scores(i, k) = score.total().value();
      }
    }
    prob.find(scores, rows);
    for (Index i = 0; i < rows; ++i) {
      read_row(problem, first + i, row);
      const double weight = problem.weights[first + i];
      const Index label = problem.label[at(first + i)];
      for (Index k = 0; k < u.cols(); ++k) {
        const double residual = weight * (k == label ? -prob.rest(i, k) : prob.of(i, k));
        for (Index j = 0; j < p; ++j) sums[at(k * p + j)].add_product(residual, row[at(j)]);
      }
    }
  }
  std::vector<DoubleDouble> totals;
  for (const DoubleDoubleSum& sum : sums) totals.push_back(sum.total());
  return totals;
}

}  // namespace

Parameters close_gradient(const LogisticProblem& problem, const Parameters& u) {
  const Index size = std::max<Index>(logistic_block, (problem.x.rows + 15) / 16);
  std::vector<std::vector<DoubleDouble>> parts(at((problem.x.rows + size - 1) / size));
  parallel_blocks(problem.x.rows, size, [&](Index part, Index begin, Index end) {
    parts[at(part)] = sum_rows(problem, u, begin, end);
  });
  const Parameters penalty = penalty_times(problem, u);
  Parameters gradient(u.rows(), u.cols());
  for (Index k = 0; k < u.size(); ++k) {
    DoubleDouble sum = penalty.reshaped()[k];
    for (const std::vector<DoubleDouble>& part : parts) sum = sum + part[at(k)];
    gradient.reshaped()[k] = sum.value();
  }
  return gradient;
}

}  // namespace lathe
