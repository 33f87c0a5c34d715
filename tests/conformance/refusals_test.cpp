// What every estimator and model refuses, and that it names what it refuses.
#include <cmath>
#include <functional>
#include <limits>

#include <gmock/gmock.h>

#include "lathe/ml/core/error.h"

#include "tests/conformance/cases.h"

namespace lathe::conformance {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// The message of the refusal, or what happened instead. Anything but an Error fails the test.
std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return "refused: " + std::string(error.what());
  } catch (const NotSupported& error) {
    return "refused: " + std::string(error.what());
  } catch (const NotFound& error) {
    return "refused: " + std::string(error.what());
  }
  return "accepted";
}

const auto is_refusal = testing::StartsWith("refused: ");

void select_target(TrainingData& d, const std::vector<Index>& rows) {
  if (auto* numbers = std::get_if<Matrix>(&d.y)) *numbers = Matrix((*numbers)(rows, Eigen::all));
  if (auto* labels = std::get_if<Labels>(&d.y)) *labels = labels->select(rows);
}

class Refusals : public Conformance {
 protected:
  TrainingData data() const { return training(GetParam(), 40); }
  std::string fit(const TrainingData& d) const {
    return refusal([&] { fit_model(d); });
  }
};

TEST_P(Refusals, FitNamesInfiniteCells) {
  for (const double bad : {infinity, -infinity}) {
    TrainingData d = data();
    d.X(7, 0) = bad;
    EXPECT_THAT(fit(d), testing::AllOf(is_refusal, HasSubstr("infinite"), HasSubstr("row 7"),
                                       AnyOf(HasSubstr("\"a\""), HasSubstr("column 0"))));
  }
}

TEST_P(Refusals, FitNamesMissingCellsWhereItTakesNone) {
  TrainingData d = data();
  if (d.pipeline.tags().missing) return;
  d.X(7, 0) = not_a_number;
  EXPECT_THAT(fit(d), testing::AllOf(is_refusal, HasSubstr("row 7"), HasSubstr("a")));
}

TEST_P(Refusals, FitRefusesCategoriesWhereItTakesNone) {
  TrainingData d = data();
  if (d.pipeline.tags().categorical) return;
  d.X.col(0).setZero();
  d.inputs.columns[0] = {"a", ColumnKind::categorical, {"only"}};
  EXPECT_THAT(fit(d), testing::AllOf(is_refusal, HasSubstr("a")));
}

TEST_P(Refusals, FitRefusesNoRowsAndNoColumns) {
  for (const auto& [rows, cols] : {std::pair<Index, Index>{0, 5}, {5, 0}, {0, 0}}) {
    TrainingData d = data();
    const Schema schema = numeric_schema(cols);
    select_target(d, std::vector<Index>(static_cast<std::size_t>(rows)));
    d.X = Matrix::Zero(rows, cols);
    d.inputs = schema;
    EXPECT_THAT(fit(d), is_refusal) << rows << " x " << cols;
  }
}

TEST_P(Refusals, OneRowIsRefusedOrEnough) {
  TrainingData d = data();
  const Matrix row = d.X.topRows(1);
  d.X = row;
  select_target(d, {0});
  Matrix predicted;
  const std::string outcome = refusal([&] { predicted = answers(*fit_model(d), row); });
  if (outcome == "accepted") {
    EXPECT_TRUE(d.pipeline.tags().missing || predicted.allFinite()) << predicted;
  } else {
    EXPECT_THAT(outcome, is_refusal);
  }
  if (d.pipeline.role() == Role::classifier) {
    EXPECT_THAT(outcome, is_refusal);
  }
}

TEST_P(Refusals, FitRefusesATargetOfAnotherLength) {
  TrainingData d = data();
  if (d.target().empty()) return;
  select_target(d, std::vector<Index>(39));
  EXPECT_THAT(fit(d), testing::AllOf(is_refusal, HasSubstr("39"), HasSubstr("40")));
}

TEST_P(Refusals, FitRefusesATargetOfAnotherKind) {
  TrainingData d = data();
  const Role role = d.pipeline.role();
  if (role == Role::regressor) {
    d.y = Labels(std::vector<std::int32_t>(40), Classes(std::vector<std::string>{"only"}));
    EXPECT_THAT(fit(d), is_refusal);
    d.y = Matrix(Matrix::Constant(40, 1, not_a_number));
    EXPECT_THAT(fit(d), is_refusal);
    d.y = Matrix(Matrix::Constant(40, 1, infinity));
    EXPECT_THAT(fit(d), is_refusal);
  } else if (role == Role::classifier) {
    d.y = Matrix(Matrix::Constant(40, 1, 0.5));
    EXPECT_THAT(fit(d), testing::AllOf(is_refusal, HasSubstr("0.5")));
    d.y = Matrix(Matrix::Zero(40, 2));
    EXPECT_THAT(fit(d), is_refusal);
    d.y = Labels(std::vector<std::int32_t>(40), Classes(std::vector<std::string>{"only"}));
    EXPECT_THAT(fit(d), is_refusal);
  } else {
    return;
  }
  d.y = std::monostate();
  EXPECT_THAT(fit(d), testing::AllOf(is_refusal, HasSubstr("target")));
}

TEST_P(Refusals, FitRefusesSeveralTargetsUnlessItTakesThem) {
  TrainingData d = data();
  if (d.pipeline.role() != Role::regressor) return;
  d.y = Matrix(Matrix::Random(40, 2));
  EXPECT_THAT(fit(d), d.pipeline.tags().multi_target ? testing::Matcher<std::string>("accepted")
                                                     : testing::Matcher<std::string>(is_refusal));
}

TEST_P(Refusals, FitRefusesWeightsThatCannotBe) {
  TrainingData d = data();
  d.weight.assign(40, 1.0);
  if (!d.pipeline.tags().weights) {
    EXPECT_THAT(fit(d), testing::AllOf(is_refusal, HasSubstr("weight")));
    return;
  }
  EXPECT_EQ(fit(d), "accepted");
  for (const double bad : {-1.0, not_a_number, infinity}) {
    d.weight[5] = bad;
    EXPECT_THAT(fit(d), testing::AllOf(is_refusal, HasSubstr("weight"), HasSubstr("5"))) << bad;
  }
  d.weight.assign(40, 0.0);
  EXPECT_THAT(fit(d), testing::AllOf(is_refusal, HasSubstr("weight")));
  d.weight.assign(39, 1.0);
  EXPECT_THAT(fit(d), testing::AllOf(is_refusal, HasSubstr("39"), HasSubstr("40")));
}

TEST_P(Refusals, PredictRefusesAnotherWidth) {
  const TrainingData d = data();
  const ModelPtr model = fit_model(d);
  for (const Index cols : {d.X.cols() - 1, d.X.cols() + 1, Index{0}}) {
    EXPECT_THAT(refusal([&] { answers(*model, Matrix::Zero(3, cols)); }),
                testing::AllOf(is_refusal, HasSubstr(std::to_string(cols)),
                               HasSubstr(std::to_string(d.X.cols()))));
    EXPECT_THAT(refusal([&] { answers(*model, Matrix::Zero(0, cols)); }), is_refusal);
  }
}

TEST_P(Refusals, PredictRefusesAPlaceOfAnotherShape) {
  const TrainingData d = data();
  const ModelPtr model = fit_model(d);
  Matrix out(d.X.rows(), model->n_outputs() + 1);
  EXPECT_THAT(refusal([&] { model->predict_into(d.X, out); }), is_refusal);
  out.resize(d.X.rows() + 1, model->n_outputs());
  EXPECT_THAT(refusal([&] { model->predict_into(d.X, out); }), is_refusal);
}

TEST_P(Refusals, PredictRefusesInfiniteCells) {
  const TrainingData d = data();
  const ModelPtr model = fit_model(d);
  if (model->n_outputs() == 0) return;  // nothing comes of any cell
  for (const double bad : {infinity, -infinity}) {
    Matrix X = d.X;
    X(7, 0) = bad;
    EXPECT_THAT(refusal([&] { answers(*model, X); }), is_refusal);
  }
}

TEST_P(Refusals, PredictRefusesMissingCellsWhereItTakesNone) {
  const TrainingData d = data();
  if (d.pipeline.tags().missing) return;
  const ModelPtr model = fit_model(d);
  Matrix X = d.X;
  X(7, 0) = not_a_number;
  EXPECT_THAT(refusal([&] { answers(*model, X); }), is_refusal);
}

TEST_P(Refusals, BindNamesEveryMissingColumn) {
  const FittedPipeline fitted = fit_table(GetParam(), 40);
  const Table table = make_table(GetParam().data, 3).drop("a").drop("b");
  EXPECT_THAT(refusal([&] { fitted.predict(table); }),
              testing::AllOf(is_refusal, HasSubstr("\"a\""), HasSubstr("\"b\"")));
}

INSTANTIATE_TEST_SUITE_P(All, Refusals, testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace lathe::conformance
