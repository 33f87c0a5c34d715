#include "lathe/ml/cluster/cluster_sums.h"

#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "lathe/ml/cluster/lloyd.h"
#include "lathe/ml/core/random.h"

#include "tests/ml/cluster/blobs.h"

namespace lathe {
namespace {

Changes one_change(Index row, std::int32_t from, std::int32_t to) {
  Changes changes;
  changes.add(row, from, to);
  return changes;
}

TEST(ClusterSums, ChangesLeaveTheSumThatWouldBeMadeAnew) {
  constexpr std::int32_t k = 5;
  for (const Index cols : {7, 70, 300}) {  // long rows that go to one cluster are added together
    const Matrix X = blobs(400, cols, k, 8) * 0.1;
    const MatrixView view(X);
    const ClusterRows rows(view, {});
    Random random(9, "lloyd_test");
    std::vector<std::int32_t> labels(400, -1);
    ClusterSums changed(rows, k);
    for (int step = 0; step < 400; ++step) {
      Changes changes;
      const auto first = random.below(400 - Changes::most);
      const auto last = first + 1 + random.below(Changes::most);
      for (std::size_t i = first; i < last; ++i) {
        const auto to = static_cast<std::int32_t>(random.below(k));
        changes.add(static_cast<Index>(i), labels[i], to);
        labels[i] = to;
      }
      ClusterSums::Part(changed).change(changes);
    }
    changed.merge();
    ClusterSums anew(rows, k);
    for (Index i = 399; i >= 0; --i) {
      if (labels[static_cast<std::size_t>(i)] >= 0) {
        anew.change(one_change(i, -1, labels[static_cast<std::size_t>(i)]));
      }
    }
    for (Index c = 0; c < k; ++c) EXPECT_EQ(changed.mean(c, labels), anew.mean(c, labels));
  }
}

TEST(ClusterSums, TheMeanOfOneRowIsThatRow) {
  Matrix X = blobs(50, 4, 2, 10);
  X.col(1).array() += 1e9;
  X.col(2) *= 1e-200;
  X.col(3).setConstant(1e300);
  const MatrixView view(X);
  const ClusterRows rows(view, {});
  ClusterSums sums(rows, 1);
  sums.change(one_change(17, -1, 0));
  EXPECT_EQ(sums.mean(0, std::vector<std::int32_t>(50, -1)), X.row(17));
}

TEST(ClusterSums, InertiaFollowsFromTheSumsOrIsNotTold) {
  const Matrix near = blobs(500, 6, 4, 14);
  const std::vector<double> some{0.0, 1.0, 2.5};
  std::vector<double> weight;
  std::vector<std::int32_t> labels;
  for (Index i = 0; i < 500; ++i) {
    weight.push_back(some[static_cast<std::size_t>(i % 3)]);
    labels.push_back(static_cast<std::int32_t>(i % 4));
  }
  for (const double offset : {0.0, 3.0}) {
    const Matrix X = near.array() + offset;
    const MatrixView view(X);
    const ClusterRows rows(view, weight);
    ClusterSums sums(rows, 5);  // one stays empty
    for (Index i = 0; i < 500; ++i)
      sums.change(one_change(i, -1, labels[static_cast<std::size_t>(i)]));
    Matrix centres = X.topRows(5);
    double direct = 0.0;
    for (Index i = 0; i < 500; ++i) {
      direct += weight[static_cast<std::size_t>(i)] * (X.row(i) - centres.row(i % 4)).squaredNorm();
    }
    ASSERT_TRUE(sums.inertia(centres).has_value()) << offset;
    EXPECT_NEAR(*sums.inertia(centres), direct, 1e-12 * direct) << offset;
    centres.row(2).array() += 1e8;
    EXPECT_TRUE(sums.inertia(centres).has_value());
  }
  // Two tight groups far apart: what is left of their distance would be rounding.
  Matrix tight = near * 1e-6;
  for (Index i = 0; i < 500; i += 2) tight.row(i).array() += 1.0;
  const MatrixView view(tight);
  const ClusterRows rows(view, {});
  ClusterSums sums(rows, 2);
  for (Index i = 0; i < 500; ++i) sums.change(one_change(i, -1, static_cast<std::int32_t>(i % 2)));
  Matrix means(2, 6);
  for (Index c = 0; c < 2; ++c) means.row(c) = sums.mean(c, labels);
  EXPECT_FALSE(sums.inertia(means).has_value());
}

// The means of sorted rows are rounded beside the offset, and so much do they move the squares.

}  // namespace
}  // namespace lathe
