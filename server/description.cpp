// What the server says about itself and its models.
#include <algorithm>
#include <limits>
#include <string_view>

#include "lathe/ml/contract.h"
#include "lathe/server/error.h"
#include "lathe/server/inference.h"
#include "lathe/server/watcher.h"

namespace lathe::server {

namespace {

constexpr const char* platform = "lathe";

const char* datatype(const Output& output, const ServedModel& served) {
  switch (output.kind) {
    case Output::Kind::numbers:
    case Output::Kind::probabilities:
      return "FP64";
    case Output::Kind::integers:
      return "INT64";
    case Output::Kind::labels:
      break;
  }
  return served.contract().classes.is_text() ? "BYTES" : "INT64";
}

inference::DataType config_type(std::string_view datatype) {
  if (datatype == "FP64") return inference::TYPE_FP64;
  return datatype == "INT64" ? inference::TYPE_INT64 : inference::TYPE_STRING;
}

// visit(name, datatype, columns) for each input: `x` where all columns are numbers, else one each.
template <class Visit>
void each_input(const ServedModel& served, Visit visit) {
  if (served.all_numeric()) return visit("x", "FP64", served.inputs().size());
  for (const Column& column : served.inputs().columns) {
    visit(column.name, column.kind == ColumnKind::numeric ? "FP64" : "BYTES", Index{1});
  }
}

const char* to_text(VersionState state) {
  switch (state) {
    case VersionState::loading:
      return "LOADING";
    case VersionState::ready:
      return "READY";
    case VersionState::unavailable:
      break;
  }
  return "UNAVAILABLE";
}

void describe(std::uint64_t count, std::uint64_t ns, inference::StatisticDuration& out) {
  out.set_count(count);
  out.set_ns(ns);
}

void describe(const ServedModel& served, inference::ModelStatistics& out) {
  const ModelCounters& counters = served.counters();
  out.set_name(served.name());
  out.set_version(served.version_text());
  const auto last = counters.last_inference_ms.load(std::memory_order_relaxed);
  out.set_last_inference(static_cast<std::uint64_t>(last));
  out.set_inference_count(counters.rows.load(std::memory_order_relaxed));
  const std::uint64_t answered = counters.success.count();
  out.set_execution_count(answered);
  auto& statistics = *out.mutable_inference_stats();
  describe(answered, counters.success.ns(), *statistics.mutable_success());
  describe(counters.fail.count(), counters.fail.ns(), *statistics.mutable_fail());
  describe(counters.queue.count(), counters.queue.ns(), *statistics.mutable_queue());
  describe(answered, counters.input.ns(), *statistics.mutable_compute_input());
  describe(answered, counters.infer.ns(), *statistics.mutable_compute_infer());
  describe(answered, counters.output.ns(), *statistics.mutable_compute_output());
}

void describe(const VersionPolicy& policy, inference::ModelVersionPolicy& out) {
  switch (policy.kind()) {
    case VersionPolicy::Kind::latest:
      out.mutable_latest()->set_num_versions(static_cast<std::uint32_t>(policy.count()));
      break;
    case VersionPolicy::Kind::all:
      out.mutable_all();
      break;
    case VersionPolicy::Kind::specific:
      for (const std::uint64_t version : policy.versions()) {
        out.mutable_specific()->add_versions(static_cast<std::int64_t>(version));
      }
  }
}

}  // namespace

void Inference::server_live(const inference::ServerLiveRequest&,
                            inference::ServerLiveResponse& response) const {
  response.set_live(true);
}

void Inference::server_ready(const inference::ServerReadyRequest&,
                             inference::ServerReadyResponse& response) const {
  response.set_ready(ready_.load(std::memory_order_relaxed));
}

void Inference::server_metadata(const inference::ServerMetadataRequest&,
                                inference::ServerMetadataResponse& response) const {
  response.set_name("lathed");
  response.set_version(std::string(lathe_version()));
  for (const char* extension : {"model_repository", "model_configuration", "statistics"}) {
    response.add_extensions(extension);
  }
}

void Inference::model_ready(const inference::ModelReadyRequest& request,
                            inference::ModelReadyResponse& response) const {
  try {
    repository_.find(request.name(), request.version());
    response.set_ready(true);
  } catch (const Error&) {  // clients poll this
    response.set_ready(false);
  }
}

void Inference::model_metadata(const inference::ModelMetadataRequest& request,
                               inference::ModelMetadataResponse& response) const {
  const ServedModelPtr served = repository_.find(request.name(), request.version());
  response.set_name(served->name());
  for (const ServedModelPtr& version : repository_.ready(served->name())) {
    response.add_versions(version->version_text());
  }
  response.set_platform(platform);
  const auto describe_tensor = [](auto& tensor, std::string_view name, const char* type,
                                  Index columns) {
    tensor.set_name(std::string(name));
    tensor.set_datatype(type);
    tensor.add_shape(-1);
    tensor.add_shape(columns);
  };
  each_input(*served, [&](std::string_view name, const char* type, Index columns) {
    describe_tensor(*response.add_inputs(), name, type, columns);
  });
  for (const Output& output : served->outputs()) {
    describe_tensor(*response.add_outputs(), output.name, datatype(output, *served),
                    output.columns);
  }
}

void Inference::model_config(const inference::ModelConfigRequest& request,
                             inference::ModelConfigResponse& response) const {
  const ServedModelPtr served = repository_.find(request.name(), request.version());
  inference::ModelConfig& config = *response.mutable_config();
  config.set_name(served->name());
  config.set_platform(platform);
  describe(watcher_.policy(served->name()), *config.mutable_version_policy());
  Index widest = std::max(served->inputs().size(), Index{1});
  each_input(*served, [&](std::string_view name, const char* type, Index columns) {
    inference::ModelInput& input = *config.add_input();
    input.set_name(std::string(name));
    input.set_data_type(config_type(type));
    input.add_dims(columns);
  });
  for (const Output& output : served->outputs()) {
    inference::ModelOutput& out = *config.add_output();
    out.set_name(std::string(output.name));
    out.set_data_type(config_type(datatype(output, *served)));
    out.add_dims(output.columns);
    widest = std::max(widest, output.columns);
  }
  const Index rows = std::max(limits_.max_cells / widest, Index{1});
  const Index most = std::numeric_limits<std::int32_t>::max();
  config.set_max_batch_size(static_cast<std::int32_t>(std::min(rows, most)));
}

void Inference::model_statistics(const inference::ModelStatisticsRequest& request,
                                 inference::ModelStatisticsResponse& response) const {
  if (request.name().empty()) {
    for (const ServedModelPtr& served : repository_.ready()) {
      describe(*served, *response.add_model_stats());
    }
    return;
  }
  const ServedModelPtr one = repository_.find(request.name(), request.version());
  if (!request.version().empty()) return describe(*one, *response.add_model_stats());
  for (const ServedModelPtr& served : repository_.ready(request.name())) {
    describe(*served, *response.add_model_stats());
  }
}

void Inference::repository_index(const inference::RepositoryIndexRequest& request,
                                 inference::RepositoryIndexResponse& response) const {
  for (const VersionStatus& row : repository_.index()) {
    if (request.ready() && row.state != VersionState::ready) continue;
    auto& model = *response.add_models();
    model.set_name(row.name);
    model.set_version(std::to_string(row.version));
    model.set_state(to_text(row.state));
    model.set_reason(row.reason);
  }
}

}  // namespace lathe::server
