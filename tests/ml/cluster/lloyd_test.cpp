#include "lathe/ml/cluster/lloyd.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <optional>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/random.h"

#include "tests/ml/cluster/blobs.h"

namespace lathe {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

LloydResult cluster(const Matrix& X, const Matrix& centres, Assignment assignment,
                    std::span<const double> weight = {}, std::int64_t max_iter = 25) {
  const MatrixView view(X);
  const ClusterRows rows(view, weight);
  Lloyd lloyd(rows, centres.rows(), assignment);
  lloyd.run(centres, 1, 0.0);  // what a start leaves behind must not matter to the next
  return lloyd.run(centres, max_iter, 0.0);
}

// Lloyd's iterations as on paper: every distance, and each mean made anew.
LloydResult reference(const Matrix& X, Matrix centres, std::int64_t max_iter) {
  LloydResult result;
  std::vector<std::int32_t> before;
  for (; result.n_iter < max_iter; ++result.n_iter) {
    result.labels.clear();
    for (Index i = 0; i < X.rows(); ++i) {
      result.labels.push_back(static_cast<std::int32_t>(nearest_centre(&X(i, 0), centres).index));
    }
    if (result.labels == before) break;
    before = result.labels;
    Matrix sums = Matrix::Zero(centres.rows(), centres.cols());
    Vector counts = Vector::Zero(centres.rows());
    for (Index i = 0; i < X.rows(); ++i) {
      const Index c = result.labels[static_cast<std::size_t>(i)];
      sums.row(c) += X.row(i) - centres.row(c);
      counts[c] += 1.0;
    }
    for (Index c = 0; c < centres.rows(); ++c) {
      if (counts[c] > 0.0) centres.row(c) += sums.row(c) / counts[c];
    }
  }
  result.centres = centres;
  return result;
}

class LloydShapes : public testing::TestWithParam<Shape> {};

TEST_P(LloydShapes, BothWaysGiveTheLabelsOfThePaper) {
  const auto [n, d, k] = GetParam();
  const Matrix X = blobs(n, d, k, 1);
  const Matrix centres = X.topRows(k);
  const LloydResult all = cluster(X, centres, Assignment::all_distances);
  expect_same(all, cluster(X, centres, Assignment::bounds));
  const LloydResult paper = reference(X, centres, 25);
  EXPECT_EQ(all.labels, paper.labels);
  EXPECT_LT((all.centres - paper.centres).cwiseAbs().maxCoeff(), 1e-12);
}

TEST_P(LloydShapes, TheThreadsDoNotMatter) {
  const auto [n, d, k] = GetParam();
  const Matrix X = blobs(n, d, k, 2);
  const int before = thread_limit();
  for (const Assignment assignment : {Assignment::all_distances, Assignment::bounds}) {
    set_thread_limit(1);
    const LloydResult one = cluster(X, X.topRows(k), assignment);
    for (const int threads : {2, 3, 5, 16}) {
      set_thread_limit(threads);
      expect_same(one, cluster(X, X.topRows(k), assignment));
    }
  }
  set_thread_limit(before);
}

// Each width of a panel and its rests, groups of one centre and of more, rows of a tile and less,
// and more rows than are kept rounded.
INSTANTIATE_TEST_SUITE_P(All, LloydShapes,
                         testing::Values(Shape{7, 3, 2}, Shape{500, 1, 3}, Shape{700, 2, 9},
                                         Shape{3000, 16, 10}, Shape{1203, 8, 16},
                                         Shape{900, 33, 25}, Shape{800, 128, 100},
                                         Shape{600, 5, 70}, Shape{300, 784, 10},
                                         Shape{6000, 40, 5}));

// Rough scores take the lengths of every 15th row: other rows, most or all of them, may be longer,
// and so may a centre.
TEST(Lloyd, RowsLongerThanASampleTells) {
  for (const Index period : {15, 500}) {
    for (const double longer : {1.5, 3.0, 10.0, 1e3}) {
      Matrix X = blobs(4000, 70, 8, 14).array() - 3.0;
      for (Index i = 0; i < 4000; ++i) {
        if (period == 15 ? i % 15 != 0 : i % 500 == 7) X.row(i) *= longer;
      }
      for (const Index first : {0, 7}) {  // the long row is a centre or is not
        const Matrix start = X.middleRows(first, 12);
        const LloydResult all = cluster(X, start, Assignment::all_distances);
        const int before = thread_limit();
        for (const int threads : {1, 3}) {
          set_thread_limit(threads);
          expect_same(all, cluster(X, start, Assignment::bounds));
        }
        set_thread_limit(before);
      }
    }
  }
}

// A row of weight 0 so far away that distances leave the range of floats.
TEST(Lloyd, BoundsComeDownFromBeyondFloats) {
  Matrix X = blobs(100, 48, 1, 15) / 7.0;
  X.row(99).setZero();
  X(99, 0) = 3e38;
  std::vector<double> weight(100, 1.0);
  weight[99] = 0.0;
  Matrix start = Matrix::Zero(3, 48);
  start.col(0) << -2e38, -2.1e38, 3e38;
  for (const std::int64_t most : {1, 2, 3, 25}) {
    expect_same(cluster(X, start, Assignment::all_distances, weight, most),
                cluster(X, start, Assignment::bounds, weight, most));
  }
}

TEST(Lloyd, RowsThatAreLeftEqualWhenOneIsTakenAreTheirMean) {
  for (const double value : {0.1, 0.3, 0.7, 5.1}) {
    Matrix X = Matrix::Constant(7, 1, value);
    X(6, 0) = 50.0;
    const LloydResult result = cluster(X, Matrix::Constant(3, 1, value), Assignment::all_distances);
    EXPECT_EQ(result.labels, (std::vector<std::int32_t>{0, 0, 0, 0, 0, 0, 1}));
    EXPECT_EQ(result.centres(0, 0), value);
    EXPECT_EQ(result.inertia, 0.0);
  }
}

TEST(Lloyd, TheMeanOfOneRowIsThatRowWithWeights) {
  const std::vector<double> weight{3.0, 0.1, 2.0};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Matrix X = blobs(3, 2, 3, seed) / 3.0;
    const LloydResult result = cluster(X, X, Assignment::all_distances, weight);
    EXPECT_EQ(result.centres, X);
    EXPECT_EQ(result.inertia, 0.0);
    EXPECT_EQ(result.n_iter, 1);
  }
}

TEST(Lloyd, IntegersWithManyTiesAreDecidedAsOnPaper) {
  Random random(3, "lloyd_test");
  Matrix X(2000, 3);
  for (double& x : X.reshaped()) x = static_cast<double>(random.below(4));
  Matrix centres = X.topRows(9);
  centres.row(8) = centres.row(2);  // twice the same
  const LloydResult paper = reference(X, centres, 1);
  for (const Assignment assignment : {Assignment::all_distances, Assignment::bounds}) {
    const MatrixView view(X);
    const ClusterRows rows(view, {});
    LloydResult result = Lloyd(rows, 9, assignment).run(centres, 25, infinity);
    ASSERT_EQ(result.n_iter, 1);
    for (Index i = 0; i < X.rows(); ++i) {
      ASSERT_EQ(result.labels[static_cast<std::size_t>(i)],
                nearest_centre(&X(i, 0), result.centres).index);
    }
  }
  expect_same(cluster(X, centres, Assignment::all_distances),
              cluster(X, centres, Assignment::bounds));
}

TEST(Lloyd, FarFromZeroAndAtAnyScaleBothWaysAgree) {
  const Matrix near = (blobs(1500, 20, 12, 4) * 1024.0).array().round() / 1024.0;
  const LloydResult plain = cluster(near, near.topRows(12), Assignment::all_distances);
  const Matrix far = near.array() + 0x1p30;
  for (const Assignment assignment : {Assignment::all_distances, Assignment::bounds}) {
    EXPECT_EQ(cluster(far, far.topRows(12), assignment).labels, plain.labels);
    for (const double scale : {0x1p-460, 0x1p-200, 0x1p300, 0x1p455}) {
      const Matrix scaled = near * scale;
      const LloydResult result = cluster(scaled, scaled.topRows(12), assignment);
      EXPECT_EQ(result.labels, plain.labels) << scale;
      EXPECT_EQ(result.centres, plain.centres * scale) << scale;
    }
  }
}

// Blobs whose gaps are lost in floats beside what else there is: far groups, one far centre, a far
// row, an offset, rows that are there many times.
TEST(Lloyd, WhatFloatsCannotTellApartIsDecidedAsOnPaper) {
  const Matrix near = blobs(1400, 12, 40, 13);
  Matrix groups = near;
  for (Index i = 0; i < 1400; i += 2) groups.row(i).array() += 1e6;
  Matrix outlier = near;
  outlier.row(1399) *= 1e12;
  Matrix repeated = near;
  for (Index i = 0; i < 1400; ++i) repeated.row(i) = near.row(i % 90);
  Matrix wide = near;  // one column hides the others
  for (Index i = 0; i < 1400; ++i) wide(i, 5) = 1e5 * static_cast<double>(i % 3);
  for (const Matrix& X : {groups, outlier, repeated, wide, Matrix(near.array() + 1e9)}) {
    Matrix centres = X.topRows(40);
    centres.row(7) = centres.row(3);
    const LloydResult all = cluster(X, centres, Assignment::all_distances, {}, 1);
    expect_same(all, cluster(X, centres, Assignment::bounds, {}, 1));
    for (Index i = 0; i < X.rows(); ++i) {
      ASSERT_EQ(all.labels[static_cast<std::size_t>(i)],
                nearest_centre(&X(i, 0), all.centres).index);
    }
    expect_same(cluster(X, centres, Assignment::all_distances),
                cluster(X, centres, Assignment::bounds));
    centres.row(1).setConstant(1e120);  // beyond floats, and never a row's nearest
    expect_same(cluster(X, centres, Assignment::all_distances),
                cluster(X, centres, Assignment::bounds));
  }
}

TEST(Lloyd, OutliersLeaveBoundsCoarseButRight) {
  Matrix X = blobs(1200, 40, 10, 5);
  for (Index i = 0; i < 1200; i += 300) X.row(i) *= 1e7;
  expect_same(cluster(X, X.bottomRows(10), Assignment::all_distances),
              cluster(X, X.bottomRows(10), Assignment::bounds));
}

TEST(Lloyd, EmptyClustersAndWeightsAreTheSameBothWays) {
  const Matrix X = blobs(1000, 24, 8, 6);
  std::vector<double> weight;
  for (Index i = 0; i < X.rows(); ++i) weight.push_back(static_cast<double>(i % 5) * 0.3);
  Matrix centres = X.topRows(8);
  centres.bottomRows(2).array() += 1e4;
  expect_same(cluster(X, centres, Assignment::all_distances, weight),
              cluster(X, centres, Assignment::bounds, weight));
}

TEST(Lloyd, InertiaNeverRisesWithBounds) {
  const Matrix X = blobs(2000, 30, 20, 7);
  Matrix centres = X.topRows(20);
  centres.bottomRows(3).array() += 1e3;
  double before = infinity;
  for (std::int64_t most = 1; most < 20; ++most) {
    const double inertia = cluster(X, centres, Assignment::bounds, {}, most).inertia;
    EXPECT_LE(inertia, before * (1.0 + 1e-13)) << most;
    before = inertia;
  }
}

TEST(Lloyd, ARowWhoseWeightIsLostBesideOthersIsStillAClustersMean) {
  const Matrix X{{0.0}, {0.5}, {7.1}, {7.3}};
  const std::vector<double> weight{1e100, 1e100, 1e-100, 3e-100};
  for (const Assignment assignment : {Assignment::all_distances, Assignment::bounds}) {
    const LloydResult result = cluster(X, Matrix{{0.0}, {7.0}}, assignment, weight);
    EXPECT_NEAR(result.centres(1, 0), 7.25, 1e-15);
    EXPECT_EQ(result.centres(0, 0), 0.25);
  }
}

TEST(Lloyd, ARowWhoseDigitsSumsDoNotSeeIsStillAClustersMean) {
  // Beside 1e40 the sums have no digits of 1e10.
  const Matrix X{{0.0}, {0.0}, {1e10}, {1e40}};
  for (const Assignment assignment : {Assignment::all_distances, Assignment::bounds}) {
    const LloydResult result = cluster(X, Matrix{{0.0}, {0.0}, {1e40}}, assignment);
    EXPECT_EQ(result.labels, (std::vector<std::int32_t>{0, 0, 1, 2}));
    EXPECT_EQ(result.inertia, 0.0);
    EXPECT_TRUE(result.converged);
  }
}

// Means of equal rows are a rounding off, which must not be taken for a distance.
TEST(Lloyd, SettlesWithMoreClustersThanDistinctRows) {
  for (const Index d : {1, 8, 48}) {
    const Matrix distinct = blobs(25, d, 25, 14);
    Random random(15, "lloyd_test");
    Matrix X(250, d);
    std::vector<double> weight;
    for (Index i = 0; i < X.rows(); ++i) {
      X.row(i) = distinct.row(static_cast<Index>(random.below(25)));
      weight.push_back(0.1 + random.uniform());
    }
    for (const Assignment assignment : {Assignment::all_distances, Assignment::bounds}) {
      for (const auto& w : {std::vector<double>{}, weight}) {
        double before = infinity;
        for (std::int64_t most = 1; most < 10; ++most) {
          const LloydResult result = cluster(X, X.topRows(30), assignment, w, most);
          EXPECT_LE(result.inertia, before * (1.0 + 1e-13)) << most;
          before = result.inertia;
        }
        const LloydResult result = cluster(X, X.topRows(30), assignment, w, 60);
        EXPECT_TRUE(result.converged);
        EXPECT_EQ(result.inertia, 0.0);
      }
    }
  }
}

TEST(Lloyd, InertiaOfSortedRowsFarFromZeroIsThatOfTheRows) {
  Matrix X(40000, 1);
  for (Index i = 0; i < X.rows(); ++i) X(i, 0) = 1e9 + 0x1p-13 * static_cast<double>(i);
  for (const Index k : {1, 3}) {
    Matrix centres(k, 1);
    for (Index c = 0; c < k; ++c) centres(c, 0) = X((2 * c + 1) * X.rows() / (2 * k), 0);
    const LloydResult result = cluster(X, centres, Assignment::all_distances);
    double direct = 0.0;
    for (Index i = 0; i < X.rows(); ++i) {
      const double distance =
          X(i, 0) - result.centres(result.labels[static_cast<std::size_t>(i)], 0);
      direct += distance * distance;
    }
    EXPECT_NEAR(result.inertia, direct, 1e-12 * direct) << k;
  }
}

TEST(Lloyd, FarRowsWithoutWeightCostTheOthersNoDigit) {
  const Matrix near = blobs(600, 24, 5, 15);
  const LloydResult expected = cluster(near, near.topRows(5), Assignment::all_distances);
  Matrix X = near.replicate(2, 1);
  X.bottomRows(600) *= 1e30;
  std::vector<double> weight(1200, 0.0);
  std::fill_n(weight.begin(), 600, 1.0);
  for (const Assignment assignment : {Assignment::all_distances, Assignment::bounds}) {
    const LloydResult result = cluster(X, near.topRows(5), assignment, weight);
    EXPECT_TRUE(std::equal(expected.labels.begin(), expected.labels.end(), result.labels.begin()));
    EXPECT_LT((result.centres - expected.centres).cwiseAbs().maxCoeff(), 1e-13);
    EXPECT_NEAR(result.inertia, expected.inertia, 1e-12 * expected.inertia);
  }
}

// In a process of its own, in which no kernel has run: a level is chosen once. 2 where the
// processor lacks it, 1 where both ways give the labels of nearest_centre(), whose bits are those
// of all levels.
int labels_agree_at(const char* level) {
  setenv("LATHE_KERNELS", level, 1);
  try {
    if (kernels::level() != level) return 0;
  } catch (const InvalidArgument&) {
    return 2;
  }
  const Matrix X = blobs(1500, 37, 27, 12);
  const std::vector<std::int32_t> labels = reference(X, X.topRows(27), 25).labels;
  const bool same = cluster(X, X.topRows(27), Assignment::all_distances).labels == labels &&
                    cluster(X, X.topRows(27), Assignment::bounds).labels == labels;
  return same ? 1 : 0;
}

TEST(LloydDeathTest, EachInstructionLevelGivesTheSameLabels) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto good = [](int status) {
    return WIFEXITED(status) && (WEXITSTATUS(status) == 1 || WEXITSTATUS(status) == 2);
  };
  for (const char* level : {"baseline", "x86-64-v3", "x86-64-v4"}) {
    EXPECT_EXIT(std::_Exit(labels_agree_at(level)), good, "") << level;
  }
}

}  // namespace
}  // namespace lathe
