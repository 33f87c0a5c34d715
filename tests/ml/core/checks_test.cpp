#include "lathe/ml/core/checks.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/ml/core/support.h"
#include "tests/ml/core/toys.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double huge = std::numeric_limits<double>::max();

const Matrix X{{1.0, 2.0}, {3.0, 4.0}, {5.0, 6.0}};

std::string data_refusal(const MatrixView& data, const Tags& tags = {},
                         const Context& context = {}) {
  return thrown<Error>([&] { check_fit_data("toy", tags, data, context); });
}

Matrix with(Index row, Index column, double value) {
  Matrix changed = X;
  changed(row, column) = value;
  return changed;
}

TEST(CheckFitData, PassesFiniteNumbers) {
  EXPECT_EQ(data_refusal(X), "");
  EXPECT_EQ(data_refusal(Matrix{{huge, -huge}, {huge, huge}}), "");
  EXPECT_EQ(data_refusal(Matrix{{-0.0, 5e-324}}), "");
}

TEST(CheckFitData, RefusesEmptyMatrices) {
  EXPECT_EQ(data_refusal(Matrix(0, 2)),
            "X001 toy: X is empty (0 x 2) | a fit needs at least one row and one column");
  EXPECT_THAT(data_refusal(Matrix(3, 0)), StartsWith("X001 toy: X is empty (3 x 0)"));
}

TEST(CheckFitData, NamesTheFirstMissingCell) {
  EXPECT_EQ(
      data_refusal(with(1, 1, nan)),
      "X002 toy: X holds a missing value (NaN) in row 1, column 1 | put simple_imputer before "
      "it, or drop the rows with missing values");
  Matrix several = with(2, 0, nan);
  several(1, 1) = -nan;
  several(2, 1) = nan;
  EXPECT_THAT(data_refusal(several), HasSubstr("in row 1, column 1 (and 2 more like it)"));
}

TEST(CheckFitData, CountsBadCellsOverAllBlocksOfALargeMatrix) {
  Matrix large = Matrix::Zero(100000, 5);
  for (const Index row : {31000, 31001, 77000, 99999}) large(row, row % 5) = nan;
  EXPECT_THAT(data_refusal(large), HasSubstr("in row 31000, column 0 (and 3 more like it)"));
  large(99998, 3) = infinity;
  EXPECT_THAT(data_refusal(large), StartsWith("X003 toy: X holds an infinite number in row 99998"));
  EXPECT_THAT(data_refusal(large.leftCols(2)), HasSubstr("row 31000, column 0 (and 2 more"));
}

TEST(CheckFitData, NamesTheFirstInfiniteCell) {
  EXPECT_EQ(
      data_refusal(with(2, 0, -infinity)),
      "X003 toy: X holds an infinite number in row 2, column 0 | drop the row, or replace the "
      "number");
  Matrix both = with(0, 0, nan);
  both(2, 1) = infinity;
  EXPECT_THAT(data_refusal(both), StartsWith("X003"));  // which no imputer cures
}

TEST(CheckFitData, LetsMissingValuesPassWhereTheTagsDo) {
  EXPECT_EQ(data_refusal(with(1, 1, nan), {.missing = true}), "");
  Matrix both = with(1, 0, nan);
  both(1, 1) = infinity;
  EXPECT_THAT(data_refusal(both, {.missing = true}), HasSubstr("row 1, column 1"));
}

TEST(CheckFitData, FindsABadCellWhereverItIs) {
  for (const Index cols : {1, 2, 3, 7, 8, 9, 16, 31}) {
    for (Index at = 0; at < 3 * cols; ++at) {
      for (const double bad : {nan, -nan, infinity, -infinity}) {
        Matrix data = Matrix::Constant(3, cols, huge);
        data.data()[at] = bad;
        const std::string place =
            "row " + std::to_string(at / cols) + ", column " + std::to_string(at % cols) + " |";
        ASSERT_THAT(data_refusal(data), HasSubstr(place)) << cols;
      }
    }
  }
}

TEST(CheckFitData, LooksAtTheBlockThatIsGivenOnly) {
  Matrix wide = Matrix::Constant(4, 5, nan);
  wide.block(1, 1, 2, 3).setOnes();
  EXPECT_EQ(data_refusal(wide.block(1, 1, 2, 3)), "");
  EXPECT_THAT(data_refusal(wide.block(1, 1, 2, 4)), HasSubstr("row 0, column 3 (and 1 more"));
  Eigen::MatrixXd upright = X;  // column-major: seen through a copy
  upright(2, 1) = nan;
  EXPECT_THAT(data_refusal(upright), HasSubstr("row 2, column 1"));
  EXPECT_THAT(data_refusal(wide.col(0)), HasSubstr("row 0, column 0 (and 3 more"));
}

TEST(CheckFitData, NamesColumnsByTheSchema) {
  const Schema schema{{{"age", {}, {}}, {"fare", {}, {}}}};
  EXPECT_THAT(data_refusal(with(1, 1, nan), {}, {.columns = &schema}),
              HasSubstr("in row 1, column \"fare\""));
}

TEST(CheckFitData, RefusesASchemaOfAnotherWidth) {
  const Schema schema = numeric_schema(3);
  EXPECT_EQ(data_refusal(X, {}, {.columns = &schema}),
            "X004 toy: X has 2 columns, but its schema has 3 | ");
}

TEST(CheckFitData, RefusesCategoricalColumnsUnlessTheTagsTakeThem) {
  const Schema schema{{{"age", {}, {}}, {"port", ColumnKind::categorical, {"C", "Q"}}}};
  EXPECT_THAT(
      data_refusal(X, {}, {.columns = &schema}),
      AllOf(StartsWith("X005 toy: column \"port\" is categorical, and it takes numbers only"),
            HasSubstr("one_hot_encoder")));
  EXPECT_EQ(data_refusal(X, {.categorical = true}, {.columns = &schema}), "");
}

TEST(CheckFitData, RefusesWeightsThatCannotBe) {
  const auto weighted = [](std::vector<double> weight) {
    return data_refusal(X, {.weights = true}, {.weight = weight});
  };
  EXPECT_EQ(weighted({1.0, 0.0, 2.5}), "");
  EXPECT_EQ(weighted({1.0, 1.0}), "W001 toy: 2 weights for 3 rows | ");
  EXPECT_EQ(weighted({1.0, -1.0, 1.0}),
            "W002 toy: weight -1.0 in row 1, but weights are finite and >= 0 | ");
  EXPECT_THAT(weighted({1.0, 1.0, nan}), HasSubstr("weight nan in row 2"));
  EXPECT_THAT(weighted({infinity, 1.0, 1.0}), HasSubstr("weight inf in row 0"));
  EXPECT_EQ(weighted({0.0, 0.0, -0.0}), "W002 toy: all weights are zero | ");
  EXPECT_EQ(weighted({huge, huge, 0.0}), "W002 toy: the weights add up to infinity | ");
}

TEST(CheckFitData, RefusesWeightsWhereNoneAreTaken) {
  const std::vector<double> weight{1.0, 1.0, 1.0};
  EXPECT_EQ(thrown<NotSupported>([&] { check_fit_data("toy", {}, X, {.weight = weight}); }),
            "W003 toy: it takes no sample weights | ");
}

std::string target_refusal(const MatrixView& y, const Tags& tags = {}) {
  return refusal([&] { check_fit_target("toy", tags, X, y); });
}

TEST(CheckFitTarget, RefusesOtherShapes) {
  EXPECT_EQ(target_refusal(Vector{{1.0, 2.0, 3.0}}), "");
  EXPECT_EQ(target_refusal(Vector{{1.0, 2.0}}), "T006 toy: X has 3 rows, but y is 2 x 1 | ");
  EXPECT_THAT(target_refusal(Matrix(3, 0)), StartsWith("T006 toy: X has 3 rows, but y is 3 x 0"));
  EXPECT_EQ(target_refusal(X), "T004 toy: it takes one target, but y has 2 columns | ");
  EXPECT_EQ(target_refusal(X, {.multi_target = true}), "");
}

TEST(CheckFitTarget, RefusesWhatIsNotFinite) {
  EXPECT_EQ(target_refusal(Vector{{1.0, nan, 3.0}}),
            "T007 toy: y is not finite in row 1 | drop the rows without a target");
  EXPECT_THAT(target_refusal(Vector{{1.0, -infinity, nan}}),
              HasSubstr("not finite in row 1 and in other rows"));
  const Matrix wide{{nan, 1.0}, {nan, 2.0}, {nan, 3.0}};
  EXPECT_EQ(target_refusal(wide.col(1)), "");
  EXPECT_THAT(target_refusal(wide.col(0)), StartsWith("T007"));
}

TEST(CheckFitLabels, RefusesAnotherLengthAndASingleClass) {
  EXPECT_NO_THROW(check_fit_labels("toy", X, Labels{1, 1, 2}));
  EXPECT_EQ(refusal([] {
              check_fit_labels("toy", X, Labels{1, 2});
            }),
            "T006 toy: X has 3 rows, but y has 2 | ");
  EXPECT_EQ(refusal([] {
              check_fit_labels("toy", X, Labels{"a", "a", "a"});
            }),
            "T008 toy: y holds one class only ('a') | a classifier needs two");
  EXPECT_EQ(refusal([] { check_fit_labels("toy", Matrix(0, 2), Labels{}); }),
            "T008 toy: y holds no class | a classifier needs two");
  const std::vector<Index> rows{0, 0, 0};  // two in the vocabulary, one in the rows
  EXPECT_THAT(refusal([&] {
                check_fit_labels("toy", X, Labels{"a", "b"}.select(rows));
              }),
              StartsWith("T008"));
}

TEST(CheckSquarable, HoldsTheWidestRangeToWhatCanBeSquared) {
  const auto refused = [](double low, double high) {
    const Matrix data{{low, 1.0}, {high, 1.0}};
    return refusal([&] { check_squarable("toy", data); });
  };
  EXPECT_EQ(refused(0.0, 0.0), "");
  EXPECT_EQ(refused(0.0, 1e-140), "");
  EXPECT_EQ(refused(0.0, 1e140), "");
  EXPECT_EQ(refused(1e200, 1e200), "");
  EXPECT_THAT(refused(0.0, 9e-141),
              AllOf(StartsWith("X008 toy: X: its widest column ranges over 9e-141"),
                    HasSubstr("standard_scaler")));
  EXPECT_THAT(refused(-1e140, 1e140), HasSubstr("ranges over 2e+140"));
  EXPECT_THAT(refused(-huge, huge), HasSubstr("ranges over inf"));
}

TEST(CheckFit, LooksAtOptionsFirstThenAtDataThenAtTheTarget) {
  const toys::RowSum good;
  const toys::RowSum bad{.steps = 0};
  const Matrix hole = with(0, 0, nan);
  const Vector y{{1.0, nan, 1.0}};
  const Context context;
  EXPECT_THAT(refusal([&] { check_fit(bad, hole, y, context); }), StartsWith("O001"));
  EXPECT_THAT(refusal([&] { check_fit(good, hole, y, context); }), StartsWith("X002"));
  EXPECT_THAT(refusal([&] { check_fit(good, X, y, context); }), StartsWith("T007"));
  EXPECT_THAT(refusal([&] {
                check_fit(toys::Near{}, hole, Labels{1, 1, 1}, context);
              }),
              StartsWith("X002"));
  EXPECT_THAT(refusal([&] {
                check_fit(toys::Near{}, X, Labels{1, 1, 1}, context);
              }),
              StartsWith("T008"));
  EXPECT_THAT(refusal([&] { check_fit(toys::Squares{}, Matrix(0, 0), context); }),
              StartsWith("X001"));
}

TEST(CheckRows, NamesBothWidthsAndKnowsAnUprightRow) {
  EXPECT_NO_THROW(check_rows("toy", X, 2));
  EXPECT_NO_THROW(check_rows("toy", Matrix(0, 2), 2));
  EXPECT_EQ(refusal([] { check_rows("toy", X, 3); }),
            "X006 toy: X has 2 columns, but the model was fitted on 3 | ");
  EXPECT_THAT(refusal([] {
                check_rows("toy", Vector{{1.0, 2.0}}, 2);
              }),
              HasSubstr("| a Vector is a column; for one row pass x.transpose()"));
}

TEST(CheckOut, NamesBothShapes) {
  Matrix out(3, 1);
  EXPECT_NO_THROW(check_out("toy", X, out, 1));
  EXPECT_EQ(refusal([&] { check_out("toy", X, out, 2); }),
            "X007 toy: the result is 3 x 2, but there is room for 3 x 1 | ");
  Matrix short_one(2, 1);
  EXPECT_THAT(refusal([&] { check_out("toy", X, short_one, 1); }), StartsWith("X007"));
}

TEST(CheckFiniteRows, RefusesWidthNaNAndInfinity) {
  EXPECT_NO_THROW(check_finite_rows("toy", X, 2));
  EXPECT_THAT(refusal([] { check_finite_rows("toy", X, 1); }), StartsWith("X006"));
  EXPECT_THAT(refusal([] { check_finite_rows("toy", with(1, 0, nan), 2); }),
              StartsWith("X002 toy: X holds a missing value (NaN) in row 1, column 0"));
  EXPECT_THAT(refusal([] { check_finite_rows("toy", with(1, 0, infinity), 2); }),
              StartsWith("X003"));
}

TEST(CheckNoInfinity, LetsNaNPass) {
  EXPECT_NO_THROW(check_no_infinity("toy", with(1, 0, nan), 2));
  EXPECT_THAT(refusal([] { check_no_infinity("toy", X, 3); }), StartsWith("X006"));
  EXPECT_THAT(refusal([] { check_no_infinity("toy", with(1, 0, infinity), 2); }),
              StartsWith("X003"));
}

TEST(ColumnName, IsTheSchemasOrTheNumber) {
  const Schema schema{{{"age", {}, {}}}};
  EXPECT_EQ(column_name(&schema, 0), "column \"age\"");
  EXPECT_EQ(column_name(&schema, 1), "column 1");
  EXPECT_EQ(column_name(nullptr, 4), "column 4");
}

TEST(NumericSchema, NamesColumnsByNumber) {
  const Schema schema = numeric_schema(2);
  EXPECT_EQ(schema.size(), 2);
  EXPECT_EQ(schema[1], (Column{"x1", ColumnKind::numeric, {}}));
  EXPECT_EQ(numeric_schema(0).size(), 0);
}

}  // namespace
}  // namespace lathe
