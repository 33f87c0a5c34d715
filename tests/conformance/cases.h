// What the conformance suite runs on: every estimator of the registry in a few configurations, and
// small tables to fit them to.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "lathe/ml/fitted_pipeline.h"

namespace lathe::conformance {

enum class Data {
  numbers,     // five numeric columns
  missing,     // the same with holes
  mixed,       // two numeric and two categorical columns, with holes
  categories,  // the same, the numbers being few and whole
};

// What leaves the predictions as they are, by the mathematics of a configuration.
struct Invariances {
  bool shift = false;       // adding a constant to a column
  bool scale = false;       // multiplying a column by a constant
  bool duplicate = false;   // a column that is there twice
  bool constant = false;    // one more column, of one value
  bool repetition = false;  // rows repeated as often as their weight says
};

struct Case {
  std::string_view text;  // of an estimator or pipeline
  Data data = Data::numbers;
  Invariances same = {};
  std::string_view target = {};  // none: the usual one of the role
};

std::ostream& operator<<(std::ostream& out, const Case& c);
const std::vector<Case>& cases();

// Columns a..e, or a, b, colour, size; targets y and y2 (numbers), kind (three texts) and flag (two
// integers); w: whole weights from 0 to 3. Cells are multiples of 2^-20 below 2^10.
Table make_table(Data data, Index rows);

// The case's estimator and its share of a table.
Estimator estimator_of(const Case& c);
FitOptions fit_options(const Case& c);
TrainingData training(const Case& c, Index rows);
TrainingData training(const Case& c, const Table& table);

ModelPtr fit_model(const TrainingData& data);
FittedPipeline fit_table(const Case& c, Index rows);

// Predictions, and probabilities beside them: n x (outputs + classes).
Matrix answers(const Model& model, const MatrixView& X);
bool same_bits(const MatrixView& a, const MatrixView& b);
// The largest difference, divided by the largest size in `b` (by 1 if that is less).
double difference(const MatrixView& a, const MatrixView& b);
std::string state_bytes(const ModelPtr& model);

class Conformance : public testing::TestWithParam<Case> {};
std::string case_name(const testing::TestParamInfo<Case>& info);

}  // namespace lathe::conformance
