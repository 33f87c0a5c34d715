#include "lathe/ml/linear/logistic_rows.h"

#include "lathe/ml/core/kernel_tiles.h"
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

LogisticRows::LogisticRows(const LogisticProblem& problem)
    : problem_(problem), scale_(Eigen::VectorXd::Ones(problem.n_parameters())) {
  const ScaledColumns& x = problem.x;
  for (std::size_t j = 0; j < x.index.size(); ++j) {
    shift_.push_back(x.mean[j].hi / x.scale[j]);
    scale_[static_cast<Index>(j)] = x.scale[j];
  }
  adjacent_ = !x.index.empty() && x.index.back() - x.index.front() + 1 == x.size();
}

Matrix LogisticRows::block() const { return Matrix::Ones(logistic_block, scale_.size()); }

void LogisticRows::read(Index begin, Index rows, Matrix& block) const {
  const ScaledColumns& x = problem_.x;
  const double* from = x.data + begin * x.stride;
  if (adjacent_) {
    kernels::tile_table().centre(from + x.index.front(), x.stride, rows, x.size(), shift_.data(),
                                 block.data(), block.cols());
    return;
  }
  for (Index i = 0; i < rows; ++i, from += x.stride) {
    for (std::size_t j = 0; j < shift_.size(); ++j) {
      block(i, static_cast<Index>(j)) = from[x.index[j]] - shift_[j];
    }
  }
}

}  // namespace lathe
