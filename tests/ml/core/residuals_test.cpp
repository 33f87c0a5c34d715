#include <cmath>
#include <cstdlib>
#include <vector>

#include "lathe/ml/core/kernel_residuals.h"

#include "tests/ml/core/kernel_data.h"

namespace lathe {
namespace {

// Whole numbers in [-20, 20], so that what is summed is known exactly.
Matrix whole(Index rows, Index cols, std::uint64_t seed) {
  return (5.0 * random_matrix(rows, cols, seed)).array().round().max(-20.0).min(20.0);
}

// Residuals that only the low parts of the coefficients make: y = X high, r = -2^-70 X low - rest.
bool keeps_low_parts(Index rows, Index d, bool weighted) {
  const kernels::ResidualTable& table = kernels::residual_table();
  const Index vectors = (d + table.width - 1) / table.width;
  const std::size_t padded = static_cast<std::size_t>(vectors * table.width);
  const Matrix X = whole(rows, d, 1);
  const Matrix high = whole(d, 1, 2);
  const Matrix low = whole(d, 1, 3);
  const Matrix w = weighted ? Matrix(whole(rows, 1, 4).cwiseAbs()) : Matrix::Ones(rows, 1);
  const Matrix y = 4.0 * (X * high).array() + 12.0;  // y_scale = 1/4; constant 3
  std::vector<double> scale(padded);
  std::vector<double> coef(padded);
  std::vector<double> rest(padded);
  for (Index j = 0; j < d; ++j) {  // the scaled columns are halves: coefficients are double
    const auto k = static_cast<std::size_t>(j);
    scale[k] = 0.5;
    coef[k] = 2.0 * high(j, 0);
    rest[k] = 0x1p-69 * low(j, 0);
  }
  const kernels::ResidualRows from{X.data(),
                                   d,
                                   vectors,
                                   X.data() + X.size(),
                                   scale.data(),
                                   coef.data(),
                                   rest.data(),
                                   y.data(),
                                   1,
                                   0.25,
                                   3.0,
                                   0x1p-72,
                                   weighted ? w.data() : nullptr,
                                   1.0};
  std::vector<double> products(padded);
  std::vector<double> products_rest(padded);
  double totals[4] = {};
  std::vector<double> work(static_cast<std::size_t>(table.work_rows) * padded);
  table.add(from, rows, products.data(), products_rest.data(), totals, work.data());

  const Matrix r = -(0x1p-70 * (X * low).array() + 0x1p-72);
  const Matrix weighted_r = r.cwiseProduct(w);
  bool right = totals[0] + totals[1] == weighted_r.sum();
  std::vector<double> each(static_cast<std::size_t>(rows));
  std::vector<double> each_rest(each.size());
  table.find(from, rows, each.data(), each_rest.data(), work.data());
  for (Index i = 0; i < rows; ++i) {
    const auto k = static_cast<std::size_t>(i);
    right = right && (w(i, 0) == 0.0 || each[k] + each_rest[k] == r(i, 0));
  }
  const double squares = r.cwiseProduct(weighted_r).sum();
  right = right && std::abs(totals[2] + totals[3] - squares) <= 1e-15 * squares;
  for (Index j = 0; j < d; ++j) {
    const auto k = static_cast<std::size_t>(j);
    right = right && products[k] + products_rest[k] == 0.5 * X.col(j).dot(weighted_r.col(0));
  }
  return right;
}

// In doubles, about a shift: of whole numbers and halves they are exact.
bool are_exact_in_doubles(Index rows, Index d, bool weighted) {
  const kernels::ResidualTable& table = kernels::residual_table();
  const Index vectors = (d + table.width - 1) / table.width;
  const Index padded = vectors * table.width;
  const Matrix X = whole(rows, d, 5);
  const Matrix y = whole(rows, 1, 6);
  const Matrix w = weighted ? Matrix(whole(rows, 1, 7).cwiseAbs()) : Matrix::Ones(rows, 1);
  Matrix scale = Matrix::Zero(1, padded);
  Matrix coef = Matrix::Zero(1, padded);
  Matrix shift = Matrix::Zero(1, padded);
  scale.leftCols(d).setConstant(0.5);
  coef.leftCols(d) = whole(1, d, 8);
  shift.leftCols(d) = 0.5 * whole(1, d, 9);
  const kernels::ResidualRows from{X.data(),
                                   d,
                                   vectors,
                                   X.data() + X.size(),
                                   scale.data(),
                                   coef.data(),
                                   nullptr,
                                   y.data(),
                                   1,
                                   0.25,
                                   3.0,
                                   0.0,
                                   weighted ? w.data() : nullptr,
                                   2.0};
  Matrix products = Matrix::Constant(1, padded, 7.0);  // it adds to these
  double totals[2] = {7.0, 7.0};
  table.add_roughly(from, rows, shift.data(), products.data(), totals);

  const Matrix centred = (0.5 * X).rowwise() - shift.leftCols(d).row(0);
  const Matrix r = (0.25 * y - centred * coef.leftCols(d).transpose()).array() - 3.0;
  const Matrix weighted_r = (weighted ? 2.0 : 1.0) * r.cwiseProduct(w);
  return totals[0] == 7.0 + weighted_r.sum() &&
         totals[1] == 7.0 + r.cwiseProduct(weighted_r).sum() &&
         products.leftCols(d) ==
             Matrix((centred.transpose() * weighted_r).transpose().array() + 7.0);
}

bool keeps_them_for_all_shapes() {
  bool right = true;
  for (const Index rows : {1, 7, 8, 9, 64, 101}) {
    for (const Index d : {1, 3, 8, 13, 20, 50}) {
      for (const bool weighted : {false, true}) {
        right =
            right && keeps_low_parts(rows, d, weighted) && are_exact_in_doubles(rows, d, weighted);
      }
    }
  }
  return right;
}

TEST(Residuals, KeepWhatTheLowPartsOfCoefficientsSay) { EXPECT_TRUE(keeps_them_for_all_shapes()); }

TEST(ResidualsDeathTest, KeepItAtEachLevel) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const char* level : kernel_levels) {
    EXPECT_EXIT(std::_Exit(holds_at(level, keeps_them_for_all_shapes)), testing::ExitedWithCode(42),
                "")
        << level;
  }
}

}  // namespace
}  // namespace lathe
