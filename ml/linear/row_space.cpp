#include "lathe/ml/linear/row_space.h"

#include <cmath>
#include <limits>

#include <Eigen/QR>

#include "lathe/ml/linear/factor.h"

namespace lathe {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

struct Basis {
  std::vector<Index> rows;
  std::vector<double> root;  // of their weights
  MatrixXd R1;
  MatrixXd R2;
};

Basis find_basis(const ScaledColumns& x, const RowWeights& weights, double penalty) {
  std::vector<Index> counted;
  for (Index i = 0; i < x.rows; ++i) {
    if (weights[i] > 0.0) counted.push_back(i);
  }
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
  return basis;
}

// The correction as a combination of the basis rows, in double-double so that it stays within
// their span.
DoubleDoubles correction(const ScaledColumns& x, const Basis& basis, const VectorXd& gradient) {
  const Index d = x.size();
  const Index r = static_cast<Index>(basis.rows.size());
  VectorXd row(d);
  VectorXd g(r);
  for (Index k = 0; k < r; ++k) {
    x.centred_row(basis.rows[static_cast<std::size_t>(k)], row.data());
    g[k] = basis.root[static_cast<std::size_t>(k)] * row.dot(gradient);
  }
  basis.R1.transpose().triangularView<Eigen::Lower>().solveInPlace(g);
  g = solve_normal(basis.R2, g);
  basis.R1.triangularView<Eigen::Upper>().solveInPlace(g);

  std::vector<DoubleDoubleSum> sums(static_cast<std::size_t>(d));
  DoubleDouble total;
  for (Index k = 0; k < r; ++k) {
    const double share = basis.root[static_cast<std::size_t>(k)] * g[k];
    x.raw_row(basis.rows[static_cast<std::size_t>(k)], row.data());
    for (Index j = 0; j < d; ++j) sums[static_cast<std::size_t>(j)].add_product(row[j], share);
    total = total + share;
  }
  DoubleDoubles delta(static_cast<std::size_t>(d));
  for (std::size_t j = 0; j < delta.size(); ++j) delta[j] = sums[j].total() - x.mean[j] * total;
  return delta;
}

}  // namespace

RowSpaceSolution solve_in_row_space(const ScaledColumns& x, const ScaledColumns& y,
                                    const RowWeights& weights, double penalty) {
  const Basis basis = find_basis(x, weights, penalty);
  RowSpaceSolution solution;
  solution.rank = static_cast<Index>(basis.rows.size());
  if (solution.rank > 0) solution.condition = condition_of(basis.R2);
  const double rate = std::min(0.5, 8.0 * static_cast<double>(x.rows) * solution.condition *
                                        std::numeric_limits<double>::epsilon());
  const std::vector<double> penalties(static_cast<std::size_t>(x.size()), penalty);
  solution.refined = refine(
      x, y, weights, penalties,
      [&](const VectorXd& gradient) { return correction(x, basis, gradient); }, rate);
  return solution;
}

}  // namespace lathe
