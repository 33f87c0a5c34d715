#include "lathe/ml/linear/row_space.h"

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include <Eigen/QR>

#include "lathe/ml/core/cholesky.h"
#include "lathe/ml/core/product.h"
#include "lathe/ml/linear/factor.h"

namespace lathe {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// Up to here the factor of the rows' Gram matrix is good enough to correct with.
constexpr double gram_condition = 1e5;

// The raw data, and what centres them.
struct Data {
  Data(const ScaledColumns& x, Index any_row)
      : X(x.data, x.rows, x.cols, Eigen::OuterStride<>(x.stride)), shift(RowVector::Zero(x.cols)) {
    if (!x.centred) return;
    shift = X.row(any_row);  // the value of columns that do not vary and are not in x
    for (Index k = 0; k < x.size(); ++k) {
      const auto j = static_cast<std::size_t>(k);
      shift[x.index[j]] = x.mean[j].hi / x.scale[j];
    }
  }

  Eigen::Map<const Matrix, 0, Eigen::OuterStride<>> X;
  RowVector shift;
};

struct Basis {
  std::vector<Index> rows;
  std::vector<double> root;  // of their weights
  Factor R1;
  Factor R2;
  double condition = 1.0;  // of R2
  double rate = 0.0;       // of an error, what a correction leaves
};

std::vector<Index> counted_rows(const RowWeights& weights, Index n) {
  std::vector<Index> counted;
  for (Index i = 0; i < n; ++i) {
    if (weights[i] > 0.0) counted.push_back(i);
  }
  return counted;
}

double rate_of(double condition, Index n) {
  return std::min(
      0.5, 8.0 * static_cast<double>(n) * condition * std::numeric_limits<double>::epsilon());
}

// By Cholesky of the Gram matrix of the rows: no copy of X. Nothing where they nearly depend on one
// another, beyond the one that centring makes dependent: the last is left out.
std::optional<Basis> basis_by_gram(const ScaledColumns& x, const RowWeights& weights,
                                   double penalty, std::vector<Index> counted, const Data& data) {
  Vector root(x.rows);
  for (Index i = 0; i < x.rows; ++i) root[i] = std::sqrt(weights[i]) * x.scale[0];
  const Matrix K =
      row_gram(data.X, data.shift, {root.data(), static_cast<std::size_t>(root.size())});
  const Index last = counted.back();
  if (x.centred) counted.pop_back();
  if (counted.empty()) return std::nullopt;

  Basis basis;
  basis.R1 = K(counted, counted);
  if (!factor_cholesky(basis.R1)) return std::nullopt;
  const Index r = basis.R1.rows();
  const double condition = estimated_condition(basis.R1);
  if (!(condition <= gram_condition * std::sqrt(static_cast<double>(r)))) return std::nullopt;
  basis.R2 = row_gram(basis.R1);  // of the coordinates of the rows that are in
  basis.R2.diagonal().array() += penalty;
  if (x.centred) {
    VectorXd coordinates = K(counted, last);
    basis.R1.transpose().triangularView<Eigen::Lower>().solveInPlace(coordinates);
    basis.R2 += coordinates * coordinates.transpose();
  }
  if (!factor_cholesky(basis.R2)) return std::nullopt;
  for (const Index i : counted) basis.root.push_back(std::sqrt(weights[i]));
  basis.rows = std::move(counted);
  basis.condition = condition_of(basis.R2);
  basis.rate = rate_of(condition * condition, r);
  return basis;
}

// By a pivoted QR of a copy of the rows.
Basis basis_by_qr(const ScaledColumns& x, const RowWeights& weights, double penalty,
                  const std::vector<Index>& counted) {
  const Index n = static_cast<Index>(counted.size());
  MatrixXd transposed(x.size(), n);
  for (Index k = 0; k < n; ++k) {
    const Index i = counted[static_cast<std::size_t>(k)];
    x.centred_row(i, transposed.col(k).data());
    transposed.col(k) *= std::sqrt(weights[i]);
  }
  Eigen::ColPivHouseholderQR<MatrixXd> qr(std::move(transposed));
  qr.setThreshold(static_cast<double>(32 + 4 * n) * std::numeric_limits<double>::epsilon());
  const Index r = qr.rank();

  Basis basis;
  const MatrixXd R = qr.matrixQR().topRows(r).triangularView<Eigen::Upper>();
  basis.R1 = R.leftCols(r);
  for (Index k = 0; k < r; ++k) {
    basis.rows.push_back(counted[static_cast<std::size_t>(qr.colsPermutation().indices()[k])]);
    basis.root.push_back(std::sqrt(weights[basis.rows.back()]));
  }
  MatrixXd coordinates = MatrixXd::Zero(n + r, r);
  coordinates.topRows(n) = R.transpose();
  coordinates.bottomRows(r).diagonal().setConstant(std::sqrt(penalty));
  const Eigen::HouseholderQR<MatrixXd> second(coordinates);
  basis.R2 = second.matrixQR().topRows(r).triangularView<Eigen::Upper>();
  if (r > 0) basis.condition = condition_of(basis.R2);
  basis.rate = rate_of(basis.condition, x.rows);
  return basis;
}

// The correction as a combination of the basis rows, in double-double so that it stays within
// their span.
DoubleDoubles correction(const ScaledColumns& x, const Data& data, const Basis& basis,
                         const VectorXd& gradient) {
  Matrix of_columns = Matrix::Zero(x.cols, 1);
  for (Index k = 0; k < x.size(); ++k) {
    of_columns(x.index[static_cast<std::size_t>(k)], 0) = gradient[k] * x.scale[0];
  }
  Matrix along(x.rows, 1);
  multiply(data.X, of_columns, along, data.shift);
  const Index r = static_cast<Index>(basis.rows.size());
  VectorXd g(r);
  for (Index k = 0; k < r; ++k) {
    const auto i = static_cast<std::size_t>(k);
    g[k] = basis.root[i] * along(basis.rows[i], 0);
  }
  basis.R1.transpose().triangularView<Eigen::Lower>().solveInPlace(g);
  g = solve_normal(basis.R2, g);
  basis.R1.triangularView<Eigen::Upper>().solveInPlace(g);
  std::vector<double> shares(static_cast<std::size_t>(x.rows), 0.0);
  for (Index k = 0; k < r; ++k) {
    const auto i = static_cast<std::size_t>(k);
    shares[static_cast<std::size_t>(basis.rows[i])] = basis.root[i] * g[k];
  }
  return combine_rows(x, shares);
}

RowSpaceSolution solve_with(const ScaledColumns& x, const ScaledColumns& y,
                            const RowWeights& weights, double penalty, const Data& data,
                            const Basis& basis) {
  RowSpaceSolution solution;
  solution.rank = static_cast<Index>(basis.rows.size());
  solution.condition = basis.condition;
  const std::vector<double> penalties(static_cast<std::size_t>(x.size()), penalty);
  solution.refined = refine(
      x, y, weights, penalties,
      [&](const VectorXd& gradient) { return correction(x, data, basis, gradient); }, basis.rate);
  return solution;
}

}  // namespace

RowSpaceSolution solve_in_row_space(const ScaledColumns& x, const ScaledColumns& y,
                                    const RowWeights& weights, double penalty) {
  const std::vector<Index> counted = counted_rows(weights, x.rows);
  const Data data(x, counted.front());
  if (const auto basis = basis_by_gram(x, weights, penalty, counted, data)) {
    RowSpaceSolution solution = solve_with(x, y, weights, penalty, data, *basis);
    if (solution.refined.settled) return solution;
  }
  return solve_with(x, y, weights, penalty, data, basis_by_qr(x, weights, penalty, counted));
}

}  // namespace lathe
