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
#include "lathe/ml/core/scratch.h"
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

bool in_range(double squares) { return squares > 1e-270 && squares < 1e270; }

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

// The largest and the least of each column. Nothing else is at high and low, or each row would wait
// for the one before.
void widen(const MatrixView& scores, double* __restrict high, double* __restrict low) {
  const Index cols = scores.cols();
  std::copy_n(scores.data(), cols, high);
  std::copy_n(scores.data(), cols, low);
  for (Index i = 1; i < scores.rows(); ++i) {
    const double* __restrict row = scores.data() + i * scores.outerStride();
    for (Index c = 0; c < cols; ++c) {
      high[c] = high[c] < row[c] ? row[c] : high[c];
      low[c] = row[c] < low[c] ? row[c] : low[c];
    }
  }
}

// Products of the centred rows with some of the right singular vectors. Those of all rows are found
// in floats, and again only where one of them may be the largest.
class Scores {
 public:
  // `least_value`: of those that belong to the vectors.
  Scores(const MatrixView& X, const Spectrum& spectrum, const MatrixView& vectors,
         double least_value)
      : X_(X), right_(vectors.transpose()), offset_(spectrum.mean.transpose() * right_) {
    find_groups(spectrum);
    block_groups_ = std::clamp<Index>(most_copied / (group_ * X.cols()), 1, 64);
    // Centring each row takes twice the time of the product: only far from 0, where the product
    // would lose the digits of the shortest.
    const double least = least_value / std::sqrt(static_cast<double>(X.rows()));
    if (spectrum.mean.norm() * 1e-10 <= least) return;
    centre_ = spectrum.mean.transpose();
    offset_.setZero();
  }

  // Of each vector the score of largest size; of two that differ in sign alone, that of the first
  // row.
  Vector leads() const {
    const Index blocks = (std::ssize(groups_) + block_groups_ - 1) / block_groups_;
    Matrix most(blocks, right_.cols());
    Matrix least(blocks, right_.cols());
    parallel_for(blocks, [&](Index block) {
      Scratch scratch(block_groups_ * group_, right_.cols());
      const auto scores = of_block(block, scratch);
      widen(scores, &most(block, 0), &least(block, 0));
    });
    most.rowwise() -= offset_;
    least.rowwise() -= offset_;
    Vector leads(right_.cols());
    for (Index c = 0; c < leads.size(); ++c) {
      const double lead = std::max(most.col(c).maxCoeff(), -least.col(c).minCoeff());
      Index block = 0;
      while (block + 1 < blocks && most(block, c) != lead && least(block, c) != -lead) ++block;
      leads[c] = most(block, c) == lead ? lead : -lead;
      if (most(block, c) == -least(block, c)) leads[c] = first_of(lead, block, c);
    }
    return leads;
  }

 private:
  static constexpr Index most_copied = 1 << 18;  // numbers: what a block copies of X

  // Groups of rows that may have a largest score.
  void find_groups(const Spectrum& spectrum) {
    const double longest = std::sqrt(spectrum.total_squares);
    const double scale =
        in_range(spectrum.total_squares) ? std::ldexp(0.5, -std::ilogb(longest)) : 0.0;
    const RoughLargest rough = rough_largest(X_, right_, spectrum.mean.transpose(), scale);
    group_ = rough.group;
    const Index groups = rough.error.size();
    const Index cols = right_.cols();
    constexpr Index size = 1024;
    Matrix surely = Matrix::Zero((groups + size - 1) / size, cols);
    parallel_blocks(groups, size, [&](Index block, Index begin, Index end) {
      for (Index g = begin; g < end; ++g) {
        for (Index c = 0; c < cols; ++c) {
          surely(block, c) = std::max(surely(block, c), rough.most(g, c) - rough.error[g]);
        }
      }
    });
    const RowVector least = surely.colwise().maxCoeff();
    std::vector<char> may(static_cast<std::size_t>(groups));
    parallel_blocks(groups, size, [&](Index, Index begin, Index end) {
      for (Index g = begin; g < end; ++g) {
        bool any = false;
        for (Index c = 0; c < cols; ++c) any |= !(rough.most(g, c) + rough.error[g] < least[c]);
        may[static_cast<std::size_t>(g)] = any;
      }
    });
    for (Index g = 0; g < groups; ++g) {
      if (may[static_cast<std::size_t>(g)] != 0) groups_.push_back(g);
    }
  }

  // Less the offset, which would be one more pass over them.
  MatrixRef of_block(Index block, Scratch& scratch) const {
    const Index first = block * block_groups_;
    const Index last = std::min(std::ssize(groups_), first + block_groups_);
    Scratch copies(block_groups_ * group_, X_.cols());
    Index count = 0;
    for (Index g = first; g < last; ++g) {
      const Index row = groups_[static_cast<std::size_t>(g)] * group_;
      const Index rows = std::min(group_, X_.rows() - row);
      copies.matrix().middleRows(count, rows) = X_.middleRows(row, rows);
      count += rows;
    }
    MatrixRef scores = scratch.matrix().topRows(count);
    multiply(copies.matrix().topRows(count), right_, scores, centre_);
    return scores;
  }

  double first_of(double magnitude, Index block, Index c) const {
    Scratch scratch(block_groups_ * group_, right_.cols());
    const auto scores = of_block(block, scratch);
    Index i = 0;
    while (i + 1 < scores.rows() && std::abs(scores(i, c) - offset_[c]) != magnitude) ++i;
    return scores(i, c) - offset_[c];
  }

  const MatrixView& X_;
  Matrix right_;
  RowVector offset_;
  RowVector centre_;  // empty: the offset is subtracted from the product
  Index group_ = 0;
  Index block_groups_ = 0;
  std::vector<Index> groups_;  // ascending
};

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
  if (!in_range(total)) return std::nullopt;
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
  if (!in_range(squares)) return std::nullopt;
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

void set_signs(const MatrixView& X, const Spectrum& spectrum, Index rank, Matrix& vectors) {
  constexpr Index most_turned = 1 << 19;  // numbers
  Vector lead(vectors.rows());
  // So many at a time that a copy of them is no larger than what else there is.
  const Index p = std::min(X.rows(), X.cols());
  const Index size = std::max<Index>(16, (std::max(most_turned, p * p) / X.cols() + 7) / 8 * 8);
  for (Index first = 0; first < rank; first += size) {
    const Index count = std::min(size, rank - first);
    lead.segment(first, count) =
        Scores(X, spectrum, vectors.middleRows(first, count), spectrum.values[first + count - 1])
            .leads();
  }
  for (Index c = rank; c < vectors.rows(); ++c) {
    Index place = 0;
    vectors.row(c).cwiseAbs().maxCoeff(&place);
    lead[c] = vectors(c, place);
  }
  for (Index c = 0; c < vectors.rows(); ++c) {
    if (lead[c] < 0.0) vectors.row(c) = -vectors.row(c);
  }
}

}  // namespace lathe
