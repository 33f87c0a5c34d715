// A few rows through a pipeline, unchecked until the end, are as many rows step by step.
#include <cmath>
#include <limits>

#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/linear/linear_regression.h"
#include "lathe/preprocessing/standard_scaler.h"

#include "tests/ml/core/allocations.h"
#include "tests/ml/core/support.h"

namespace lathe {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

ModelPtr scaled_line(const Matrix& X, const Vector& y) {
  return (StandardScaler{} | LinearRegression{}).fit(X, y);
}

// y = 3 a - b.
ModelPtr plane() {
  const Matrix X{{0.0, 1.0}, {1.0, 0.0}, {2.0, 1.0}, {3.0, 3.0}};
  return scaled_line(X, Vector{{-1.0, 3.0, 5.0, 6.0}});
}

Matrix predict_into(const Model& model, const MatrixView& X) {
  Matrix out = Matrix::Constant(X.rows(), model.n_outputs(), -7.0);
  model.predict_into(X, out);
  return out;
}

// The model's answer to each row of many, with `row` among them: too many to be quick.
Matrix among_many(const RowVector& row) {
  Matrix X = Matrix::Ones(1000, row.size());
  X.row(0) = row;
  return X;
}

TEST(QuickSteps, GiveTheBitsOfStepByStep) {
  for (const Index d : {1, 2, 7, 20, 37, 600}) {
    const Matrix X = Matrix::Random(800, d);
    const Vector y = X.rowwise().sum() + Vector::Random(800);
    const ModelPtr model = scaled_line(X, y);
    const auto steps = fitted_steps(model);
    const Matrix expected = predict_into(*steps[1], predict_into(*steps[0], X));
    EXPECT_EQ(predict_into(*model, X), expected) << d;
    EXPECT_EQ(predict_into(*model, X.topRows(3)), expected.topRows(3)) << d;
    for (Index i = 0; i < 50; ++i) {
      EXPECT_EQ(predict_into(*model, X.row(i))(0, 0), expected(i, 0)) << d << ", row " << i;
    }
  }
}

TEST(QuickSteps, TakeRowsOfAWiderMatrix) {
  const Matrix wide = Matrix::Random(20, 5);
  const ModelPtr model = plane();
  const Matrix expected = predict_into(*model, Matrix(wide.middleCols(2, 2)));
  Matrix out = Matrix::Zero(20, 3);
  model->predict_into(wide.middleCols(2, 2), out.middleCols(1, 1));
  EXPECT_EQ(out.col(1), expected);
  EXPECT_EQ(out.col(0), Vector::Zero(20));
}

TEST(QuickSteps, RefuseWhatTheStepsRefuseInTheirWords) {
  const ModelPtr model = plane();
  const auto refused = [&](const RowVector& row) {
    Matrix out = Matrix::Constant(1, 1, -7.0);
    const std::string why = refusal([&] { model->predict_into(row, out); });
    EXPECT_EQ(out(0, 0), -7.0);
    EXPECT_EQ(refusal([&] { predict_into(*model, among_many(row)); }), why);
    return why;
  };
  EXPECT_THAT(
      refused(RowVector{{1.0, infinity}}),
      testing::StartsWith("X003 standard_scaler: X holds an infinite number in row 0, column 1"));
  EXPECT_THAT(refused(RowVector{{nan, 1.0}}),
              testing::StartsWith(
                  "X002 linear_regression: X holds a missing value (NaN) in row 0, column 0"));
  Matrix out(1, 1);
  EXPECT_THAT(refusal([&] { model->predict_into(Matrix::Ones(1, 3), out); }),
              testing::StartsWith("X006 pipeline: "));
  EXPECT_THAT(refusal([&] { model->predict_into(Matrix::Ones(2, 2), out); }),
              testing::StartsWith("X007 pipeline: "));
}

TEST(QuickSteps, LetAFiniteRowHaveAnInfiniteResult) {
  const Matrix X{{-1.0, 0.0}, {1.0, 1.0}, {0.0, 3.0}, {2.0, 2.0}};
  const ModelPtr model = scaled_line(X, 1e200 * X.col(0));
  const RowVector far{{1e200, 0.0}};
  EXPECT_EQ(predict_into(*model, far)(0, 0), infinity);
  EXPECT_EQ(predict_into(*model, among_many(far))(0, 0), infinity);
}

TEST(QuickSteps, AllocateNothing) {
  if (!AllocationCount::works()) GTEST_SKIP() << "this build has its own malloc";
  const Matrix X = Matrix::Random(3000, 60);  // over 1 MiB
  const ModelPtr model = scaled_line(X, X.rowwise().sum());
  const auto steps = fitted_steps(model);
  Matrix scaled(3000, 60);
  Matrix out(3000, 1);
  model->predict_into(X, out);  // sees its largest block
  const AllocationCount count;
  model->predict_into(X.row(5), out.row(5));
  model->predict_into(X.topRows(8), out.topRows(8));
  model->predict_into(X, out);
  steps[0]->predict_into(X, scaled);
  steps[1]->predict_into(scaled, out);
  EXPECT_EQ(count.calls(), 0U);
}

}  // namespace
}  // namespace lathe
