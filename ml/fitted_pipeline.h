// A pipeline fitted on a Table: the binding of columns by name, the contract and the model. This is
// what is saved, inspected and served.
//
//   FittedPipeline fitted = fit(make_estimator("pca | ridge"), table, {.targets = {"y"}});
//   Prediction p = fitted.predict(new_rows);
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "lathe/datasets/table.h"
#include "lathe/ml/contract.h"
#include "lathe/ml/core/estimator.h"
#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/model.h"
#include "lathe/ml/core/schema.h"
#include "lathe/ml/core/target.h"
#include "lathe/ml/core/types.h"

namespace lathe {

struct FitOptions {
  std::vector<std::string> targets = {};  // names; empty for clusterers and transformers
  std::string weight = {};             // column of sample weights >= 0, not an input; empty: none
  std::vector<std::string> drop = {};  // columns that are not inputs
  std::uint64_t seed = 0;
  Index warm_rows =
      0;  // how many training rows, evenly apart, the contract keeps: Contract says why
};

// A table made ready for an estimator: what both fit and cross-validation see.
struct TrainingData {
  Estimator pipeline;  // with the default columns(...) where one was added
  Schema inputs;       // of X
  Matrix X;            // codes of categories, NaN = missing
  std::variant<std::monostate, Matrix, Labels> y;
  std::vector<double> weight;      // empty: none
  std::vector<std::string> notes;  // what was decided for the user, one sentence each

  Target target() const;  // points into this
};

// The columns that are neither target, weight nor dropped are the inputs, in the table's order. The
// role of the pipeline's last step says what the target must be: numbers for a regressor, labels
// for a classifier (one column); for the others it is optional, and of the kind its column has.
//
// Text columns with no first step that takes categories get the documented default
//   columns(numeric: simple_imputer, categorical: simple_imputer(strategy=most_frequent) |
//           one_hot_encoder(handle_unknown=ignore)) | <pipeline>
// and a note says so; a kind of column that the table has not is left out of it. Throws NotFound
// for a column that is not there (naming the nearest), and InvalidArgument for one that is asked to
// be two things, no inputs or rows, infinite cells, bad weights, and a target that is not there, of
// the wrong kind or with missing cells.
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
  // unknown_category, and a note counts them. Extra columns are ignored and named in `notes`.
  // Numbers given for categories are looked up by their text (1 is "1" or "1.0"). Missing columns
  // are NotFound, all of them with the nearest names that the table has; a column of the wrong kind
  // is InvalidArgument, naming row and cell.
  Matrix bind(const Table& table, std::vector<std::string>* notes = nullptr) const;

  // Zero rows give zero predictions. NotSupported where `proba` is asked of what is no classifier;
  // InvalidArgument for missing or infinite cells that the model does not take.
  Prediction predict(const Table& table, bool proba = false,
                     std::vector<std::string>* notes = nullptr) const;
  Prediction predict(const MatrixView& bound, bool proba = false) const;

  void set_scores(std::vector<CrossValidationScore> scores) {
    contract_.scores = std::move(scores);
  }

 private:
  Contract contract_;
  ModelPtr model_;
};

// The mean of each numeric column in training, and the first level of each category: 1 x inputs.
Matrix ordinary_row(const Contract& contract);

// The training rows that the contract keeps: k x inputs.
Matrix warm_rows(const Contract& contract);

// After a model refused X, which has the contract's columns: the first cell by rows that is missing
// (NaN), infinite or unknown_category, and that the model refuses in an ordinary row too; the model
// itself counts rows and columns within its step. Nothing when there is none, or when the ordinary
// row alone is refused, since no cell can be told to blame then. At most three predictions of one
// row for each column.
struct RefusedCell {
  Index row = 0;
  Index column = 0;
  double value = 0.0;
};
std::optional<RefusedCell> refused_cell(const Contract& contract, const Model& model,
                                        const MatrixView& X);

// As prepare and the estimator's own fit throw. Outputs are named as the targets, as the
// transformed columns, or "cluster".
FittedPipeline fit(const Estimator& pipeline, const Table& table, const FitOptions& options,
                   std::vector<std::string>* notes = nullptr);
FittedPipeline fit(const TrainingData& data, const FitOptions& options);

// The same around a model that was fitted on `data` elsewhere, such as a fold's of cross_validate.
FittedPipeline fitted_with(const TrainingData& data, const FitOptions& options, ModelPtr model);

// Some of the rows; vocabularies stay whole.
TrainingData select_rows(const TrainingData& data, std::span<const Index> rows);

}  // namespace lathe
