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

// About what a cell of a request takes to be read and laid out, texts with their look-up.
constexpr double number_ns = 1.0;
constexpr double text_ns = 30.0;

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
  for (const Output& output : outputs_) every_output_.push_back(&output);
  for (Index j = 0; j < inputs().size(); ++j) {
    columns_.emplace(inputs()[j].name, j);
    reading_ns_ += is_numeric(inputs()[j]) ? number_ns : text_ns;
  }
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
      return true;
    } catch (const InvalidArgument&) {  // an encoder may never have seen a mean
      return false;
    }
  };
  Matrix rows = warm_rows(contract());
  if (rows.rows() == 0) rows = ordinary_row(contract());
  Index taken = -1;
  for (Index i = 0; i < rows.rows(); ++i) {
    if (predict(rows.row(i))) taken = i;
  }
  predict(rows);
  if (taken >= 0) time(rows.row(taken));
}

void ServedModel::time(const Matrix& row) const {
  const auto fastest_of_three = [&](Index rows) {
    const Matrix X = row.replicate(rows, 1);
    Matrix out(rows, model().n_outputs());
    auto best = std::chrono::nanoseconds::max();
    for (int i = 0; i < 3; ++i) {
      const auto start = std::chrono::steady_clock::now();
      model().predict_into(X, out);
      best = std::min<std::chrono::nanoseconds>(best, std::chrono::steady_clock::now() - start);
    }
    return static_cast<double>(best.count());
  };
  // A block of about 0.2 ms, so that slow models do not hold up the start.
  const double one = std::max(fastest_of_three(1), 1.0);
  const Index rows = std::clamp(static_cast<Index>(200'000.0 / one), Index{2}, Index{256});
  const double each = std::max(fastest_of_three(rows) - one, 0.0) / static_cast<double>(rows - 1);
  row_ns_.store(each, std::memory_order_relaxed);
  call_ns_.store(std::max(one - each, 0.0), std::memory_order_relaxed);
}

std::chrono::nanoseconds ServedModel::estimate(Index rows) const {
  const auto runs = static_cast<double>(outputs_.size());
  const double each = row_ns_.load(std::memory_order_relaxed) * runs + reading_ns_;
  const double call = call_ns_.load(std::memory_order_relaxed) * runs;
  const double all = call + each * static_cast<double>(rows);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(all, 1e18)));
}

}  // namespace lathe::server
