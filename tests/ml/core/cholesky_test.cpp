#include "lathe/ml/core/cholesky.h"

#include <cstdlib>

#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/product.h"

#include "tests/ml/core/kernel_data.h"

namespace lathe {
namespace {

// Small, and in blocks with each kind of remainder.
bool holds_for_all_sizes() {
  bool right = true;
  for (const Index d : {1, 5, 64, 241, 250, 367, 480}) {
    const Matrix Z = random_matrix(2 * d + 3, d, 1);
    const Matrix A = transposed_product(Z, Z);
    Matrix R = A;
    right = right && factor_cholesky(R);
    right = right && R.isUpperTriangular(0.0) && (R.transpose() * R).isApprox(A, 1e-13);
    right = right && (inverse_upper(R) * R).isApprox(Matrix::Identity(d, d), 1e-11);
  }
  return right;
}

TEST(Cholesky, GivesTheFactorAndItsInverse) { EXPECT_TRUE(holds_for_all_sizes()); }

TEST(CholeskyDeathTest, GivesThemAtEachLevel) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const char* level : kernel_levels) {
    EXPECT_EXIT(std::_Exit(holds_at(level, holds_for_all_sizes)), testing::ExitedWithCode(42), "")
        << level;
  }
}

TEST(Cholesky, RefusesWhatIsNotPositiveDefinite) {
  for (const Index d : {3, 300}) {
    Matrix A = Matrix::Identity(d, d);
    A(d - 1, d - 1) = -1e-3;
    EXPECT_FALSE(factor_cholesky(A));
    A = Matrix::Constant(d, d, std::nan(""));
    EXPECT_FALSE(factor_cholesky(A));
  }
}

TEST(Cholesky, HasTheSameBitsForAnyNumberOfThreads) {
  const int before = thread_limit();
  const Matrix Z = random_matrix(700, 500, 2);
  const Matrix A = transposed_product(Z, Z);
  set_thread_limit(1);
  Matrix R = A;
  ASSERT_TRUE(factor_cholesky(R));
  const Matrix inverse = inverse_upper(R);
  for (const int threads : {2, 3, 5, 16}) {
    set_thread_limit(threads);
    Matrix other = A;
    ASSERT_TRUE(factor_cholesky(other));
    EXPECT_TRUE(same_bits(other, R));
    EXPECT_TRUE(same_bits(inverse_upper(other), inverse));
  }
  set_thread_limit(before);
}

}  // namespace
}  // namespace lathe
