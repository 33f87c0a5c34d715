#include "lathe/ml/linear/factor.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Cholesky>
#include <Eigen/QR>

#include "lathe/ml/core/cholesky.h"
#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/product.h"
#include "lathe/ml/core/random.h"

namespace lathe {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

Index block_rows(Index d) { return std::max<Index>(128, 2 * d); }

// Replaces the upper triangle of `top` by that of the QR factor of [top; below].
void stack_under(MatrixXd& work, Index d, Index rows) {
  Eigen::Ref<MatrixXd> both = work.topRows(d + rows);
  Eigen::HouseholderQR<Eigen::Ref<MatrixXd>> qr(both);
  work.topRows(d).triangularView<Eigen::StrictlyLower>().setZero();
}

// One matrix per part of the rows, in order.
template <class Fill>
std::vector<MatrixXd> by_part(Index rows, Fill&& fill) {
  const Index size = part_rows(rows);
  std::vector<MatrixXd> parts(static_cast<std::size_t>((rows + size - 1) / size));
  parallel_blocks(rows, size, [&](Index part, Index begin, Index end) {
    parts[static_cast<std::size_t>(part)] = fill(begin, end);
  });
  return parts;
}

Matrix random_signs(Index rows) {
  constexpr Index vectors = 16;
  Random random(0, "condition");
  Matrix signs(rows, vectors);
  for (double& sign : signs.reshaped()) sign = random.uniform() < 0.5 ? -1.0 : 1.0;
  return signs;
}

double mean_length(const Matrix& columns) {
  return columns.norm() / std::sqrt(static_cast<double>(columns.cols()));
}

}  // namespace

void weighted_rows(const ScaledColumns& columns, const RowWeights& weights, Index begin, Index end,
                   Eigen::Ref<MatrixXd> out) {
  std::vector<double> row(static_cast<std::size_t>(columns.size()));
  for (Index i = begin; i < end; ++i) {
    const double root = std::sqrt(weights[i]);
    if (root == 0.0) {  // what such a row holds may overflow
      out.row(i - begin).setZero();
      continue;
    }
    columns.centred_row(i, row.data());
    for (Index j = 0; j < columns.size(); ++j) {
      out(i - begin, j) = root * row[static_cast<std::size_t>(j)];
    }
  }
}

double scale_beside(const Gram& gram, const ScaledColumns& columns, Index j,
                    const RowWeights& weights) {
  const auto k = static_cast<std::size_t>(j);
  return columns.scale[k] / gram.x_scale[columns.index[k]] * std::sqrt(weights.scale);
}

Matrix scaled_gram(const ScaledColumns& columns, const Gram& gram, const RowWeights& weights,
                   std::span<const double> penalty) {
  const Index d = columns.size();
  RowVector scale(d);
  for (Index j = 0; j < d; ++j) scale[j] = scale_beside(gram, columns, j, weights);
  Matrix A = large_matrix(d, d);
  parallel_blocks(d, 64, [&](Index, Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const auto row = columns.index[static_cast<std::size_t>(i)];
      for (Index j = i; j < d; ++j) {
        A(i, j) = gram.xx(row, columns.index[static_cast<std::size_t>(j)]) * scale[i] * scale[j];
      }
      A(i, i) += penalty[static_cast<std::size_t>(i)];
      A.row(i).head(i).setZero();
    }
  });
  return A;
}

Factor gram_factor(const ScaledColumns& columns, const Gram& gram, const RowWeights& weights,
                   std::span<const double> penalty) {
  Matrix A = scaled_gram(columns, gram, weights, penalty);
  if (!factor_cholesky(A)) return {};
  return A;
}

Factor qr_factor(const ScaledColumns& columns, const RowWeights& weights,
                 std::span<const double> penalty) {
  const Index d = columns.size();
  const auto parts = by_part(columns.rows, [&](Index begin, Index end) -> MatrixXd {
    const Index size = std::min(end - begin, block_rows(d));
    MatrixXd work = MatrixXd::Zero(d + size, d);
    for (Index i = begin; i < end; i += size) {
      const Index rows = std::min(size, end - i);
      weighted_rows(columns, weights, i, i + rows, work.middleRows(d, rows));
      stack_under(work, d, rows);
    }
    return work.topRows(d);
  });
  MatrixXd work = MatrixXd::Zero(2 * d, d);
  for (Index j = 0; j < d; ++j) work(j, j) = std::sqrt(penalty[static_cast<std::size_t>(j)]);
  for (const MatrixXd& part : parts) {
    work.bottomRows(d) = part;
    stack_under(work, d, d);
  }
  return work.topRows(d);
}

double condition_of(const Factor& R, const Matrix& inverse) {
  const double condition = R.norm() * inverse.norm();
  return std::isfinite(condition) ? condition : std::numeric_limits<double>::infinity();
}

double condition_of(const Factor& R) { return condition_of(R, inverse_upper(R)); }

double estimated_condition(const Factor& R) {
  Matrix signs = random_signs(R.rows());
  R.triangularView<Eigen::Upper>().solveInPlace(signs);
  const double condition = R.norm() * mean_length(signs);
  return std::isfinite(condition) ? condition : std::numeric_limits<double>::infinity();
}

double estimated_inverse_norm(const Factor& R) {
  Matrix signs = random_signs(R.rows());
  R.transpose().triangularView<Eigen::Lower>().solveInPlace(signs);
  R.triangularView<Eigen::Upper>().solveInPlace(signs);
  return mean_length(signs);
}

double rounding_noise(Index d, double length, double penalty, double offset) {
  constexpr double unit = 0x1p-53;
  return unit * (static_cast<double>(32 + 4 * d) * std::hypot(length, penalty) +
                 4.0 * std::hypot(length, offset));
}

// Rows of the inverse of the Gram matrix tell both a column's distance and the combination nearest.
bool columns_stand_alone(const Matrix& inverse, std::span<const double> noise) {
  const Index d = inverse.rows();
  Matrix products = large_matrix(d, d);
  multiply(inverse, inverse.transpose(), products);
  for (Index k = 0; k < d; ++k) {
    double squared = 0.0;
    for (Index i = 0; i < d; ++i) {
      const double part = products(k, i) / products(k, k) * noise[static_cast<std::size_t>(i)];
      squared += part * part;
    }
    if (!(1.0 > squared * products(k, k))) return false;
  }
  return true;
}

std::vector<Index> independent_columns(const Factor& R, std::span<const double> noise) {
  const Index d = R.cols();
  const Eigen::ColPivHouseholderQR<MatrixXd> qr(R);
  const MatrixXd& T = qr.matrixQR();
  const auto& order = qr.colsPermutation().indices();
  const auto noise_of = [&](Index k) { return noise[static_cast<std::size_t>(order[k])]; };

  std::vector<Index> kept;  // in the order of the pivots
  MatrixXd leading(d, d);   // T of those
  VectorXd share(d);        // how column k is made of those
  for (Index k = 0; k < d; ++k) {
    const Index r = static_cast<Index>(kept.size());
    for (Index i = 0; i < r; ++i) leading(i, r) = T(kept[static_cast<std::size_t>(i)], k);
    share.head(r) =
        leading.topLeftCorner(r, r).triangularView<Eigen::Upper>().solve(leading.col(r).head(r));
    double squared = noise_of(k) * noise_of(k);
    for (Index i = 0; i < r; ++i) {
      const double part = share(i) * noise_of(kept[static_cast<std::size_t>(i)]);
      squared += part * part;
    }
    if (std::abs(T(k, k)) <= std::sqrt(squared)) continue;
    leading.row(r).setZero();
    leading(r, r) = T(k, k);
    kept.push_back(k);
  }
  for (Index& k : kept) k = order[k];
  return kept;
}

Factor select_columns(const Factor& R, std::span<const Index> columns) {
  const Index r = static_cast<Index>(columns.size());
  MatrixXd chosen(R.rows(), r);
  for (Index k = 0; k < r; ++k) chosen.col(k) = R.col(columns[static_cast<std::size_t>(k)]);
  const Eigen::HouseholderQR<MatrixXd> qr(chosen);
  return MatrixXd(qr.matrixQR().topRows(r).triangularView<Eigen::Upper>());
}

VectorXd solve_normal(const Factor& R, const VectorXd& g) {
  VectorXd x = R.transpose().triangularView<Eigen::Lower>().solve(g);
  R.triangularView<Eigen::Upper>().solveInPlace(x);
  return x;
}

}  // namespace lathe
