// Which way the components point.
#include <gtest/gtest.h>

#include "lathe/ml/decomposition/pca.h"

#include "tests/ml/decomposition/pca_data.h"

namespace lathe {
namespace {

TEST(Pca, TheLeadingScoreOfEachComponentIsPositive) {
  const Matrix X = noise(40, 5, 1);
  const Matrix scores = Pca{}.fit(X).transform(X);
  for (Index c = 0; c < 5; ++c) {
    Index row = 0;
    scores.col(c).cwiseAbs().maxCoeff(&row);
    EXPECT_GT(scores(row, c), 0.0);
  }
}

// The score of row i along the first component.
double first_score(const PcaModel& model, const Matrix& X, Index i) {
  return model.transform(X)(i, 0);
}

TEST(Pca, TheScoreOfLargestSizeIsPositive) {
  Matrix X = noise(3000, 6, 21);
  X.col(2) *= 4.0;
  for (const double sign : {-1.0, 1.0}) {
    for (const Index row : {0, 700, 2999}) {
      for (const double offset : {0.0, 1e6, 1e13}) {
        Matrix moved = X;
        moved(row, 2) = sign * 60.0;
        moved.array() += offset;
        const PcaModel model = Pca{.n_components = 2}.fit(moved);
        EXPECT_GT(first_score(model, moved, row), 50.0) << sign << ' ' << row << ' ' << offset;
      }
    }
  }
}

TEST(Pca, OfTwoScoresThatDifferInSignAloneTheFirstIsPositive) {
  for (const Index far : {1, 600}) {  // in one block of rows, and in two
    for (const double sign : {-1.0, 1.0}) {
      Matrix X = Matrix::Zero(1000, 2);
      X(0, 0) = sign;
      X(far, 0) = -sign;
      X(2, 1) = 0.25;
      X(3, 1) = -0.25;
      EXPECT_GT(first_score(Pca{.n_components = 1}.fit(X), X, 0), 0.5);
    }
  }
}

TEST(Pca, OfScoresThatDifferByLittleTheLargerIsPositive) {
  for (const double step : {1e-6, 1e-9, 1e-12}) {
    for (const double offset : {0.0, 3.0}) {
      Matrix X = 1e-9 * noise(700, 20, 22);
      X.col(7).setZero();
      X(5, 7) = 1.0;
      X(650, 7) = -(1.0 + step);
      X.array() += offset;
      const PcaModel model = Pca{.n_components = 1}.fit(X);
      EXPECT_GT(first_score(model, X, 650), 0.5) << step << ' ' << offset;
    }
  }
}

}  // namespace
}  // namespace lathe
