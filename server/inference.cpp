#include "lathe/server/inference.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <span>
#include <string>
#include <vector>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/server/binding.h"
#include "lathe/server/error.h"
#include "lathe/server/reply.h"
#include "lathe/server/text.h"
#include "lathe/server/watcher.h"

namespace lathe::server {

using inference::ModelInferRequest;
using inference::ModelInferResponse;

namespace {

using Clock = std::chrono::steady_clock;

// A model's refusal, said about the request: the model knows neither its columns nor its texts.
[[noreturn]] void explain_refusal(const ServedModel& served, const Rows& rows,
                                  const InvalidArgument& error) {
  const auto cell = refused_cell(served.contract(), served.model(), rows.view());
  if (!cell) throw error;
  const Column& column = served.inputs()[cell->column];
  const std::string place =
      "column " + in_quotes(column.name) + ", row " + std::to_string(cell->row) + ": ";
  if (std::isnan(cell->value)) {
    throw InvalidArgument(
        "R014", place + "the value is missing, and the model takes no missing values here");
  }
  if (std::isinf(cell->value)) throw InvalidArgument("R014", place + "the value is infinite");
  const auto unknown = std::ranges::find(rows.unknown, cell->column, &Rows::Unknown::column);
  throw InvalidArgument("R015",
                        place + in_quotes(unknown->text) +
                            " was not seen in training, and the model takes only what was",
                        "it saw " + listed(column.vocabulary));
}

// Of the last tick, which is right to a few: to read a clock to the nanosecond takes six times as
// long, and each call reads three as it is.
std::int64_t now_in_ms() {
  timespec since_1970{};
  clock_gettime(CLOCK_REALTIME_COARSE, &since_1970);
  return std::int64_t{since_1970.tv_sec} * 1000 + since_1970.tv_nsec / 1'000'000;
}

// `waited` for a thread since it arrived.
void answer(const ServedModel& served, const ModelInferRequest& request, const Limits& limits,
            ModelInferResponse& response, Clock::time_point arrived,
            std::chrono::nanoseconds waited) {
  std::vector<const Output*> room;
  const std::span<const Output* const> outputs = requested_outputs(request, served, room);
  const Rows rows = bind(request, served, limits.max_cells);
  const auto bound = Clock::now();
  const bool raw = request.raw_input_contents_size() > 0;
  const SerialScope serial;  // a team of threads for each call costs more than it gains
  try {
    write_outputs(served, rows.view(), outputs, raw, limits.max_cells, response);
  } catch (const InvalidArgument& error) {
    explain_refusal(served, rows, error);
  }
  const auto inferred = Clock::now();
  response.set_model_name(served.name());
  response.set_model_version(served.version_text());
  response.set_id(request.id());
  if (!rows.ignored.empty()) {
    (*response.mutable_parameters())["ignored_inputs"].set_string_param(
        std::string(shortened(rows.ignored, 1000)));
  }
  ModelCounters& counters = served.counters();
  const auto end = Clock::now();
  counters.input.add(bound - arrived - waited);
  counters.infer.add(inferred - bound);
  counters.output.add(end - inferred);
  counters.success.add(end - arrived);
  counters.rows.fetch_add(static_cast<std::uint64_t>(rows.rows), std::memory_order_relaxed);
  counters.last_inference_ms.store(now_in_ms(), std::memory_order_relaxed);
}

void answer_or_clear(const ServedModel& served, const ModelInferRequest& request,
                     const Limits& limits, ModelInferResponse& response, Clock::time_point arrived,
                     std::chrono::nanoseconds waited = {}) {
  try {
    answer(served, request, limits, response, arrived, waited);
  } catch (...) {
    response.Clear();
    served.counters().fail.add(Clock::now() - arrived);
    throw;
  }
}

}  // namespace

Inference::Inference(const Repository& repository, Watcher& watcher, Limits limits)
    : repository_(repository),
      watcher_(watcher),
      limits_(limits),
      memory_(limits.max_memory_bytes),
      predictions_({.threads = limits.threads > 0 ? limits.threads : thread_limit(),
                    .most_waiting = static_cast<std::size_t>(limits.max_queue),
                    .work = "predictions that take long",
                    .cure = "try again later, or raise --max-queue"}) {}

void Inference::model_infer(const ModelInferRequest& request, ModelInferResponse& response) const {
  model_infer(*repository_.find(request.model_name(), request.model_version()), request, response);
}

void Inference::model_infer(const ServedModel& served, const ModelInferRequest& request,
                            ModelInferResponse& response) const {
  answer_or_clear(served, request, limits_, response, Clock::now());
}

Work Inference::plan(const ModelInferRequest& request, const CallTimes& times) const {
  return plan(repository_.find(request.model_name(), request.model_version()), request, times);
}

Work Inference::plan(ServedModelPtr served, const ModelInferRequest& request,
                     const CallTimes& times) const {
  return server::plan(std::move(served), request, times, limits_.max_cells);
}

void Inference::model_infer(const Work& work, const ModelInferRequest& request,
                            ModelInferResponse& response) const {
  const ServedModel& served = *work.served;
  std::chrono::nanoseconds waited{0};
  if (work.is_long) {
    waited = Clock::now() - work.planned;
    served.counters().queue.add(waited);
  }
  try {
    work.check_deadline();
  } catch (...) {
    served.counters().fail.add(Clock::now() - work.times.arrived);
    throw;
  }
  answer_or_clear(served, request, limits_, response, work.times.arrived, waited);
}

void Inference::refuse_unwanted(const Work& work) const {
  work.served->counters().fail.add(Clock::now() - work.times.arrived);
  throw Cancelled("R035", "not begun: its caller no longer waits");
}

void Inference::post(const Work& work, std::function<void()> job) const {
  ModelCounters& counters = work.served->counters();
  counters.pending.fetch_add(1, std::memory_order_relaxed);
  try {
    predictions_.post([served = work.served, job = std::move(job)] {
      served->counters().pending.fetch_sub(1, std::memory_order_relaxed);
      job();
    });
  } catch (...) {
    counters.pending.fetch_sub(1, std::memory_order_relaxed);
    counters.fail.add(Clock::now() - work.times.arrived);
    throw;
  }
}

void Inference::repository_load(const inference::RepositoryModelLoadRequest& request) const {
  watcher_.load(request.model_name());
}

void Inference::repository_unload(const inference::RepositoryModelUnloadRequest& request) const {
  watcher_.unload(request.model_name());
}

}  // namespace lathe::server
