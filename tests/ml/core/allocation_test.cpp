// What a prediction allocates on a thread that has seen its largest block: nothing.
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/passthrough.h"
#include "lathe/ml/core/scratch.h"

#include "tests/ml/core/allocations.h"
#include "tests/ml/core/support.h"
#include "tests/ml/core/toys.h"

namespace lathe {
namespace {

using toys::Centre;
using toys::Near;
using toys::RowSum;
using toys::Sign;
using toys::Squares;

class Allocation : public testing::Test {
 protected:
  void SetUp() override {
    if (!AllocationCount::works()) GTEST_SKIP() << "this build has its own malloc";
  }
};

template <class Call>
std::size_t allocations(Call&& call) {
  call();  // warm
  const AllocationCount count;
  call();
  return count.calls();
}

TEST_F(Allocation, IsCounted) {
  EXPECT_GE(allocations([] { std::make_unique<std::string>(100, 'x'); }), 1U);
  EXPECT_EQ(allocations([] { Vector::Zero(1000).eval(); }), 1U);
  EXPECT_EQ(allocations([] {}), 0U);
}

TEST_F(Allocation, OfPredictionsIsNothing) {
  const Matrix X = Matrix::Random(3000, 5);
  const Vector y = X.col(0);
  std::vector<int> classes(3000, 0);
  classes[7] = 1;
  const Labels labels(classes);
  for (const Estimator& e :
       {Estimator(Centre{}), Estimator(Squares{}), Estimator(RowSum{}), Estimator(Near{}),
        Estimator(Sign{}), Estimator(Passthrough{}), Estimator(Centre{} | RowSum{}),
        Estimator(Centre{} | Squares{} | Centre{} | Near{}), Estimator(Squares{} | Sign{}),
        Estimator(Centre{} | Squares{})}) {
    const ModelPtr model = e.role() == Role::classifier ? e.fit(X, labels) : e.fit(X, y);
    Matrix out(X.rows(), model->n_outputs());
    EXPECT_EQ(allocations([&] { model->predict_into(X, out); }), 0U) << e.text();
    Matrix one(1, model->n_outputs());
    EXPECT_EQ(allocations([&] { model->predict_into(X.row(17), one); }), 0U) << e.text();
    if (const auto* classifier = dynamic_cast<const Classifier*>(model.get())) {
      Matrix proba(X.rows(), 2);
      EXPECT_EQ(allocations([&] { classifier->predict_proba_into(X, proba); }), 0U) << e.text();
    }
  }
}

TEST_F(Allocation, OfBlocksOfALargerMatrixIsNothing) {
  const Matrix wide = Matrix::Random(500, 9);
  const ModelPtr model = Estimator(Centre{} | RowSum{}).fit(wide.leftCols(4), Vector(wide.col(8)));
  Matrix out(500, 3);
  EXPECT_EQ(allocations(
                [&] { model->predict_into(wide.block(10, 2, 400, 4), out.block(20, 1, 400, 1)); }),
            0U);
}

TEST_F(Allocation, OfKernelsIsNothing) {
  const Matrix X = Matrix::Random(20, 7);
  const Matrix coef = Matrix::Random(3, 7);
  const Vector intercept = Vector::Zero(3);
  Matrix out(20, 3);
  EXPECT_EQ(allocations([&] {
              kernels::affine(X, coef, intercept, out);
              kernels::softmax(out);
              kernels::squared_distances(X, coef, out);
            }),
            0U);
}

TEST_F(Allocation, OfScratchIsNothingAfterTheFirst) {
  EXPECT_EQ(allocations([] {
              Scratch a(100, 10);
              Scratch b(50, 10);
              a.matrix()(0, 0) = b.matrix()(0, 0) = 1.0;
            }),
            0U);
}

}  // namespace
}  // namespace lathe
