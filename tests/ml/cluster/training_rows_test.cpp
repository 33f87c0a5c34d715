#include "lathe/ml/cluster/training_rows.h"

#include <cmath>
#include <limits>
#include <optional>

#include <gtest/gtest.h>

#include "lathe/ml/cluster/lloyd.h"
#include "lathe/ml/core/parallel.h"

#include "tests/ml/cluster/blobs.h"

namespace lathe {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(ClusterRows, ThePassTellsMeansRangeAndVariance) {
  Matrix X = blobs(777, 11, 3, 11).array() + 1e6;
  const MatrixView view(X);
  const ClusterRows rows(view, {});
  const RowVector mean = (X.array() - 1e6).colwise().mean();
  EXPECT_TRUE(rows.finite);
  EXPECT_LT(((rows.mean.array() - 1e6) - mean.array()).abs().maxCoeff(), 1e-8);
  EXPECT_EQ(rows.least, RowVector(X.colwise().minCoeff()));
  EXPECT_EQ(rows.greatest, RowVector(X.colwise().maxCoeff()));
  const double variance = (((X.array() - 1e6).rowwise() - mean.array()).square()).sum() / 777.0;
  EXPECT_NEAR(rows.total_variance, variance, 1e-9 * variance);
  for (const double odd : {infinity, -infinity, std::numeric_limits<double>::quiet_NaN()}) {
    for (const Index column : {0, 7, 10}) {
      Matrix bad = X;
      bad(776, column) = odd;
      const MatrixView bad_view(bad);
      EXPECT_FALSE(ClusterRows(bad_view, {}).finite);
    }
  }
}

// Nothing where the guess does not hold.
std::optional<LloydResult> cluster_guessed(const Matrix& X, const Matrix& centres) {
  const MatrixView view(X);
  ClusterRows rows = ClusterRows::guessed(view);
  RowMoments moments(rows);
  return Lloyd(rows, centres.rows(), Assignment::bounds).run(centres, 25, 1e-4, moments);
}

LloydResult cluster_measured(const Matrix& X, const Matrix& centres) {
  const MatrixView view(X);
  const ClusterRows rows(view, {});
  return Lloyd(rows, centres.rows(), Assignment::bounds).run(centres, 25, 1e-4);
}

// Only what sums on other grids cut off may differ.
void expect_close(const LloydResult& a, const LloydResult& b) {
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.n_iter, b.n_iter);
  EXPECT_EQ(a.converged, b.converged);
  EXPECT_NEAR(a.inertia, b.inertia, 1e-12 * b.inertia);
  EXPECT_LT((a.centres - b.centres).cwiseAbs().maxCoeff(), 1e-14 * b.centres.cwiseAbs().maxCoeff());
}

TEST(GuessedRows, GiveWhatMeasuredRowsGive) {
  const int before = thread_limit();
  for (const auto& [n, d, k] : {Shape{1000, 40, 5}, Shape{3001, 65, 12}, Shape{700, 784, 10}}) {
    Matrix X = blobs(n, d, k, 21);
    X.col(3).setConstant(0.1);
    X.col(5).setConstant(0.0);
    for (const double offset : {0.0, 1e6}) {
      for (const double scale : {1.0, 0x1p-300, 0x1p300}) {
        const Matrix moved = (X.array() + offset) * scale;
        const LloydResult measured = cluster_measured(moved, moved.topRows(k));
        set_thread_limit(1);
        const std::optional<LloydResult> one = cluster_guessed(moved, moved.topRows(k));
        ASSERT_TRUE(one.has_value());
        expect_close(*one, measured);
        for (const int threads : {2, 3, 5, 16}) {
          set_thread_limit(threads);
          expect_same(*one, *cluster_guessed(moved, moved.topRows(k)));
        }
      }
    }
  }
  set_thread_limit(before);
}

// What no sample tells: one number outside in a row that is not looked at beforehand, first, last,
// or in between; none too far, and none that is no number, reaches a score or a sum.
TEST(GuessedRows, OneNumberOutsideIsFound) {
  const Matrix X = blobs(1000, 43, 5, 22);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  ASSERT_TRUE(cluster_guessed(X, X.topRows(5)).has_value());
  for (const Index row : {1, 500, 998, 999}) {
    for (const Index column : {0, 31, 42}) {
      for (const double odd : {100.0, -100.0, 1e200, -1e300, infinity, -infinity, nan}) {
        Matrix bad = X;
        bad(row, column) = odd;
        if (row == 500 && !(std::abs(odd) <= 100.0)) bad(999, 2) = odd;
        ASSERT_FALSE(cluster_guessed(bad, X.topRows(5)).has_value()) << row << ' ' << column;
      }
    }
  }
  Matrix constant = X;
  constant.col(7).setConstant(2.0);
  EXPECT_TRUE(cluster_guessed(constant, constant.topRows(5)).has_value());
  constant(999, 7) = 2.5;
  EXPECT_FALSE(cluster_guessed(constant, constant.topRows(5)).has_value());
}

}  // namespace
}  // namespace lathe
