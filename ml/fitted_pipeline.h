// A pipeline fitted on a Table: the binding of columns by name, the contract and the model. This is
// what is saved, inspected and served.
//
//   FittedPipeline fitted = fit(make_estimator("standard_scaler | ridge"), table, {.target = "y"});
//   Prediction p = fitted.predict(new_rows);
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "lathe/datasets/table.h"
#include "lathe/ml/contract.h"
#include "lathe/ml/core/estimator.h"

namespace lathe {

struct FitOptions {
  std::vector<std::string> targets;  // names; empty for clusterers and transformers
  std::string weight;                // column of sample weights, not an input; empty: none
  std::vector<std::string> drop;     // columns that are not inputs
  std::uint64_t seed = 0;
};

// A table made ready for an estimator: what both fit and cross-validation see.
struct TrainingData {
  Estimator pipeline;                           // with the default columns(...) where one was added
  Schema inputs;                                // of X
  Matrix X;                                     // codes of categories, NaN = missing
  std::variant<std::monostate, Matrix, Labels> y;
  std::vector<double> weight;                   // empty: none
  std::vector<std::string> notes;               // what was decided for the user, one sentence each

  Target target() const;  // points into this
};

// Text columns with no step that takes categories get the documented default
//   columns(numeric: simple_imputer, categorical: simple_imputer(strategy=most_frequent) |
//           one_hot_encoder(handle_unknown=ignore)) | <pipeline>
// and a note says so. Throws NotFound for a column that is not there (naming the nearest), and
// InvalidArgument for a target of the wrong kind or with missing cells.
TrainingData prepare(const Estimator& pipeline, const Table& table, const FitOptions& options);

struct Prediction {
  // Numbers (n x outputs), labels, or cluster numbers; transformed columns are numbers.
  std::variant<Matrix, Labels, std::vector<std::int64_t>> values;
  Matrix proba;  // classifiers, when asked for: n x classes
};

class FittedPipeline {
 public:
  // Throws CorruptData when the two do not fit together.
  FittedPipeline(Contract contract, ModelPtr model);

  const Contract& contract() const { return contract_; }
  const ModelPtr& model() const { return model_; }

  // The table's columns by name, in the model's order; levels that training did not see become
  // unknown_category. Extra columns are ignored and named in `notes`; a missing one is NotFound, one
  // of the wrong kind InvalidArgument.
  Matrix bind(const Table& table, std::vector<std::string>* notes = nullptr) const;

  Prediction predict(const Table& table, bool proba = false,
                     std::vector<std::string>* notes = nullptr) const;
  Prediction predict(const MatrixView& bound, bool proba = false) const;

  void set_scores(std::vector<CrossValidationScore> scores) { contract_.scores = std::move(scores); }

 private:
  Contract contract_;
  ModelPtr model_;
};

FittedPipeline fit(const Estimator& pipeline, const Table& table, const FitOptions& options,
                   std::vector<std::string>* notes = nullptr);
FittedPipeline fit(const TrainingData& data, const FitOptions& options);

}  // namespace lathe
