#include "lathe/preprocessing/min_max_scaler.h"

#include "tests/preprocessing/support.h"

namespace lathe {
namespace {

TEST(MinMaxScaler, MapsEachColumnToTheRange) {
  const Matrix X{{1.0, -2.0}, {3.0, 0.0}, {5.0, 6.0}};
  const MinMaxScalerModel model = MinMaxScaler{}.fit(X);
  EXPECT_EQ(model.transform(X), (Matrix{{0.0, 0.0}, {0.5, 0.25}, {1.0, 1.0}}));
  EXPECT_EQ(model.data_range(), (Vector{{4.0, 8.0}}));
  EXPECT_EQ(model.scale(), (Vector{{0.25, 0.125}}));
  EXPECT_EQ(model.min(), (Vector{{-0.25, 0.25}}));
  EXPECT_EQ(model.n_samples_seen(), 3);
  const MinMaxScalerModel wide = MinMaxScaler{.feature_range = {-1.0, 3.0}}.fit(X);
  EXPECT_EQ(wide.transform(X), (Matrix{{-1.0, -1.0}, {1.0, 0.0}, {3.0, 3.0}}));
  EXPECT_EQ(wide.inverse_transform(wide.transform(X)), X);
}

TEST(MinMaxScaler, ClipsNewRowsWhenAsked) {
  const Matrix X{{0.0}, {10.0}};
  const Matrix beyond{{-5.0}, {15.0}, {missing}};
  expect_same(MinMaxScaler{}.fit(X).transform(beyond), Matrix{{-0.5}, {1.5}, {missing}});
  expect_same(MinMaxScaler{.clip = true}.fit(X).transform(beyond), Matrix{{0.0}, {1.0}, {missing}});
}

TEST(MinMaxScaler, SendsConstantColumnsToTheLowerEnd) {
  const MinMaxScalerModel model =
      MinMaxScaler{.feature_range = {2.0, 4.0}}.fit(Matrix{{7.0}, {7.0}});
  EXPECT_EQ(model.transform(Matrix{{7.0}, {8.0}}), (Matrix{{2.0}, {4.0}}));
  EXPECT_EQ(model.inverse_transform(Matrix{{2.0}, {4.0}}), (Matrix{{7.0}, {8.0}}));
}

TEST(MinMaxScaler, IsExactFarFromZeroAndForNarrowColumns) {
  const Matrix X{{1e15, 1e-300}, {1e15 + 1.0, 2e-300}, {1e15 + 4.0, 5e-300}};
  EXPECT_TRUE(MinMaxScaler{}.fit(X).transform(X).isApprox(
      Matrix{{0.0, 0.0}, {0.25, 0.25}, {1.0, 1.0}}, 1e-15));
}

TEST(MinMaxScaler, LeavesMissingCellsOut) {
  const Matrix X{{missing, missing}, {2.0, missing}, {4.0, missing}};
  const MinMaxScalerModel model = MinMaxScaler{}.fit(X);
  expect_same(model.transform(X), Matrix{{missing, missing}, {0.0, missing}, {1.0, missing}});
  EXPECT_EQ(
      model.warnings(),
      Names{"column 1 holds only missing values in training; it is scaled as though it were 0"});
}

TEST(MinMaxScaler, KeepsItsBitsWhenSaved) {
  const Matrix X{{0.1, 1.0}, {0.7, 2.0}, {missing, 2.5}};
  const MinMaxScalerModel model = MinMaxScaler{.feature_range = {-0.1, 0.3}, .clip = true}.fit(X);
  expect_same(reloaded(model).transform(X), model.transform(X));
  expect_hardened(model, X);
}

TEST(MinMaxScaler, RefusesRangesThatAreNone) {
  const Matrix X{{1.0}, {2.0}};
  for (const std::vector<double>& range :
       {std::vector<double>{}, {1.0}, {0.0, 1.0, 2.0}, {1.0, 1.0}, {2.0, 1.0}, {-1e308, 1e308}}) {
    EXPECT_EQ(refusal([&] { MinMaxScaler{.feature_range = range}.fit(X); }).substr(0, 4), "G001");
  }
  EXPECT_EQ(refusal([&] {
              MinMaxScaler{.feature_range = {2.0, 1.0}}.fit(X);
            }),
            "G001: min_max_scaler: feature_range = [2.0, 1.0] is not [lo, hi] with lo < hi");
  EXPECT_EQ(refusal([&] {
              MinMaxScaler{.feature_range = {0.0, missing}}.fit(X);
            }).substr(0, 4),
            "O001");
  EXPECT_EQ(refusal([&] {
              MinMaxScaler{}.fit(Matrix{{-1e308}, {1e308}});
            }),
            "G002: min_max_scaler: column 0 goes from -1e+308 to 1e+308, which is wider than a "
            "double can hold");
}

}  // namespace
}  // namespace lathe
