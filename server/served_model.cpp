#include "lathe/server/served_model.h"

#include <algorithm>
#include <utility>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/parallel.h"

namespace lathe::server {

namespace {

std::vector<Output> outputs_of(const Model& model) {
  using enum Output::Kind;
  switch (model.role()) {
    case Role::regressor:
      return {{"predict", numbers, model.n_outputs()}};
    case Role::transformer:
      return {{"transform", numbers, model.n_outputs()}};
    case Role::classifier: {
      const auto& classifier = dynamic_cast<const Classifier&>(model);
      return {{"predict", labels, 1},
              {"predict_proba", probabilities, classifier.classes().size()}};
    }
    case Role::clusterer:
    case Role::outlier_detector:
      break;
  }
  return {{"predict", integers, 1}};
}

bool is_numeric(const Column& column) { return column.kind == ColumnKind::numeric; }

}  // namespace

ServedModel::ServedModel(std::string name, std::uint64_t version, FittedPipeline fitted,
                         std::int64_t file_bytes)
    : name_(std::move(name)),
      version_(version),
      version_text_(std::to_string(version)),
      fitted_(std::move(fitted)),
      file_bytes_(file_bytes),
      all_numeric_(std::ranges::all_of(inputs().columns, is_numeric)),
      outputs_(outputs_of(model())) {
  for (Index j = 0; j < inputs().size(); ++j) columns_.emplace(inputs()[j].name, j);
}

std::optional<Index> ServedModel::find_column(std::string_view name) const {
  const auto found = columns_.find(name);
  if (found == columns_.end()) return std::nullopt;
  return found->second;
}

void ServedModel::warm() const {
  const SerialScope serial;
  const auto predict = [this](const MatrixView& rows) {
    Matrix out(rows.rows(), model().n_outputs());
    try {
      model().predict_into(rows, out);
    } catch (const InvalidArgument&) {  // an encoder may never have seen a mean
    }
  };
  const Matrix rows = warm_rows(contract());
  if (rows.rows() == 0) return predict(ordinary_row(contract()));
  for (Index i = 0; i < rows.rows(); ++i) predict(rows.row(i));
  predict(rows);
}

}  // namespace lathe::server
