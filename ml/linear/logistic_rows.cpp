#include "lathe/ml/linear/logistic_rows.h"

#include "lathe/ml/core/kernels.h"

namespace lathe {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

void RowProbabilities::find(const Matrix& scores, Index rows) {
  const Index K = of.cols();
  for (Index i = 0; i < rows; ++i) {
    Index top = K - 1;
    double high = 0.0;
    for (Index k = 0; k + 1 < K; ++k) {
      if (scores(i, k) > high) {
        high = scores(i, k);
        top = k;
      }
    }
    for (Index k = 0; k + 1 < K; ++k) of(i, k) = scores(i, k) - high;
    of(i, K - 1) = -high;
    best[at(i)] = top;
    highest[i] = high;
  }
  kernels::exp(of.data(), rows * K);
  for (Index i = 0; i < rows; ++i) {
    double sum = 0.0;
    for (Index k = 0; k < K; ++k) sum += k == best[at(i)] ? 0.0 : of(i, k);
    const double total = 1.0 + sum;
    for (Index k = 0; k < K; ++k) {
      rest(i, k) = (k == best[at(i)] ? sum : total - of(i, k)) / total;
      of(i, k) /= total;
    }
    others[i] = sum;
  }
}

LogisticRows::LogisticRows(const LogisticProblem& problem) : problem_(problem) {
  for (const DoubleDouble& mean : problem.x.mean) mean_.push_back(mean.hi);
  const std::vector<Index>& index = problem.x.index;
  adjacent_ = !index.empty() && index.back() - index.front() + 1 == problem.x.size();
}

void LogisticRows::read(Index begin, Index rows, Matrix& out) const {
  const Index d = problem_.x.size();
  for (Index i = 0; i < rows; ++i) {
    double* row = out.data() + i * out.cols();
    if (adjacent_) {
      read_row(problem_.x.data + (begin + i) * problem_.x.stride + problem_.x.index.front(), row);
    } else {
      problem_.x.centred_row(begin + i, row);
    }
    if (problem_.intercept) row[d] = 1.0;
  }
}

void LogisticRows::read_row(const double* from, double* to) const {
  using Values = Eigen::Map<const Eigen::ArrayXd>;
  const Index d = problem_.x.size();
  Eigen::Map<Eigen::ArrayXd>(to, d) =
      Values(from, d) * Values(problem_.x.scale.data(), d) - Values(mean_.data(), d);
}

}  // namespace lathe
