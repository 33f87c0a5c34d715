#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

#include "lathe/ml/core/kernel_logistic.h"

#include "tests/ml/core/kernel_data.h"

namespace lathe {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Rows between columns that hold NaN, up to the end of what may be read.
struct Beside {
  Beside(const Matrix& X, Index more) : all(Matrix::Constant(X.rows(), X.cols() + 1 + more, nan)) {
    all.middleCols(1, X.cols()) = X;
  }
  const double* first() const { return all.data() + 1; }
  const double* end(Index cols) const { return first() + (all.rows() - 1) * all.cols() + cols; }

  Matrix all;
};

std::vector<double> padded(const Matrix& row, double beyond) {
  std::vector<double> numbers(static_cast<std::size_t>(row.size() + 8), beyond);
  std::copy_n(row.data(), row.size(), numbers.begin());
  return numbers;
}

bool close(long double a, long double b, long double size) {
  return std::abs(a - b) <= 1e-14L * size;
}

bool adds_up(Index rows, Index d, bool weighted, Index more) {
  const Matrix X = random_matrix(rows, d, 1);
  const Beside beside(X, more);
  const Matrix coef = random_matrix(1, d, 2) * 2.0;
  const Matrix shift = random_matrix(1, d, 3);
  const Matrix scale = Matrix::Constant(1, d, 0.5);
  const Matrix weight = random_matrix(1, rows, 4).cwiseAbs();
  std::vector<std::int32_t> label;
  for (Index i = 0; i < rows; ++i) label.push_back(static_cast<std::int32_t>(i * i % 3 % 2));
  const std::vector<double> scales = padded(scale, 0.0);
  const std::vector<double> shifts = padded(shift, 0.0);
  const std::vector<double> coefs = padded(coef, 0.0);
  std::vector<double> gradient = padded(Matrix::Constant(1, d, 3.0), 0.0);
  std::vector<double> odds(static_cast<std::size_t>(rows + 8));
  std::vector<double> root(static_cast<std::size_t>(rows + 8));
  kernels::LogisticSums sums{gradient.data(), 1.0, 2.0, 0.0, odds.data(), root.data()};
  const kernels::LogisticRows from{
      beside.first(), beside.all.cols(), d,    beside.end(d), scales.data(),
      shifts.data(),  coefs.data(),      0.25, label.data(),  weighted ? weight.data() : nullptr};
  kernels::logistic_table().add(from, rows, sums);

  bool right = true;
  long double residual = 1.0L;
  long double outside = 2.0L;
  long double product = 1.0L;
  Eigen::Matrix<long double, 1, Eigen::Dynamic> expected =
      Eigen::Matrix<long double, 1, Eigen::Dynamic>::Constant(d, 3.0L);
  const auto size = static_cast<long double>(10 * rows);
  for (Index i = 0; i < rows; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const Eigen::Matrix<long double, 1, Eigen::Dynamic> z =
        (0.5 * X.row(i) - shift).cast<long double>();
    const long double score = 0.25L + z.dot(coef.row(0).cast<long double>());
    const long double margin = label[k] == 0 ? score : -score;
    const long double w = weighted ? weight(0, i) : 1.0L;
    const long double p = 1.0L / (1.0L + std::exp(margin));  // of the other class
    const long double r = w * (label[k] == 0 ? -p : p);
    expected += r * z;
    residual += r;
    outside += margin < 0.0L ? -w * margin : 0.0L;
    const long double ratio = std::exp(-std::abs(margin));
    product *= 1.0L + ratio;
    const long double slack = 1.0L + static_cast<long double>(d);  // of the score
    right = right && close(root[k], std::sqrt(w * ratio) / (1.0L + ratio), slack);
    if (weighted) right = right && close(odds[k], ratio, slack * ratio);
  }
  right = right && close(sums.residual, residual, size) && close(sums.outside, outside, size * d);
  if (!weighted) right = right && close(sums.product + 1.0L, product, product * size * d);
  for (Index j = 0; j < d; ++j) {
    right = right && close(gradient[static_cast<std::size_t>(j)], expected[j], size * d);
  }
  for (std::size_t j = static_cast<std::size_t>(d); j < gradient.size(); ++j) {
    right = right && gradient[j] == 0.0;
  }
  return right;
}

// Whole numbers, so that all sums are exact.
bool spreads(Index rows, Index d, bool weighted, Index more) {
  const Matrix X = (4.0 * random_matrix(rows, d, 5)).array().round();
  const Beside beside(X, more);
  const Matrix shift = (4.0 * random_matrix(1, d, 6)).array().round();
  const Matrix weight = (4.0 * random_matrix(1, rows, 7)).array().round().abs();
  const std::vector<double> shifts = padded(shift, 0.0);
  std::vector<double> deviation = padded(Matrix::Constant(1, d, 1.0), 0.0);
  std::vector<double> square = padded(Matrix::Constant(1, d, 2.0), 0.0);
  std::vector<double> most = padded(Matrix::Constant(1, d, 1.0), 0.0);
  kernels::logistic_table().spread(beside.first(), rows, beside.all.cols(), d, beside.end(d),
                                   shifts.data(), weighted ? weight.data() : nullptr,
                                   {deviation.data(), square.data(), most.data()});
  const Matrix moved = X.rowwise() - RowVector(shift.row(0));
  const Matrix w = weighted ? Matrix(weight.transpose()) : Matrix::Ones(rows, 1);
  bool right = true;
  for (Index j = 0; j < d; ++j) {
    const auto k = static_cast<std::size_t>(j);
    right = right && deviation[k] == 1.0 + moved.col(j).dot(w.col(0)) &&
            square[k] == 2.0 + moved.col(j).cwiseAbs2().dot(w.col(0)) &&
            most[k] == std::max(1.0, moved.col(j).cwiseAbs().maxCoeff());
  }
  return right;
}

bool right_for_all_shapes() {
  bool right = true;
  for (const Index rows : {1, 3, 7, 8, 9, 31, 32, 33, 101}) {
    for (const Index d : {1, 2, 5, 8, 13, 20, 33, 50}) {
      for (const bool weighted : {false, true}) {
        for (const Index more : {0, 9}) {
          right = right && adds_up(rows, d, weighted, more) && spreads(rows, d, weighted, more);
        }
      }
    }
  }
  return right;
}

TEST(LogisticKernel, AddsUpWhatTheDefinitionSays) { EXPECT_TRUE(right_for_all_shapes()); }

TEST(LogisticKernelDeathTest, DoesAtEachLevel) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const char* level : kernel_levels) {
    EXPECT_EXIT(std::_Exit(holds_at(level, right_for_all_shapes)), testing::ExitedWithCode(42), "")
        << level;
  }
}

}  // namespace
}  // namespace lathe
