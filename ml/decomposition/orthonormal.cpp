#include "lathe/ml/decomposition/orthonormal.h"

#include <limits>
#include <utility>

#include <Eigen/Cholesky>
#include <Eigen/QR>

#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/product.h"

namespace lathe {
namespace {

// Past this, squaring the condition leaves too little for the second pass to mend.
constexpr double least_pivot = 1e-12;  // of the squared lengths

// One pass; false, with Q as it was, if the columns are too dependent.
bool cholesky_pass(Matrix& Q) {
  Eigen::MatrixXd G = transposed_product(Q, Q);
  const Vector length = G.diagonal().cwiseSqrt();
  if (!(length.minCoeff() > 0.0) || !length.allFinite()) return false;
  const Vector inverse = length.cwiseInverse();
  G = inverse.asDiagonal() * G * inverse.asDiagonal();
  const Eigen::LLT<Eigen::MatrixXd> factor(G);
  if (factor.info() != Eigen::Success) return false;
  const Vector pivots = Vector(factor.matrixLLT().diagonal()).cwiseAbs2();
  if (pivots.minCoeff() < least_pivot) return false;
  const Index b = Q.cols();
  const Matrix mix = inverse.asDiagonal() *
                     Eigen::MatrixXd(factor.matrixU().solve(Eigen::MatrixXd::Identity(b, b)));
  Matrix result = large_matrix(Q.rows(), b);
  multiply(Q, mix, result);
  Q = std::move(result);
  return true;
}

void householder(Matrix& Q) {
  const Eigen::MatrixXd columns = Q;
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(columns);
  Q = qr.householderQ() * Eigen::MatrixXd::Identity(Q.rows(), Q.cols());
}

}  // namespace

void orthonormalise(Matrix& Q) {
  if (!cholesky_pass(Q) || !cholesky_pass(Q)) householder(Q);
}

}  // namespace lathe
