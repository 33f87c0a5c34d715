// Awkward columns: far from zero, tiny, huge, constant, there twice; and weights as repeated rows.
#include <cmath>
#include <functional>

#include <gmock/gmock.h>

#include "lathe/ml/core/error.h"

#include "tests/conformance/cases.h"

namespace lathe::conformance {
namespace {

constexpr Index rows = 150;
constexpr double tolerance = 1e-7;
// What rounding a coefficient of size 1 does to its product with 1e9, some ten times over.
constexpr double far_tolerance = 1e-6;

class Accuracy : public Conformance {
 protected:
  TrainingData data() const { return training(GetParam(), rows); }
  static Matrix fitted_answers(const TrainingData& d) { return answers(*fit_model(d), d.X); }

  // Where the mathematics says that nothing changes, nothing does, but for rounding. Elsewhere a
  // fit may refuse, but what it gives is finite wherever the usual columns' answers are.
  static void expect_same(const TrainingData& changed, const TrainingData& usual, bool same,
                          double allowed = tolerance) {
    if (same) {
      EXPECT_LT(difference(fitted_answers(changed), fitted_answers(usual)), allowed);
      return;
    }
    Matrix answer;
    try {
      answer = fitted_answers(changed);
    } catch (const InvalidArgument&) {
      return;
    }
    const bool holes = usual.pipeline.tags().missing && !fitted_answers(usual).allFinite();
    EXPECT_TRUE(holes || answer.allFinite());
  }

  static void each_number(TrainingData& d, const std::function<double(Index, double)>& change) {
    for (Index j = 0; j < d.X.cols(); ++j) {
      if (d.inputs[j].kind == ColumnKind::categorical) continue;
      for (Index i = 0; i < d.X.rows(); ++i) d.X(i, j) = change(j, d.X(i, j));
    }
  }
  static void append(TrainingData& d, const Vector& column) {
    d.X.conservativeResize(Eigen::NoChange, d.X.cols() + 1);
    d.X.rightCols(1) = column;
    d.inputs.columns.push_back({"appended", ColumnKind::numeric, {}});
  }
};

TEST_P(Accuracy, ColumnsFarFromZero) {
  TrainingData far = data();
  each_number(far, [](Index j, double x) { return j % 2 == 0 ? x + 1e9 : x - 1e9; });
  expect_same(far, data(), GetParam().same.shift, far_tolerance);
}

TEST_P(Accuracy, TinyAndHugeColumns) {
  for (const int exponent : {10, 100, 300}) {
    SCOPED_TRACE("columns times 2^" + std::to_string(exponent) + " and its inverse");
    TrainingData scaled = data();
    each_number(scaled, [&](Index j, double x) {
      return std::ldexp(x, j % 2 == 0 ? exponent : -exponent);
    });
    expect_same(scaled, data(), GetParam().same.scale);
  }
}

TEST_P(Accuracy, AColumnThatIsThereTwice) {
  TrainingData twice = data();
  append(twice, twice.X.col(0));
  expect_same(twice, data(), GetParam().same.duplicate);
}

TEST_P(Accuracy, AConstantColumn) {
  for (const double value : {0.0, 3.0, 0.1, 1e9}) {
    SCOPED_TRACE(value);
    TrainingData more = data();
    append(more, Vector::Constant(rows, value));
    expect_same(more, data(), GetParam().same.constant);
  }
}

TEST_P(Accuracy, NothingButConstantColumns) {
  TrainingData flat = data();
  each_number(flat, [](Index, double) { return 0.1; });
  expect_same(flat, data(), false);
}

TEST_P(Accuracy, WholeWeightsAreRepeatedRows) {
  if (!GetParam().same.repetition) return;
  const Table table = make_table(GetParam().data, rows);
  const std::span<const double> counts = table.numeric(table.column("w"));
  std::vector<Index> repeated;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    repeated.insert(repeated.end(), static_cast<std::size_t>(counts[i]), static_cast<Index>(i));
  }
  TrainingData weighted = data();
  ASSERT_TRUE(weighted.pipeline.tags().weights);
  weighted.weight.assign(counts.begin(), counts.end());
  const ModelPtr a = fit_model(weighted);
  const ModelPtr b = fit_model(training(GetParam(), table.select_rows(repeated)));
  EXPECT_LT(difference(answers(*a, weighted.X), answers(*b, weighted.X)), tolerance);
}

TEST_P(Accuracy, WeightsOfOneChangeNothing) {
  TrainingData weighted = data();
  if (!weighted.pipeline.tags().weights) return;
  weighted.weight.assign(rows, 1.0);
  EXPECT_LT(difference(fitted_answers(weighted), fitted_answers(data())), tolerance);
}

INSTANTIATE_TEST_SUITE_P(All, Accuracy, testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace lathe::conformance
