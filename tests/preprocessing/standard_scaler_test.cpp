#include "lathe/preprocessing/standard_scaler.h"

#include "tests/preprocessing/support.h"

namespace lathe {
namespace {

TEST(StandardScaler, GivesMeanZeroAndVarianceOne) {
  const Matrix X{{1.0, 10.0}, {3.0, 30.0}};
  const StandardScalerModel model = StandardScaler{}.fit(X);
  EXPECT_EQ(model.mean(), (Vector{{2.0, 20.0}}));
  EXPECT_EQ(model.variance(), (Vector{{1.0, 100.0}}));
  EXPECT_EQ(model.scale(), (Vector{{1.0, 10.0}}));
  EXPECT_EQ(model.transform(X), (Matrix{{-1.0, -1.0}, {1.0, 1.0}}));
  EXPECT_EQ(model.transform(Matrix{{2.0, 0.0}}), (Matrix{{0.0, -2.0}}));
  EXPECT_EQ(model.inverse_transform(model.transform(X)), X);
}

TEST(StandardScaler, MayOnlyShiftOrOnlyScale) {
  const Matrix X{{1.0}, {5.0}};
  const StandardScalerModel shifts = StandardScaler{.with_std = false}.fit(X);
  const StandardScalerModel scales = StandardScaler{.with_mean = false}.fit(X);
  EXPECT_EQ(shifts.transform(X), (Matrix{{-2.0}, {2.0}}));
  EXPECT_EQ(scales.transform(X), (Matrix{{0.5}, {2.5}}));
  EXPECT_EQ(shifts.inverse_transform(shifts.transform(X)), X);
  EXPECT_EQ(scales.inverse_transform(scales.transform(X)), X);
}

TEST(StandardScaler, KeepsMissingCellsAndLeavesThemOut) {
  const Matrix X{{1.0}, {missing}, {3.0}};
  const StandardScalerModel model = StandardScaler{}.fit(X);
  EXPECT_EQ(model.n_samples_seen(), Vector{{2.0}});
  expect_same(model.transform(X), Matrix{{-1.0}, {missing}, {1.0}});
}

TEST(StandardScaler, OnlyShiftsConstantColumns) {
  const Matrix X{{7.0, 0.3}, {7.0, 0.1 + 0.2}, {7.0, 0.3}};  // the second but for rounding
  const StandardScalerModel model = StandardScaler{}.fit(X);
  EXPECT_EQ(model.scale(), (Vector{{1.0, 1.0}}));
  EXPECT_EQ(model.transform(X).col(0), Vector::Zero(3));
  EXPECT_NEAR(model.transform(X)(1, 1), 0.0, 1e-15);
}

TEST(StandardScaler, ScalesColumnsFarFromZeroAndOfAnySize) {
  Matrix X(7000, 3);
  for (Index i = 0; i < X.rows(); ++i) {
    X(i, 0) = 1e15 + static_cast<double>(i % 7);
    X(i, 1) = i % 2 == 0 ? 1e-300 : 3e-300;
    X(i, 2) = i % 2 == 0 ? -1e300 : 1e300;
  }
  const StandardScalerModel model = StandardScaler{}.fit(X);
  EXPECT_EQ(model.scale()[0], 2.0);
  const Matrix Z = model.transform(X);
  EXPECT_EQ(Z(6, 0), 1.5);
  EXPECT_NEAR(Z(0, 1), -1.0, 1e-15);
  EXPECT_NEAR(Z(1, 1), 1.0, 1e-15);
  EXPECT_NEAR(Z(0, 2), -1.0, 1e-15);
}

TEST(StandardScaler, ScalesColumnsWhoseDifferencesLeaveTheRangeOfDoubles) {
  const Matrix X{{1.7e308, 1.0}, {-1.7e308, 2.0}, {-1.7e308, 4.0}};
  const StandardScalerModel model = StandardScaler{}.fit(X);
  const Matrix Z = model.transform(X);
  EXPECT_NEAR(Z(0, 0), std::sqrt(2.0), 1e-15);
  EXPECT_NEAR(Z(1, 0), -std::sqrt(0.5), 1e-15);
  expect_same(reloaded(model).transform(X), Z);
  Matrix rows(3, 2);
  model.rows_into(X.data(), 3, 2, rows.data(), 2);
  expect_same(rows, Z);
  EXPECT_TRUE(model.inverse_transform(Z).isApprox(X, 1e-15));

  EXPECT_EQ(
      refusal([&] { StandardScaler{.with_std = false}.fit(X); }),
      "G002: standard_scaler: column 0 goes from -1.7e+308 to 1.7e+308, too far from its mean "
      "for a double to hold the difference");
  EXPECT_EQ(StandardScaler{.with_mean = false}.fit(X).transform(X)(2, 1), 4.0 / model.scale()[1]);
}

TEST(StandardScaler, LeavesColumnsWithoutACellAsTheyAre) {
  const StandardScalerModel model = StandardScaler{}.fit(Matrix{{missing, 1.0}, {missing, 2.0}});
  EXPECT_EQ(model.transform(Matrix{{4.0, 1.5}}), (Matrix{{4.0, 0.0}}));
  ASSERT_EQ(model.warnings().size(), 1u);
  EXPECT_EQ(model.warnings()[0],
            "column 0 holds only missing values in training; it is left as it is");
}

TEST(StandardScaler, WeightsCountRows) {
  const std::vector<double> weight{3.0, 1.0};
  const StandardScalerModel model = StandardScaler{}.fit(Matrix{{0.0}, {4.0}}, {.weight = weight});
  EXPECT_EQ(model.mean(), Vector{{1.0}});
  EXPECT_EQ(model.variance(), Vector{{3.0}});
  EXPECT_EQ(model.n_samples_seen(), Vector{{4.0}});
}

TEST(StandardScaler, KeepsItsBitsWhenSaved) {
  const Matrix X{{0.1, 1.0}, {0.7, 2.0}, {missing, 2.5}};
  for (const StandardScaler& options :
       {StandardScaler{}, StandardScaler{.with_mean = false}, StandardScaler{.with_std = false}}) {
    const StandardScalerModel model = options.fit(X);
    expect_same(reloaded(model).transform(X), model.transform(X));
    expect_hardened(model, X);
  }
}

TEST(StandardScaler, RefusesWhatItCannotScale) {
  const Schema schema{{categorical("sex", {"f", "m"})}};
  const StandardScaler scaler;
  EXPECT_EQ(refusal([&] {
              scaler.fit(Matrix{{0.0}, {1.0}}, {.columns = &schema});
            }),
            "X005: standard_scaler: column \"sex\" is categorical, and it takes numbers only");
  EXPECT_EQ(refusal([&] { scaler.fit(Matrix{{1.0}, {infinity}}); }).substr(0, 4), "X003");
  EXPECT_EQ(refusal([&] { scaler.fit(Matrix(0, 2)); }).substr(0, 4), "X001");
  const StandardScalerModel model = scaler.fit(Matrix{{1.0}, {2.0}});
  EXPECT_EQ(refusal([&] { model.transform(Matrix{{1.0, 2.0}}); }).substr(0, 4), "X006");
  EXPECT_EQ(refusal([&] { model.inverse_transform(Matrix{{1.0, 2.0}}); }).substr(0, 4), "X006");
}

TEST(StandardScaler, NamesTheRowOfTheWholeMatrix) {
  const StandardScalerModel model = StandardScaler{}.fit(Matrix{{1.0}, {2.0}});
  Matrix X = Matrix::Ones(20000, 1);
  X(12345, 0) = infinity;
  EXPECT_EQ(refusal([&] { model.transform(X); }),
            "X003: standard_scaler: X holds an infinite number in row 12345, column 0");
}

TEST(StandardScaler, ListsScikitLearnsAttributes) {
  const auto attributes = StandardScaler{}.fit(Matrix{{1.0}, {3.0}}).attributes();
  ASSERT_EQ(attributes.size(), 4u);
  EXPECT_EQ(attributes[0].name, "mean");
  EXPECT_EQ(std::get<Matrix>(attributes[0].value), (Matrix{{2.0}}));
  EXPECT_EQ(attributes[1].name, "var");
  EXPECT_EQ(attributes[2].name, "scale");
  EXPECT_EQ(attributes[3].name, "n_samples_seen");
}

}  // namespace
}  // namespace lathe
