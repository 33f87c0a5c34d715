// Data and comparisons that the tests of linear models share.
#pragma once

#include <cmath>
#include <initializer_list>
#include <string>
#include <vector>

#include <Eigen/QR>
#include <gtest/gtest.h>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/random.h"

#include "tests/ml/normal_matrix.h"

namespace lathe {

inline Matrix noise(Index n, Index d, std::uint64_t seed) {
  return normal_matrix(n, d, seed, "linear_test");
}

// Whole numbers in [-50, 50]: their products and sums are exact.
inline Matrix whole_numbers(Index n, Index d, std::uint64_t seed) {
  Random random(seed, "linear_test.whole");
  Matrix X(n, d);
  for (double& x : X.reshaped()) x = static_cast<double>(random.below(101)) - 50.0;
  return X;
}

// Row i of X as often as times[i] says.
inline std::vector<Index> repeated(const std::vector<double>& times) {
  std::vector<Index> rows;
  for (std::size_t i = 0; i < times.size(); ++i) {
    for (int k = 0; k < static_cast<int>(times[i]); ++k) rows.push_back(static_cast<Index>(i));
  }
  return rows;
}

// |got - expected| <= tolerance * max |expected|
inline void expect_near(const Matrix& got, const Matrix& expected, double tolerance) {
  ASSERT_EQ(got.rows(), expected.rows());
  ASSERT_EQ(got.cols(), expected.cols());
  const double worst = (got - expected).cwiseAbs().maxCoeff();
  EXPECT_LE(worst, tolerance * expected.cwiseAbs().maxCoeff()) << "got\n"
                                                               << got << "\nexpected\n"
                                                               << expected;
}

// The number of decimal digits that agree, as NIST counts them.
inline double digits(double got, double certified) {
  if (got == certified) return 17.0;
  if (certified == 0.0) return -std::log10(std::abs(got));
  return -std::log10(std::abs(got - certified) / std::abs(certified));
}

template <class M>
std::string saved(const M& model) {
  OutputArchive out;
  model.save(out);
  return out.bytes();
}

template <class M>
M loaded(const std::string& bytes) {
  InputArchive in(bytes, nullptr);
  return M(in);
}

// The same saved bytes for every number of threads.
template <class Fit>
void expect_same_bits_for_any_threads(Fit fit) {
  const int before = thread_limit();
  set_thread_limit(1);
  const std::string one = saved(fit());
  for (const int threads : {2, 3, 8}) {
    set_thread_limit(threads);
    EXPECT_EQ(saved(fit()), one) << threads << " threads";
  }
  set_thread_limit(before);
}

template <class Call>
std::string error_code(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return "none";
}

// scikit-learn's answer: the least norm by orthogonal factors of the centred columns.
inline Matrix by_orthogonal_factors(const Matrix& centred, const Matrix& y) {
  Eigen::CompleteOrthogonalDecomposition<Eigen::MatrixXd> factors;
  factors.setThreshold(1e-10);
  factors.compute(centred);
  return factors.solve(Eigen::MatrixXd(y)).transpose();
}

}  // namespace lathe
