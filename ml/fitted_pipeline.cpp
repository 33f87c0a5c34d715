#include "lathe/ml/fitted_pipeline.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/words.h"
#include "lathe/ml/hash.h"

namespace lathe {
namespace {

template <class M>
const M& as(const ModelPtr& model) {
  return dynamic_cast<const M&>(*model);
}

std::vector<std::string> output_names(const Contract& contract, const ModelPtr& model) {
  switch (model->role()) {
    case Role::regressor:
    case Role::classifier:
      return contract.targets;
    case Role::transformer: {
      std::vector<std::string> names;
      for (const Column& column : as<Transformer>(model).columns_out(contract.inputs).columns) {
        names.push_back(column.name);
      }
      return names;
    }
    case Role::clusterer:
      return {"cluster"};
    case Role::outlier_detector:
      break;
  }
  return {"outlier"};
}

std::string fingerprint(const TrainingData& data) {
  Hash hash;
  for (const Column& column : data.inputs.columns) {
    hash.add_text(column.name);
    hash.add_number(column.vocabulary.size());
    for (const std::string& level : column.vocabulary) hash.add_text(level);
  }
  const auto add_matrix = [&](const Matrix& matrix) {
    hash.add_number(static_cast<std::uint64_t>(matrix.rows()));
    hash.add_number(static_cast<std::uint64_t>(matrix.cols()));
    hash.add_numbers({matrix.data(), static_cast<std::size_t>(matrix.size())});
  };
  add_matrix(data.X);
  if (const auto* numbers = std::get_if<Matrix>(&data.y)) add_matrix(*numbers);
  if (const auto* labels = std::get_if<Labels>(&data.y)) {
    for (Index i = 0; i < labels->size(); ++i) hash.add_text(labels->name(i));
  }
  hash.add_numbers(data.weight);
  return hash.hex128();
}

std::vector<ColumnStatistics> statistics(const TrainingData& data) {
  std::vector<ColumnStatistics> all;
  for (Index j = 0; j < data.X.cols(); ++j) {
    const Vector cells = data.X.col(j);
    const std::span<const double> view(cells.data(), static_cast<std::size_t>(cells.size()));
    const Column& column = data.inputs[j];
    all.push_back(column.kind == ColumnKind::numeric
                      ? numeric_statistics(view)
                      : category_statistics(view, static_cast<Index>(column.vocabulary.size())));
  }
  return all;
}

std::vector<std::vector<std::optional<double>>> rows_to_keep(const Matrix& X, Index count) {
  std::vector<std::vector<std::optional<double>>> kept;
  count = std::min(count, X.rows());
  for (Index k = 0; k < count; ++k) {
    const Index i = X.rows() / count * k;
    auto& row = kept.emplace_back();
    for (Index j = 0; j < X.cols(); ++j) {
      row.push_back(std::isnan(X(i, j)) ? std::nullopt : std::optional(X(i, j)));
    }
  }
  return kept;
}

void need(bool good, const std::string& why) {
  if (!good) throw CorruptData("M012", "the contract and the model do not fit together: " + why);
}

bool takes(const Model& model, const MatrixView& row) {
  try {
    predict_matrix(model, row);
  } catch (const InvalidArgument&) {
    return false;
  }
  return true;
}

void refuse_cell(const Contract& contract, const Model& model, const MatrixView& X) {
  const std::optional<RefusedCell> cell = refused_cell(contract, model, X);
  if (!cell || std::isfinite(cell->value)) return;
  const bool missing = std::isnan(cell->value);
  throw InvalidArgument("B004",
                        "column \"" + contract.inputs[cell->column].name + "\" is " +
                            (missing ? "missing" : "infinite") + " in row " +
                            std::to_string(cell->row) +
                            ", which the model does not take: " + contract.pipeline,
                        missing ? "fill the cell, or train the model with simple_imputer in "
                                  "front of the step that refuses it"
                                : "replace the number");
}

// Whether the contract's inputs become its outputs.
bool gives(const Contract& contract, const ModelPtr& model) {
  try {
    return contract.outputs == output_names(contract, model);
  } catch (const Error&) {  // a transformer of columns of other kinds
    return false;
  }
}

}  // namespace

std::optional<RefusedCell> refused_cell(const Contract& contract, const Model& model,
                                        const MatrixView& X) {
  // A model takes or refuses such a value in a column whatever the row, so the first will do.
  std::vector<RefusedCell> suspects;
  for (Index j = 0; j < X.cols(); ++j) {
    const bool numeric = contract.inputs[j].kind == ColumnKind::numeric;
    const auto suspect_first = [&](auto is_such) {
      Index i = 0;
      while (i < X.rows() && !is_such(X(i, j))) ++i;
      if (i < X.rows()) suspects.push_back({i, j, X(i, j)});
    };
    suspect_first([](double cell) { return std::isnan(cell); });
    suspect_first([](double cell) { return std::isinf(cell); });
    if (!numeric) suspect_first([](double cell) { return cell == unknown_category; });
  }
  const Matrix ordinary = ordinary_row(contract);
  if (suspects.empty() || !takes(model, ordinary)) return std::nullopt;
  std::ranges::sort(suspects, {},
                    [](const RefusedCell& cell) { return std::pair(cell.row, cell.column); });
  for (const RefusedCell& cell : suspects) {
    Matrix row = ordinary;
    row(0, cell.column) = cell.value;
    if (!takes(model, row)) return cell;
  }
  return std::nullopt;
}

Matrix ordinary_row(const Contract& contract) {
  Matrix row(1, contract.inputs.size());
  for (Index j = 0; j < row.cols(); ++j) {
    row(0, j) = contract.statistics[static_cast<std::size_t>(j)].mean;  // a category: code 0
  }
  return row;
}

Matrix warm_rows(const Contract& contract) {
  Matrix rows(static_cast<Index>(contract.warm_rows.size()), contract.inputs.size());
  for (Index i = 0; i < rows.rows(); ++i) {
    const auto& cells = contract.warm_rows[static_cast<std::size_t>(i)];
    for (Index j = 0; j < rows.cols(); ++j) {
      rows(i, j) =
          cells[static_cast<std::size_t>(j)].value_or(std::numeric_limits<double>::quiet_NaN());
    }
  }
  return rows;
}

FittedPipeline::FittedPipeline(Contract contract, ModelPtr model)
    : contract_(std::move(contract)), model_(std::move(model)) {
  need(model_ != nullptr, "there is no model");
  need(model_->role() == contract_.role, "a " + std::string(to_text(model_->role())) +
                                             " with a contract of a " +
                                             std::string(to_text(contract_.role)));
  need(model_->n_features_in() == contract_.inputs.size(),
       "the model takes " + std::to_string(model_->n_features_in()) + " columns, and " +
           std::to_string(contract_.inputs.size()) + " are named");
  need(contract_.statistics.size() == contract_.inputs.columns.size(),
       "statistics of " + std::to_string(contract_.statistics.size()) + " columns");
  const auto* classifier = dynamic_cast<const Classifier*>(model_.get());
  need(contract_.classes == (classifier != nullptr ? classifier->classes() : Classes()),
       "their classes differ");
  need(static_cast<Index>(contract_.outputs.size()) == model_->n_outputs() &&
           gives(contract_, model_),
       "their outputs differ");
}

Prediction FittedPipeline::predict(const Table& table, bool proba,
                                   std::vector<std::string>* notes) const {
  return predict(bind(table, notes), proba);
}

Prediction FittedPipeline::predict(const MatrixView& bound, bool proba) const {
  const Role role = model_->role();
  if (proba && role != Role::classifier) {
    throw NotSupported("B005",
                       called(model_->name()) + " is a " + std::string(to_text(role)) +
                           " and has no probabilities",
                       "only classifiers have them");
  }
  Prediction prediction;
  try {
    if (role == Role::classifier) {
      prediction.values = as<Classifier>(model_).predict(bound);
      if (proba) prediction.proba = as<Classifier>(model_).predict_proba(bound);
    } else if (role == Role::clusterer) {
      prediction.values = as<Clusterer>(model_).predict(bound);
    } else {
      prediction.values = predict_matrix(*model_, bound);
    }
  } catch (const InvalidArgument&) {
    if (bound.cols() == contract_.inputs.size()) refuse_cell(contract_, *model_, bound);
    throw;
  }
  return prediction;
}

FittedPipeline fit(const Estimator& pipeline, const Table& table, const FitOptions& options,
                   std::vector<std::string>* notes) {
  const TrainingData data = prepare(pipeline, table, options);
  if (notes != nullptr) notes->insert(notes->end(), data.notes.begin(), data.notes.end());
  return fit(data, options);
}

FittedPipeline fit(const TrainingData& data, const FitOptions& options) {
  return fitted_with(
      data, options,
      data.pipeline.fit(data.X, data.target(),
                        {.weight = data.weight, .columns = &data.inputs, .seed = options.seed}));
}

FittedPipeline fitted_with(const TrainingData& data, const FitOptions& options, ModelPtr model) {
  Contract contract;
  contract.lathe_version = lathe_version();
  contract.pipeline = data.pipeline.text();
  contract.role = model->role();
  contract.inputs = data.inputs;
  contract.statistics = statistics(data);
  contract.targets = options.targets;
  if (const auto* classifier = dynamic_cast<const Classifier*>(model.get())) {
    contract.classes = classifier->classes();
  }
  contract.outputs = output_names(contract, model);
  contract.weight = options.weight;
  contract.seed = options.seed;
  contract.rows = data.X.rows();
  contract.warm_rows = rows_to_keep(data.X, options.warm_rows);
  contract.data_fingerprint = fingerprint(data);
  return {std::move(contract), std::move(model)};
}

}  // namespace lathe
