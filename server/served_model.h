// One version of a model in memory: immutable but for its counters, shared by every call.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lathe/ml/fitted_pipeline.h"
#include "lathe/server/statistics.h"

namespace lathe::server {

// One tensor a model can answer with, n x columns.
struct Output {
  enum class Kind { numbers, probabilities, labels, integers };

  std::string_view name;  // as MLServer's scikit-learn runtime names them
  Kind kind;
  Index columns;
};

class ServedModel {
 public:
  // `file_bytes`: the size of its file, about that of its memory; 0 where there is none.
  ServedModel(std::string name, std::uint64_t version, FittedPipeline fitted,
              std::int64_t file_bytes = 0);

  const std::string& name() const { return name_; }
  std::uint64_t version() const { return version_; }
  const std::string& version_text() const { return version_text_; }
  std::int64_t file_bytes() const { return file_bytes_; }
  const Contract& contract() const { return fitted_.contract(); }
  const Schema& inputs() const { return fitted_.contract().inputs; }
  const Model& model() const { return *fitted_.model(); }

  std::optional<Index> find_column(std::string_view name) const;
  bool all_numeric() const { return all_numeric_; }
  const std::vector<Output>& outputs() const { return outputs_; }
  const std::vector<const Output*>& every_output() const { return every_output_; }
  ModelCounters& counters() const { return counters_; }

  // Predicts the training rows that the contract keeps, each alone and all together, or else the
  // ordinary one, so that the first caller pays for nothing and a model that cannot even do that is
  // not published; and times itself for estimate(). Throws what the model throws, but for
  // InvalidArgument: to refuse is an answer.
  void warm() const;

  // How long all outputs of that many rows will take, by what one row and a block of rows took when
  // the model was warmed.
  std::chrono::nanoseconds estimate(Index rows) const;

 private:
  void time(const Matrix& row) const;

  std::string name_;
  std::uint64_t version_;
  std::string version_text_;
  FittedPipeline fitted_;
  std::int64_t file_bytes_;
  bool all_numeric_;
  std::vector<Output> outputs_;
  std::vector<const Output*> every_output_;
  std::unordered_map<std::string_view, Index> columns_;  // keys are the contract's
  double reading_ns_ = 0.0;                              // of a row
  mutable std::atomic<double> call_ns_{0.0};             // of each call,
  mutable std::atomic<double> row_ns_{0.0};              // and of each row in it
  mutable ModelCounters counters_;
};

using ServedModelPtr = std::shared_ptr<const ServedModel>;

}  // namespace lathe::server
