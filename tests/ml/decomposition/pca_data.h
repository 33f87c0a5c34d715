// Data with known singular values for the tests of PCA.
#pragma once

#include <cstdint>

#include <Eigen/QR>
#include <gtest/gtest.h>

#include "lathe/ml/core/types.h"

#include "tests/ml/normal_matrix.h"

namespace lathe {

inline Matrix noise(Index n, Index d, std::uint64_t seed) {
  return normal_matrix(n, d, seed, "pca_test");
}

// Rows with columns of mean 0 whose singular values are known: U diag(values) V'.
inline Matrix with_singular_values(Index n, const Vector& values, std::uint64_t seed) {
  const Index d = values.size();
  Matrix start = noise(n, d + 1, seed);
  start.col(0).setOnes();
  const Eigen::MatrixXd left = start;
  const Eigen::MatrixXd U = Eigen::HouseholderQR<Eigen::MatrixXd>(left).householderQ() *
                            Eigen::MatrixXd::Identity(n, d + 1);
  const Eigen::MatrixXd right = noise(d, d, seed + 1);
  const Eigen::MatrixXd V = Eigen::HouseholderQR<Eigen::MatrixXd>(right).householderQ();
  return U.rightCols(d) * values.asDiagonal() * V.transpose();
}

inline void expect_orthonormal(const Matrix& components) {
  const Matrix gram = components * components.transpose();
  EXPECT_LT((gram - Matrix::Identity(gram.rows(), gram.rows())).cwiseAbs().maxCoeff(), 1e-14);
}

}  // namespace lathe
