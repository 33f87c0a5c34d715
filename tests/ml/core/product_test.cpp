#include "lathe/ml/core/product.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <span>
#include <vector>

#include "lathe/ml/core/parallel.h"

#include "tests/ml/core/kernel_data.h"

namespace lathe {
namespace {

using LongMatrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;

constexpr double epsilon = std::numeric_limits<double>::epsilon();

LongMatrix less(const Matrix& X, const RowVector& shift) {
  LongMatrix moved = X.cast<long double>();
  if (shift.size() > 0) moved.rowwise() -= shift.cast<long double>();
  return moved;
}

// In units of what the terms of each product come to.
double error_of(const Matrix& result, const LongMatrix& left, const LongMatrix& right) {
  const LongMatrix exact = left * right;
  const LongMatrix size = left.cwiseAbs() * right.cwiseAbs();
  EXPECT_EQ(result.rows(), exact.rows());
  EXPECT_EQ(result.cols(), exact.cols());
  double largest = 0.0;
  for (Index i = 0; i < exact.rows(); ++i) {
    for (Index j = 0; j < exact.cols(); ++j) {
      const auto error = static_cast<double>(
          std::abs(static_cast<long double>(result(i, j)) - exact(i, j)) / size(i, j));
      largest = std::isnan(error) ? 1.0 : std::max(largest, error);
    }
  }
  return largest;
}

struct Shape {
  Index n, k, m;
};
const std::vector<Shape> shapes{{1, 1, 1},     {3, 2, 5},     {7, 9, 8},     {64, 128, 24},
                                {65, 129, 25}, {130, 50, 31}, {90, 300, 10}, {1100, 20, 3},
                                {17, 260, 64}, {9, 400, 77}};

double worst_of_shapes() {
  double largest = 0.0;
  for (const Shape& s : shapes) {
    const Matrix A = random_matrix(s.n, s.k, 1, 1.0);
    const Matrix B = random_matrix(s.k, s.m, 2, 1.0);
    const Matrix Z = random_matrix(s.n, s.m, 3, 1.0);
    const Vector weight = random_matrix(s.n, 1, 4).col(0);
    const std::span<const double> weights(weight.data(), static_cast<std::size_t>(s.n));
    for (const RowVector& shift : {RowVector(), RowVector(random_matrix(1, s.k, 5).row(0))}) {
      const LongMatrix moved = less(A, shift);
      Matrix out = Matrix::Constant(s.n, s.m, 7.0);
      multiply(A, B, out, shift);
      largest = std::max(largest, error_of(out, moved, B.cast<long double>()));
      largest = std::max(largest, error_of(transposed_product(A, Z, shift), moved.transpose(),
                                           Z.cast<long double>()));
      const LongMatrix weighted = weight.cast<long double>().asDiagonal() * Z.cast<long double>();
      largest = std::max(
          largest, error_of(transposed_product(A, Z, shift, weights), moved.transpose(), weighted));
      const LongMatrix rooted = weight.cast<long double>().asDiagonal() * moved;
      largest = std::max(largest, error_of(row_gram(A, shift), moved, moved.transpose()));
      largest =
          std::max(largest, error_of(row_gram(A, shift, weights), rooted, rooted.transpose()));
    }
  }
  return largest;
}

TEST(Product, EqualsTheLongDoubleProduct) { EXPECT_LT(worst_of_shapes(), 16 * epsilon); }

TEST(ProductDeathTest, EqualsItAtEachLevel) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const char* level : kernel_levels) {
    const auto run = [&] {
      return holds_at(level, [] { return worst_of_shapes() < 16 * epsilon; });
    };
    EXPECT_EXIT(std::_Exit(run()), testing::ExitedWithCode(42), "") << level;
  }
}

TEST(Product, HasTheSameBitsForAnyNumberOfThreads) {
  const int before = thread_limit();
  const Matrix A = random_matrix(3000, 30, 6);
  const Matrix wide = random_matrix(300, 500, 7);
  const Matrix Z = random_matrix(3000, 9, 8);
  const Matrix V = random_matrix(300, 9, 9);
  const auto all = [&] {
    Matrix result(3000, 9);
    multiply(A, A.topRows(9).transpose(), result);
    std::vector<Matrix> results{result, transposed_product(A, Z), transposed_product(wide, V),
                                row_gram(wide)};
    return results;
  };
  set_thread_limit(1);
  const std::vector<Matrix> expected = all();
  for (const int threads : {2, 3, 5, 16}) {
    set_thread_limit(threads);
    const std::vector<Matrix> results = all();
    for (std::size_t k = 0; k < results.size(); ++k) {
      EXPECT_TRUE(same_bits(results[k], expected[k])) << k << " with " << threads;
    }
  }
  set_thread_limit(before);
}

TEST(Product, RowsDoNotDependOnTheirBatch) {
  const Matrix A = random_matrix(75, 150, 10);
  const Matrix B = random_matrix(150, 11, 11);
  expect_rows_independent(A, 11,
                          [&](const MatrixView& rows, MatrixRef out) { multiply(rows, B, out); });
}

TEST(Product, SubtractsTheShiftBeforeItMultiplies) {
  Matrix A = random_matrix(100, 6, 12);
  const Matrix B = random_matrix(6, 2, 13);
  Matrix expected(100, 2);
  multiply(A.array().round().matrix(), B, expected);
  A = A.array().round() + 1e15;
  Matrix out(100, 2);
  multiply(A, B, out, RowVector::Constant(6, 1e15));
  EXPECT_TRUE(same_bits(out, expected));
}

TEST(Product, OfNothingIsZero) {
  Matrix out = Matrix::Constant(3, 2, 1.0);
  multiply(Matrix(3, 0), Matrix(0, 2), out);
  EXPECT_EQ(out.cwiseAbs().maxCoeff(), 0.0);
  EXPECT_EQ(transposed_product(Matrix(0, 3), Matrix(0, 2)).cwiseAbs().sum(), 0.0);
}

TEST(RoughLargest, IsWithinItsErrorOfWhatDoublesGive) {
  for (const Shape& s : shapes) {
    const Matrix A = random_matrix(s.n, s.k, 1, 1.0);
    const Matrix B = random_matrix(s.k, s.m, 2, 1.0).colwise().normalized();
    for (const double far : {0.0, 1e5}) {
      const RowVector shift = far * random_matrix(1, s.k, 5).row(0);
      const Matrix moved = A.rowwise() + shift;
      const double scale = std::ldexp(0.5, -std::ilogb(A.rowwise().norm().maxCoeff()));
      const RoughLargest rough = rough_largest(moved, B, shift, scale);
      Matrix products(s.n, s.m);
      multiply(moved, B, products);
      products.rowwise() -= (shift * B).eval();
      for (Index g = 0; g * rough.group < s.n; ++g) {
        const Index rows = std::min(rough.group, s.n - g * rough.group);
        const auto group = products.middleRows(g * rough.group, rows);
        const RowVector largest = scale * group.cwiseAbs().colwise().maxCoeff();
        const RowVector told = rough.most.row(g).head(s.m).cast<double>();
        EXPECT_LE((largest - told).cwiseAbs().maxCoeff(), rough.error[g]) << s.n << ' ' << far;
        EXPECT_LE(rough.error[g], 1e-4) << s.n << ' ' << far;
      }
    }
  }
}

}  // namespace
}  // namespace lathe
