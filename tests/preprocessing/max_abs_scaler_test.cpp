#include "lathe/preprocessing/max_abs_scaler.h"

#include "tests/preprocessing/support.h"

namespace lathe {
namespace {

TEST(MaxAbsScaler, DividesEachColumnByItsLargestAbsoluteValue) {
  const Matrix X{{1.0, -8.0}, {-4.0, 2.0}, {2.0, 4.0}};
  const MaxAbsScalerModel model = MaxAbsScaler{}.fit(X);
  EXPECT_EQ(model.max_abs(), (Vector{{4.0, 8.0}}));
  EXPECT_EQ(model.scale(), (Vector{{4.0, 8.0}}));
  EXPECT_EQ(model.n_samples_seen(), 3);
  EXPECT_EQ(model.transform(X), (Matrix{{0.25, -1.0}, {-1.0, 0.25}, {0.5, 0.5}}));
  EXPECT_EQ(model.inverse_transform(model.transform(X)), X);
}

TEST(MaxAbsScaler, LeavesAColumnOfZerosAsItIs) {
  const MaxAbsScalerModel model = MaxAbsScaler{}.fit(Matrix{{0.0}, {0.0}});
  EXPECT_EQ(model.max_abs()[0], 0.0);
  EXPECT_EQ(model.scale()[0], 1.0);
  EXPECT_EQ(model.transform(Matrix{{3.0}}), (Matrix{{3.0}}));
}

TEST(MaxAbsScaler, IsExactAtTheEndsOfTheRangeOfDoubles) {
  const Matrix X{{1.5e308, 1e-308}, {-0.75e308, 2e-308}};
  EXPECT_EQ(MaxAbsScaler{}.fit(X).transform(X), (Matrix{{1.0, 0.5}, {-0.5, 1.0}}));
}

TEST(MaxAbsScaler, LeavesMissingCellsOut) {
  const Matrix X{{missing, missing}, {-2.0, missing}, {1.0, missing}};
  const MaxAbsScalerModel model = MaxAbsScaler{}.fit(X);
  expect_same(model.transform(X), Matrix{{missing, missing}, {-1.0, missing}, {0.5, missing}});
  EXPECT_EQ(model.warnings(),
            Names{"column 1 holds only missing values in training; it is left as it is"});
}

// sklearn.preprocessing.MaxAbsScaler's own documentation has this example.
TEST(MaxAbsScaler, MatchesTheReference) {
  const Matrix X{{1.0, -1.0, 2.0}, {2.0, 0.0, 0.0}, {0.0, 1.0, -1.0}};
  EXPECT_EQ(MaxAbsScaler{}.fit(X).transform(X),
            (Matrix{{0.5, -1.0, 1.0}, {1.0, 0.0, 0.0}, {0.0, 1.0, -0.5}}));
}

TEST(MaxAbsScaler, KeepsItsBitsWhenSaved) {
  const Matrix X{{0.1, 1.0}, {0.7, 2.0}, {missing, 2.5}};
  const MaxAbsScalerModel model = MaxAbsScaler{}.fit(X);
  expect_same(reloaded(model).transform(X), model.transform(X));
  expect_hardened(model, X);
}

TEST(MaxAbsScaler, RefusesInfinity) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_NE(refusal([&] {
              MaxAbsScaler{}.fit(Matrix{{1.0}, {infinity}});
            }).find("max_abs_scaler"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe
