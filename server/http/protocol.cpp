// The Open Inference Protocol's calls.
#include <charconv>
#include <future>
#include <memory>
#include <string>

#include "lathe/server/http/call.h"
#include "lathe/server/http/infer_json.h"
#include "lathe/server/http/rows.h"
#include "lathe/server/text.h"

namespace lathe::server {

namespace {

// Keys in the order in which they are set.
using Object = nlohmann::ordered_json;

void set_body(HttpResponse& response, const Object& json) {
  response.body = json.dump(-1, ' ', false, Object::error_handler_t::replace);
}

Object list(const auto& values) {
  Object out = Object::array();
  for (const auto& value : values) out.push_back(value);
  return out;
}

Object tensors(const auto& fields) {
  Object out = Object::array();
  for (const auto& tensor : fields) {
    out.push_back({{"name", tensor.name()},
                   {"datatype", tensor.datatype()},
                   {"shape", list(tensor.shape())}});
  }
  return out;
}

Object config_tensors(const auto& fields) {
  Object out = Object::array();
  for (const auto& tensor : fields) {
    out.push_back({{"name", tensor.name()},
                   {"data_type", inference::DataType_Name(tensor.data_type())},
                   {"dims", list(tensor.dims())}});
  }
  return out;
}

Object version_policy(const inference::ModelVersionPolicy& policy) {
  if (policy.has_all()) return {{"all", Object::object()}};
  if (policy.has_specific()) {
    return {{"specific", {{"versions", list(policy.specific().versions())}}}};
  }
  return {{"latest", {{"num_versions", policy.latest().num_versions()}}}};
}

Object duration(const inference::StatisticDuration& out) {
  return {{"count", out.count()}, {"ns", out.ns()}};
}

Object statistics(const inference::ModelStatistics& model) {
  const inference::InferStatistics& stats = model.inference_stats();
  return {{"name", model.name()},
          {"version", model.version()},
          {"last_inference", model.last_inference()},
          {"inference_count", model.inference_count()},
          {"execution_count", model.execution_count()},
          {"inference_stats",
           {{"success", duration(stats.success())},
            {"fail", duration(stats.fail())},
            {"queue", duration(stats.queue())},
            {"compute_input", duration(stats.compute_input())},
            {"compute_infer", duration(stats.compute_infer())},
            {"compute_output", duration(stats.compute_output())},
            {"cache_hit", duration(stats.cache_hit())},
            {"cache_miss", duration(stats.cache_miss())}}},
          {"batch_stats", Object::array()}};
}

std::optional<std::size_t> json_length(const std::string& header) {
  if (header.empty()) return std::nullopt;
  std::size_t length = 0;
  const char* end = header.data() + header.size();
  const auto [rest, error] = std::from_chars(header.data(), end, length);
  if (error != std::errc{} || rest != end) {
    throw InvalidArgument("R043", "Inference-Header-Content-Length is " + in_quotes(header) +
                                      ", and must be the number of bytes of JSON");
  }
  return length;
}

// One more, while it lives.
class Count {
 public:
  explicit Count(std::atomic<std::ptrdiff_t>& count) : count_(count), before_(count++) {}
  Count(const Count&) = delete;
  ~Count() { --count_; }
  std::ptrdiff_t before() const { return before_; }

 private:
  std::atomic<std::ptrdiff_t>& count_;
  std::ptrdiff_t before_;
};

// What a byte of JSON may take once it is read, and one of numbers while they become JSON.
constexpr std::size_t most_of_json = 20;
constexpr std::size_t most_of_numbers = 6;

// A request that names the call's model.
template <class Message>
Message about(const auto& call) {
  Message message;
  message.set_name(call.model);
  message.set_version(call.version);
  return message;
}

}  // namespace

void HttpService::server_live(const Call&, HttpResponse& response) const {
  inference::ServerLiveResponse live;
  inference_.server_live({}, live);
  set_body(response, {{"live", live.live()}});
}

void HttpService::server_ready(const Call&, HttpResponse& response) const {
  inference::ServerReadyResponse ready;
  inference_.server_ready({}, ready);
  if (!ready.ready()) response.status = 503;
  set_body(response, {{"ready", ready.ready()}});
}

void HttpService::server_metadata(const Call&, HttpResponse& response) const {
  inference::ServerMetadataResponse metadata;
  inference_.server_metadata({}, metadata);
  Object extensions = list(metadata.extensions());
  extensions.push_back("binary_tensor_data");
  set_body(
      response,
      {{"name", metadata.name()}, {"version", metadata.version()}, {"extensions", extensions}});
}

void HttpService::model_metadata(const Call& call, HttpResponse& response) const {
  inference::ModelMetadataResponse metadata;
  inference_.model_metadata(about<inference::ModelMetadataRequest>(call), metadata);
  set_body(response, {{"name", metadata.name()},
                      {"versions", list(metadata.versions())},
                      {"platform", metadata.platform()},
                      {"inputs", tensors(metadata.inputs())},
                      {"outputs", tensors(metadata.outputs())}});
}

void HttpService::model_ready(const Call& call, HttpResponse& response) const {
  const ServedModelPtr served = repository_.find(call.model, call.version);  // or 404, or 503
  set_body(response, {{"name", served->name()}, {"ready", true}});
}

void HttpService::model_config(const Call& call, HttpResponse& response) const {
  inference::ModelConfigResponse answer;
  inference_.model_config(about<inference::ModelConfigRequest>(call), answer);
  const inference::ModelConfig& config = answer.config();
  set_body(response, {{"name", config.name()},
                      {"platform", config.platform()},
                      {"version_policy", version_policy(config.version_policy())},
                      {"max_batch_size", config.max_batch_size()},
                      {"input", config_tensors(config.input())},
                      {"output", config_tensors(config.output())}});
}

void HttpService::model_statistics(const Call& call, HttpResponse& response) const {
  inference::ModelStatisticsResponse answer;
  inference_.model_statistics(about<inference::ModelStatisticsRequest>(call), answer);
  Object models = Object::array();
  for (const auto& model : answer.model_stats()) models.push_back(statistics(model));
  set_body(response, {{"model_stats", models}});
}

void HttpService::infer(const Call& call, HttpResponse& response) const {
  const CallTimes times;
  const std::string_view body = call.request.body;
  const std::optional<std::size_t> json_bytes = json_length(call.request.json_length);
  check_json(std::min(json_bytes.value_or(body.size()), body.size()));
  HeldMemory held(inference_.memory());
  held.set(most_of_json * std::min(json_bytes.value_or(body.size()), body.size()));
  inference::ModelInferRequest request;
  const BinaryOutputs binary = read_infer(body, json_bytes, request);
  held.set(request.SpaceUsedLong());
  request.set_model_name(call.model);
  request.set_model_version(call.version);
  inference::ModelInferResponse answer;
  run(call, inference_.plan(request, times), request, answer, held);
  const bool in_text = !binary.all && binary.named.empty();
  held.add((in_text ? most_of_numbers : 2) * answer.SpaceUsedLong());
  InferBody written = write_infer(answer, binary);
  response.body = std::move(written.text);
  if (!written.binary) return;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("Inference-Header-Content-Length",
                                std::to_string(written.json_bytes));
}

void HttpService::predict(const Call& call, HttpResponse& response) const {
  const CallTimes times;
  check_json(call.request.body.size());
  const ServedModelPtr served = repository_.find(call.model, call.version);
  HeldMemory held(inference_.memory());
  held.set(most_of_json * call.request.body.size());
  inference::ModelInferRequest request;
  const std::set<std::string> ignored = read_rows(call.request.body, *served, request);
  held.set(request.SpaceUsedLong());
  inference::ModelInferResponse answer;
  run(call, inference_.plan(served, request, times), request, answer, held);
  held.add(2 * most_of_numbers * answer.SpaceUsedLong());  // each has its name
  response.body = write_rows(answer, *served, ignored);
}

void HttpService::repository_index(const Call& call, HttpResponse& response) const {
  inference::RepositoryIndexRequest request;
  if (!call.request.body.empty()) {
    check_json(call.request.body.size());
    const Json json = parse_json(call.request.body);
    if (!json.is_object()) {
      throw InvalidArgument(
          "R042", "the request is " + std::string(kind_of(json)) + ", and must be an object");
    }
    const auto ready = json.find("ready");
    if (ready != json.end() && !ready->is_boolean()) {
      throw InvalidArgument("R042", "the request: ready is " + std::string(kind_of(*ready)) +
                                        ", and must be true or false");
    }
    request.set_ready(ready != json.end() && ready->get<bool>());
  }
  inference::RepositoryIndexResponse index;
  inference_.repository_index(request, index);
  Object models = Object::array();
  for (const auto& model : index.models()) {
    models.push_back({{"name", model.name()},
                      {"version", model.version()},
                      {"state", model.state()},
                      {"reason", model.reason()}});
  }
  set_body(response, models);
}

void HttpService::repository_load(const Call& call, HttpResponse& response) const {
  const std::unique_lock lock = admin_turn();
  inference::RepositoryModelLoadRequest request;
  request.set_model_name(call.model);
  inference_.repository_load(request);
  set_body(response, Object::object());
}

void HttpService::repository_unload(const Call& call, HttpResponse& response) const {
  const std::unique_lock lock = admin_turn();
  inference::RepositoryModelUnloadRequest request;
  request.set_model_name(call.model);
  inference_.repository_unload(request);
  set_body(response, Object::object());
}

void HttpService::run(const Call& call, const Work& work,
                      const inference::ModelInferRequest& request,
                      inference::ModelInferResponse& response, HeldMemory& held) const {
  held.add(work.bytes);
  if (!work.is_long) return inference_.model_infer(work, request, response);
  const Count under_way(long_);
  if (under_way.before() >= options_.max_long) {
    work.served->counters().fail.add(Work::Clock::now() - work.times.arrived);
    throw Overloaded("R018",
                     std::to_string(options_.max_long) +
                         " predictions that take long hold threads of HTTP: that is the limit",
                     "try again later, or raise --http-threads");
  }
  const auto job = std::make_shared<std::packaged_task<void()>>([&] {
    if (!call.request.is_wanted()) inference_.refuse_unwanted(work);
    inference_.model_infer(work, request, response);
  });
  std::future<void> done = job->get_future();
  inference_.post(work, [job] { (*job)(); });
  done.get();
}

std::unique_lock<std::mutex> HttpService::admin_turn() const {
  std::unique_lock lock(admin_, std::try_to_lock);
  if (!lock) throw Overloaded("R018", "another call to load or unload runs");
  return lock;
}

}  // namespace lathe::server
