#include "lathe/ml/decomposition/spectrum.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "lathe/ml/core/double_double.h"
#include "lathe/ml/core/gram.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/product.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/decomposition/jacobi_svd.h"
#include "lathe/ml/decomposition/orthonormal.h"
#include "lathe/ml/decomposition/top_eigen.h"

namespace lathe {
namespace {

// Blocks of rows whose partial sums are added in block order; at most 64.
Index block_rows(const MatrixView& X) { return std::max<Index>(256, (X.rows() + 63) / 64); }

// sum(row) for each column over the rows, `sum` adding a row to a RowVector.
template <class Add>
RowVector column_sums(const MatrixView& X, Add add) {
  const Index size = block_rows(X);
  Matrix sums = Matrix::Zero((X.rows() + size - 1) / size, X.cols());
  parallel_blocks(X.rows(), size, [&](Index block, Index begin, Index end) {
    RowVector sum = RowVector::Zero(X.cols());
    for (Index i = begin; i < end; ++i) add(i, sum);
    sums.row(block) = sum;
  });
  return sums.colwise().sum();
}

// Of columns, and what rounding left of them; nothing where that moves no singular value by more
// than rounding of the largest.
struct Means {
  RowVector mean;
  RowVector rest;

  // Given the squares of all cells about `mean`.
  void drop_rest(Index rows, double squares) {
    constexpr double rounding = std::numeric_limits<double>::epsilon();
    const double of_rest = static_cast<double>(rows) * rest.squaredNorm();
    if (!(of_rest > rounding * rounding * squares)) rest.resize(0);
  }
};

// About the first row, so that columns far from 0 keep their digits.
Means column_means(const MatrixView& X) {
  const RowVector first = X.row(0);
  const RowVector steps =
      column_sums(X, [&](Index i, RowVector& sum) { sum += X.row(i) - first; }) /
      static_cast<double>(X.rows());
  Means means{RowVector(X.cols()), RowVector(X.cols())};
  for (Index j = 0; j < X.cols(); ++j) {
    const DoubleDouble sum = two_sum(first[j], steps[j]);
    means.mean[j] = sum.hi;
    means.rest[j] = sum.lo;
  }
  return means;
}

// out = (X - means) B
void multiply_centred(const MatrixView& X, const Matrix& B, const Means& means, MatrixRef out) {
  multiply(X, B, out, means.mean);
  if (means.rest.size() > 0) out.rowwise() -= means.rest * B;
}

// (X - means)' B
Matrix transposed_centred(const MatrixView& X, const Matrix& B, const Means& means) {
  Matrix result = transposed_product(X, B, means.mean);
  if (means.rest.size() > 0) {
    result.noalias() -= means.rest.transpose() * B.colwise().sum();
  }
  return result;
}

double centred_squares(const MatrixView& X, const RowVector& mean) {
  return column_sums(X, [&](Index i, RowVector& sum) { sum += (X.row(i) - mean).cwiseAbs2(); })
      .sum();
}

Vector roots(const Vector& squares) { return squares.cwiseMax(0.0).cwiseSqrt(); }

// The smallest singular value, as a share of the largest, of which a Gram matrix tells 4 digits.
constexpr double gram_tells = 1e-6;

Index count_told(const Vector& values) {
  return std::max<Index>(1, (values.array() >= gram_tells * values[0]).count());
}

// Puts the lengths that were measured along the last vectors in place of what a Gram matrix told of
// them, in descending order; the new places of those vectors.
std::vector<Index> set_small_values(const Vector& lengths, Vector& values) {
  const Index told = values.size() - lengths.size();
  std::vector<Index> order(static_cast<std::size_t>(lengths.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return lengths[a] > lengths[b]; });
  const double most = values[told - 1];
  for (Index c = told; c < values.size(); ++c) {
    Index& from = order[static_cast<std::size_t>(c - told)];
    values[c] = std::min(most, lengths[from]);
    from += told;
  }
  return order;
}

void reorder_last(const std::vector<Index>& order, Matrix& columns) {
  if (order.empty()) return;
  columns.rightCols(std::ssize(order)) = Matrix(columns(Eigen::all, order));
}

// Columns of no length stay as they are.
void divide_columns(const Vector& lengths, Matrix& columns) {
  const Vector divisor = (lengths.array() > 0.0).select(lengths, 1.0);
  columns.array().rowwise() /= divisor.transpose().array();
}

// Of the products of the centred rows with each column.
Vector lengths_along(const MatrixView& X, const Matrix& columns, const Means& means) {
  constexpr Index size = 4096;
  Vector squares = Vector::Zero(columns.cols());
  Matrix scores(std::min(size, X.rows()), columns.cols());
  for (Index begin = 0; begin < X.rows(); begin += size) {
    const Index rows = std::min(size, X.rows() - begin);
    multiply_centred(X.middleRows(begin, rows), columns, means, scores.topRows(rows));
    squares += scores.topRows(rows).colwise().squaredNorm().transpose();
  }
  return squares.cwiseSqrt();
}

// Takes the mean of all rows out of their products: what the rest of the means adds.
void centre_products(Matrix& products) {
  Vector share = products.rowwise().mean();
  share.array() -= 0.5 * share.mean();
  for (Index i = 0; i < products.rows(); ++i) {
    products.row(i).array() -= share[i] + share.transpose().array();
  }
}

// The Gram matrix of the side with fewer entries, and the means.
struct SmallerSide {
  Means means;
  Matrix products;
};

SmallerSide smaller_side(const MatrixView& X) {
  SmallerSide side;
  if (X.rows() < X.cols()) {
    side.means = column_means(X);
    side.products = row_gram(X, side.means.mean);
    side.means.drop_rest(X.rows(), side.products.trace());
    if (side.means.rest.size() > 0) centre_products(side.products);
  } else {
    Gram gram = centred_gram(X);
    side.means = {std::move(gram.x_mean), std::move(gram.x_mean_rest)};
    side.products = std::move(gram.xx);
    side.means.drop_rest(X.rows(), side.products.trace());
  }
  return side;
}

}  // namespace

Spectrum full_spectrum(const MatrixView& X) {
  // Taken about the first row, and centred a second time, so that columns far from 0 keep the
  // digits they have.
  const RowVector first = X.row(0);
  Matrix A = X.rowwise() - first;
  const RowVector about_first = A.colwise().mean();
  A.rowwise() -= about_first;
  const RowVector rest = A.colwise().mean();
  A.rowwise() -= rest;
  RightSingular svd = right_singular(std::move(A));
  const double squares = svd.values.squaredNorm();
  return {(first + (about_first + rest)).transpose(), std::move(svd.values), std::move(svd.vectors),
          squares, 0.0};
}

std::optional<Spectrum> gram_spectrum(const MatrixView& X, const Wanted& wanted, double least) {
  const SmallerSide side = smaller_side(X);
  const double total = side.products.trace();
  if (!squares_in_range(total)) return std::nullopt;
  const Index p = side.products.rows();
  EigenPairs pairs = top_eigenpairs(side.products, wanted.count.value_or(p));
  Spectrum spectrum;
  spectrum.values = roots(pairs.values);
  const Index k = wanted.count ? *wanted.count : wanted.choose(spectrum.values, total);
  if (!(spectrum.values[k - 1] >= least * spectrum.values[0])) return std::nullopt;
  spectrum.total_squares = total;
  spectrum.mean = side.means.mean.transpose();
  Vector values = spectrum.values.head(k);
  const Index small = k - count_told(values);
  Matrix right = pairs.vectors.leftCols(k);
  if (X.rows() < X.cols()) {
    right = transposed_centred(X, right, side.means);
    const Vector lengths = right.rightCols(small).colwise().norm();
    reorder_last(set_small_values(lengths, values), right);
    divide_columns(values, right);
  } else if (small > 0) {
    const Vector lengths = lengths_along(X, right.rightCols(small), side.means);
    reorder_last(set_small_values(lengths, values), right);
  }
  orthonormalise(right);
  spectrum.vectors = right.transpose();
  spectrum.values.head(k) = values;
  return spectrum;
}

std::optional<Spectrum> randomized_spectrum(const MatrixView& X, const RandomizedOptions& options) {
  const Index k = options.count;
  const Index b = std::min(std::min(X.rows(), X.cols()), k + options.oversamples);
  Means means = column_means(X);
  Spectrum spectrum;
  spectrum.mean = means.mean.transpose();
  const double squares = centred_squares(X, means.mean);
  if (!squares_in_range(squares)) return std::nullopt;
  means.drop_rest(X.rows(), squares);
  spectrum.total_squares = squares - static_cast<double>(X.rows()) * means.rest.squaredNorm();

  Random random(options.seed, "pca.randomized");
  Matrix right(X.cols(), b);
  for (double& x : right.reshaped()) x = random.normal();
  Matrix left(X.rows(), b);
  for (std::int64_t step = 0; step <= options.power; ++step) {
    if (step > 0) orthonormalise(right);
    multiply_centred(X, right, means, left);
    orthonormalise(left);
    right = transposed_centred(X, left, means);
  }
  // right = X' left: its singular values and both sides' vectors, through its small Gram matrix.
  const EigenPairs pairs = top_eigenpairs(transposed_product(right, right), b);
  Matrix turn = pairs.vectors.leftCols(k);
  spectrum.values = roots(pairs.values).head(k);
  Matrix turned(X.cols(), k);
  multiply(right, turn, turned);
  const Vector lengths = turned.rightCols(k - count_told(spectrum.values)).colwise().norm();
  const std::vector<Index> order = set_small_values(lengths, spectrum.values);
  reorder_last(order, turn);
  reorder_last(order, turned);
  divide_columns(spectrum.values, turned);
  orthonormalise(turned);
  spectrum.vectors = turned.transpose();

  Matrix scores(X.rows(), k);
  multiply_centred(X, turned, means, scores);
  Matrix expected(X.rows(), k);
  multiply(left, turn * spectrum.values.asDiagonal(), expected);
  for (Index c = 0; c < k; ++c) {  // orthonormalise may turn a sign
    if (scores.col(c).dot(expected.col(c)) < 0.0) expected.col(c) *= -1.0;
  }
  if (spectrum.values[0] > 0.0) {
    spectrum.error = (scores - expected).colwise().norm().maxCoeff() / spectrum.values[0];
  }
  return spectrum;
}

}  // namespace lathe
