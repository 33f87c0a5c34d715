#include "lathe/ml/core/kernels.h"

#include <algorithm>
#include <cmath>

namespace lathe::kernels {
namespace {

constexpr Index lanes = 8;

// Lane sums in one fixed tree.
double fold(const double* lane) {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

// sum of term(i) for i in [0, n): element i goes to lane i mod 8, in order.
template <class Term>
double lane_sum(Index n, Term term) {
  double lane[lanes] = {};
  const Index whole = n - n % lanes;
  for (Index i = 0; i < whole; i += lanes) {
    for (Index l = 0; l < lanes; ++l) lane[l] += term(i + l);
  }
  for (Index i = whole; i < n; ++i) lane[i - whole] += term(i);
  return fold(lane);
}

}  // namespace

double dot(const double* a, const double* b, Index n) {
  return lane_sum(n, [=](Index i) { return a[i] * b[i]; });
}

double squared_distance(const double* a, const double* b, Index n) {
  return lane_sum(n, [=](Index i) {
    const double difference = a[i] - b[i];
    return difference * difference;
  });
}

double sum(const double* a, Index n) {
  return lane_sum(n, [=](Index i) { return a[i]; });
}

void affine(const MatrixView& X, const Matrix& coef, const Vector& intercept, MatrixRef out) {
  for (Index i = 0; i < X.rows(); ++i) {
    const double* row = X.data() + i * X.outerStride();
    for (Index t = 0; t < coef.rows(); ++t) {
      out(i, t) = dot(row, coef.data() + t * coef.cols(), coef.cols()) + intercept[t];
    }
  }
}

void standardise(const MatrixView& X, const Vector& shift, const Vector& scale, MatrixRef out) {
  for (Index i = 0; i < X.rows(); ++i) {
    const double* row = X.data() + i * X.outerStride();
    double* to = out.data() + i * out.outerStride();
    for (Index j = 0; j < X.cols(); ++j) to[j] = (row[j] - shift[j]) / scale[j];
  }
}

void squared_distances(const MatrixView& X, const Matrix& centres, MatrixRef out) {
  for (Index i = 0; i < X.rows(); ++i) {
    const double* row = X.data() + i * X.outerStride();
    for (Index c = 0; c < centres.rows(); ++c) {
      out(i, c) = squared_distance(row, centres.data() + c * centres.cols(), centres.cols());
    }
  }
}

void softmax(MatrixRef scores) {
  for (Index i = 0; i < scores.rows(); ++i) {
    double* row = scores.data() + i * scores.outerStride();
    const double most = *std::max_element(row, row + scores.cols());
    for (Index k = 0; k < scores.cols(); ++k) row[k] = std::exp(row[k] - most);
    const double total = sum(row, scores.cols());
    for (Index k = 0; k < scores.cols(); ++k) row[k] /= total;
  }
}

double logistic(double x) {
  if (x >= 0.0) return 1.0 / (1.0 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1.0 + e);
}

}  // namespace lathe::kernels
