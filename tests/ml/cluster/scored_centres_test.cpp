#include "lathe/ml/cluster/scored_centres.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "lathe/ml/cluster/lloyd.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/random.h"

namespace lathe {
namespace {

struct Data {
  Matrix X;
  Matrix centres;
};

// Rows about the centres, one in three halfway between two of them but for rounding or a little.
Data between_centres(Index n, Index d, Index k, std::uint64_t seed) {
  Random random(seed, "scored_centres_test");
  Data data{Matrix(n, d), Matrix(k, d)};
  for (double& c : data.centres.reshaped()) c = 6.0 * random.uniform();
  const auto any = [&] { return static_cast<Index>(random.below(static_cast<std::uint64_t>(k))); };
  for (Index i = 0; i < n; ++i) {
    data.X.row(i) = data.centres.row(any());
    if (i % 3 == 0) {
      const double share = i % 2 == 0 ? 0.5 : 0.5 + 1e-4 * random.normal();
      data.X.row(i) += share * (data.centres.row(any()) - data.X.row(i));
    } else {
      for (Index j = 0; j < d; ++j) data.X(i, j) += random.normal();
    }
  }
  return data;
}

// The share of rows whose label is told, each of which is the right one, within its bounds.
double told(const Data& data, bool bounded = true) {
  const auto& [X, centres] = data;
  const MatrixView view(X);
  const ClusterRows rows(view, {});
  ScoredCentres scored(rows, centres.rows(), bounded);
  scored.pack(centres);
  std::vector<double> work(static_cast<std::size_t>(scored.work_size()));
  constexpr Index piece = ScoredCentres::piece;
  Vector kept(piece * kernels::kept_numbers(X.cols()) / 2);  // two in the place of a double
  Index found = 0;
  for (Index begin = 0; begin < X.rows(); begin += piece) {
    const Index n = std::min(piece, X.rows() - begin);
    std::vector<const double*> at;
    for (Index i = 0; i < n; ++i) at.push_back(&X(begin + i, 0));
    std::vector<std::int32_t> plain(piece);
    std::vector<std::int32_t> label(piece);
    std::vector<double> bounds(2 * piece);
    scored.nearest(at.data(), n, 0, work.data(), plain.data());
    scored.nearest(at.data(), n, 0, work.data(), label.data(), bounds.data());
    for (const bool known : {false, true}) {
      std::vector<std::int32_t> again(piece);
      std::vector<double> again_bounds(2 * piece);
      scored.nearest(at.data(), n, 0, work.data(), again.data(), again_bounds.data(),
                     {reinterpret_cast<std::int32_t*>(kept.data()), known});
      EXPECT_EQ(again, label);
      EXPECT_EQ(again_bounds, bounds);
    }
    for (Index i = 0; i < n; ++i) {
      const auto r = static_cast<std::size_t>(i);
      const Index nearest = nearest_centre(at[r], centres).index;
      EXPECT_TRUE(plain[r] < 0 || plain[r] == nearest) << "row " << begin + i;
      if (label[r] < 0) continue;
      ++found;
      EXPECT_EQ(label[r], nearest) << "row " << begin + i;
      for (Index c = 0; c < centres.rows(); ++c) {
        const double squared = kernels::squared_distance(at[r], &centres(c, 0), X.cols());
        if (c == nearest) {
          EXPECT_GE(bounds[2 * r] * (1.0 + 1e-12), squared) << "row " << begin + i;
        } else {
          EXPECT_LE(bounds[2 * r + 1], squared * (1.0 + 1e-12)) << "row " << begin + i;
        }
      }
    }
  }
  return static_cast<double>(found) / static_cast<double>(X.rows());
}

class ScoredShapes : public testing::TestWithParam<std::tuple<Index, Index>> {};

TEST_P(ScoredShapes, LabelsAreTheNearestAndBoundsHold) {
  const auto [d, k] = GetParam();
  const Data data = between_centres(500, d, k, 1);
  // Rough scores ask the two centres that are in doubt; floats and doubles leave ties open.
  const double share = d >= 16 ? 0.95 : 0.6;
  EXPECT_GT(told(data), share);
  EXPECT_GT(told(data, false), share);
  for (const double scale : {1e-130, 1e-30, 1e30, 1e130}) {
    EXPECT_GT(told({data.X * scale, data.centres * scale}), share) << scale;
  }
  told({data.X.array() + 1e9, data.centres.array() + 1e9});
  told({data.X.array() + 1e15, data.centres.array() + 1e15});
}

// Whole and broken tiles of centres and of columns, on both sides of where rough scores begin.
INSTANTIATE_TEST_SUITE_P(All, ScoredShapes,
                         testing::Combine(testing::Values(3, 15, 16, 17, 23, 24, 33, 64, 71, 130),
                                          testing::Values(1, 2, 3, 8, 10, 41)));

// Rough scores go by the lengths of a sample of rows; one whose length it does not know is in
// doubt.
TEST(ScoredCentres, RowsLongerThanAllOfTheSample) {
  for (const double longer : {1.1, 1.3, 2.0, 7.0, 40.0, 1e3, 1e6}) {
    Data data = between_centres(4000, 130, 10, 4);
    for (Index i = 7; i < 4000; i += 4000 / 256) data.X.row(i) *= longer;
    EXPECT_GT(told(data), longer < 1e3 ? 0.9 : 0.6) << longer;
    data.X.row(8).setConstant(longer);
    data.centres.row(4) = data.X.row(8);
    told(data);
  }
}

TEST(ScoredCentres, CentresFarOutsideTheDataOrAtOnePlace) {
  Data data = between_centres(400, 20, 12, 2);
  data.centres.row(3) = data.centres.row(9);
  data.centres.row(5) = data.centres.row(9);
  told(data);
  for (const double far : {1e3, 1e6, 1e100}) {
    data.centres.row(4).setConstant(far);
    told(data);
  }
  data.centres.rowwise() = data.X.colwise().mean();
  told(data);
}

TEST(ScoredCentres, ColumnsOfOtherScalesAndRowsFarAway) {
  Data data = between_centres(400, 32, 12, 3);
  for (Index j = 0; j < 32; ++j) {
    const double scale = std::pow(10.0, static_cast<double>(j % 9) - 4.0);
    data.X.col(j) *= scale;
    data.centres.col(j) *= scale;
  }
  told(data);
  data.X.row(17) *= 1e8;
  told(data);
  data.X.col(8).setConstant(0x1p80);
  data.centres.col(8).setConstant(0x1p80);
  told(data);
}

}  // namespace
}  // namespace lathe
