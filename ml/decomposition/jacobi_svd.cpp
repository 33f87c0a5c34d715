#include "lathe/ml/decomposition/jacobi_svd.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include <Eigen/QR>

#include "lathe/ml/core/kernels.h"

namespace lathe {
namespace {

using ColMajor = Eigen::MatrixXd;

constexpr double epsilon = std::numeric_limits<double>::epsilon();

// Rotates columns i and j of L so that they become orthogonal; false if they already were.
bool rotate(ColMajor& L, Index i, Index j, double tolerance) {
  const Index p = L.rows();
  double* a = L.col(i).data();
  double* b = L.col(j).data();
  const double aa = kernels::dot(a, a, p);
  const double bb = kernels::dot(b, b, p);
  const double ab = kernels::dot(a, b, p);
  if (!(std::abs(ab) > tolerance * std::sqrt(aa) * std::sqrt(bb))) return false;
  const double zeta = (bb - aa) / (2.0 * ab);
  const double tangent = std::copysign(1.0, zeta) / (std::abs(zeta) + std::hypot(1.0, zeta));
  const double cosine = 1.0 / std::hypot(1.0, tangent);
  const double sine = cosine * tangent;
  // As small changes (Rutishauser 1966): a cosine next to 1 may be rounded to one side, which would
  // let columns grow with each of their thousands of rotations; on aarch64 by 100 units in all.
  const double tau = sine / (1.0 + cosine);
  for (Index k = 0; k < p; ++k) {
    const double before = a[k];
    a[k] = before - sine * (b[k] + tau * before);
    b[k] = b[k] + sine * (before - tau * b[k]);
  }
  return true;
}

// Sweeps over all pairs until a whole sweep finds them orthogonal (Hestenes 1958).
void orthogonalise(ColMajor& L) {
  constexpr int most_sweeps = 60;  // 6 to 10 are usual
  const double tolerance = std::max(4.0, std::sqrt(static_cast<double>(L.rows()))) * epsilon;
  bool rotated = true;
  for (int sweep = 0; sweep < most_sweeps && rotated; ++sweep) {
    rotated = false;
    for (Index i = 0; i + 1 < L.cols(); ++i) {
      for (Index j = i + 1; j < L.cols(); ++j) rotated |= rotate(L, i, j, tolerance);
    }
  }
}

// Fills row k with a unit vector orthogonal to the rows before it: of the coordinate axes, the one
// least covered by them.
void complete_row(Matrix& vectors, Index k) {
  auto before = vectors.topRows(k);
  Index axis = 0;
  if (k > 0) before.colwise().squaredNorm().minCoeff(&axis);
  RowVector v = RowVector::Unit(vectors.cols(), axis);
  for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Kahan; Parlett 1980)
    for (Index i = 0; i < k; ++i) v -= v.dot(before.row(i)) * before.row(i);
  }
  vectors.row(k) = v.normalized();
}

// Of a square matrix.
RightSingular square_right_singular(const ColMajor& B) {
  const Index p = B.cols();
  const Eigen::ColPivHouseholderQR<ColMajor> qr(B);
  ColMajor L = qr.matrixQR().triangularView<Eigen::Upper>().transpose();
  orthogonalise(L);

  Vector norms(p);
  for (Index j = 0; j < p; ++j) norms[j] = L.col(j).norm();
  std::vector<Index> order(static_cast<std::size_t>(p));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return norms[a] > norms[b]; });

  RightSingular result{Vector(p), Matrix(p, p)};
  for (Index k = 0; k < p; ++k) {
    const Index from = order[static_cast<std::size_t>(k)];
    result.values[k] = norms[from];
    if (norms[from] > 0.0) {
      result.vectors.row(k) = (qr.colsPermutation() * L.col(from)).transpose() / norms[from];
    } else {
      complete_row(result.vectors, k);
    }
  }
  return result;
}

// Rows from the largest to the smallest and columns by pivoting make Householder QR keep the digits
// of the small rows (Cox and Higham 1998).
std::vector<Index> columns_by_norm(const Matrix& A) {
  const RowVector norms = A.colwise().norm();
  std::vector<Index> order(static_cast<std::size_t>(A.cols()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return norms[a] > norms[b]; });
  return order;
}

// Frees A once it has its transpose, which is then factored in place: two matrices of that size at
// a time, here and below.
RightSingular wide_right_singular(Matrix A) {
  const Index d = A.cols();
  const Index p = A.rows();
  const std::vector<Index> order = columns_by_norm(A);
  ColMajor tall(d, p);
  for (Index j = 0; j < d; ++j) {
    tall.row(j) = A.col(order[static_cast<std::size_t>(j)]).transpose();
  }
  A.resize(0, 0);
  const Eigen::ColPivHouseholderQR<Eigen::Ref<ColMajor>> qr(tall);
  const ColMajor R = tall.topRows(p).triangularView<Eigen::Upper>();
  RightSingular result = square_right_singular(R.transpose());

  ColMajor rotated = ColMajor::Zero(d, p);
  rotated.topRows(p) = result.vectors.transpose();
  rotated.applyOnTheLeft(qr.householderQ());
  tall.resize(0, 0);
  result.vectors.resize(p, d);
  for (Index j = 0; j < d; ++j) {
    result.vectors.col(order[static_cast<std::size_t>(j)]) = rotated.row(j).transpose();
  }
  return result;
}

}  // namespace

RightSingular right_singular(Matrix A) {
  // A power of two, so that no square leaves the range of doubles and no digit changes.
  const double largest = A.cwiseAbs().maxCoeff();
  const int exponent = largest > 0.0 ? std::ilogb(largest) : 0;
  A = A.unaryExpr([=](double v) { return std::ldexp(v, -exponent); });

  RightSingular result;
  if (A.rows() < A.cols()) {
    result = wide_right_singular(std::move(A));
  } else {
    const Eigen::HouseholderQR<ColMajor> qr(A);
    const ColMajor R = qr.matrixQR().topRows(A.cols()).triangularView<Eigen::Upper>();
    result = square_right_singular(R);
  }
  for (double& value : result.values) value = std::ldexp(value, exponent);
  return result;
}

}  // namespace lathe
