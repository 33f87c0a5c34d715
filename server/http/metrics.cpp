#include "lathe/server/http/metrics.h"

#include <charconv>
#include <fstream>
#include <string_view>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include "lathe/ml/contract.h"
#include "lathe/server/call_metrics.h"
#include "lathe/server/repository.h"

namespace lathe::server {

namespace {

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

constexpr double us_per_s = 1e6;
constexpr double per_ns = 1e-9;

class Page {
 public:
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    (((text_ += "# HELP ") += name) += ' ') += help;
    (((text_ += "\n# TYPE ") += name) += ' ') += type;
    text_ += '\n';
  }
  void sample(const Labels& labels, std::uint64_t value, std::string_view suffix = {}) {
    line(labels, suffix);
    text_ += std::to_string(value) + '\n';
  }
  void sample(const Labels& labels, double value, std::string_view suffix = {}) {
    char digits[32];
    line(labels, suffix);
    text_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    text_ += '\n';
  }
  void histogram(const Labels& labels, const LatencyHistogram& times) {
    std::uint64_t below = 0;  // each range counts those before it as well
    for (std::size_t i = 0; i <= times.bounds_us.size(); ++i) {
      below += times.count_in(i);
      char digits[32] = "+Inf";
      char* end = digits + 4;
      if (i < times.bounds_us.size()) {
        const double bound = static_cast<double>(times.bounds_us[i]) / us_per_s;
        end = std::to_chars(digits, digits + sizeof digits, bound, std::chars_format::general).ptr;
      }
      Labels with_bound = labels;
      with_bound.emplace_back("le", std::string_view(digits, end));
      sample(with_bound, below, "_bucket");
    }
    sample(labels, static_cast<double>(times.ns()) * per_ns, "_sum");
    sample(labels, below, "_count");
  }
  std::string take() { return std::move(text_); }

 private:
  void line(const Labels& labels, std::string_view suffix) {
    (text_ += name_) += suffix;
    char separator = '{';
    for (const auto& [name, value] : labels) {
      ((text_ += separator) += name) += "=\"";
      for (const char c : value) {
        if (c == '\\' || c == '"') text_ += '\\';
        if (c == '\n') {
          text_ += "\\n";
        } else {
          text_ += c;
        }
      }
      text_ += '"';
      separator = ',';
    }
    text_ += labels.empty() ? " " : "} ";
  }

  std::string_view name_;
  std::string text_;
};

struct ModelCount {
  std::string_view name;
  std::string_view help;
  std::uint64_t (*value)(const ModelCounters&);
};

constexpr std::uint64_t us(std::uint64_t ns) { return ns / 1000; }

constexpr ModelCount model_counts[] = {
    {"nv_inference_request_success", "Inference requests that were answered",
     [](const ModelCounters& c) { return c.success.count(); }},
    {"nv_inference_request_failure", "Inference requests that were refused or failed",
     [](const ModelCounters& c) { return c.fail.count(); }},
    {"nv_inference_count", "Rows inferred",
     [](const ModelCounters& c) { return c.rows.load(std::memory_order_relaxed); }},
    {"nv_inference_exec_count", "Runs of the model",
     [](const ModelCounters& c) { return c.success.count(); }},
    {"nv_inference_request_duration_us", "Microseconds in requests that were answered",
     [](const ModelCounters& c) { return us(c.success.ns()); }},
    {"nv_inference_queue_duration_us", "Microseconds waiting for a thread",
     [](const ModelCounters& c) { return us(c.queue.ns()); }},
    {"nv_inference_compute_input_duration_us", "Microseconds reading and checking requests",
     [](const ModelCounters& c) { return us(c.input.ns()); }},
    {"nv_inference_compute_infer_duration_us", "Microseconds in the model",
     [](const ModelCounters& c) { return us(c.infer.ns()); }},
    {"nv_inference_compute_output_duration_us", "Microseconds finishing replies",
     [](const ModelCounters& c) { return us(c.output.ns()); }},
};

Labels labels_of(const ServedModel& model) {
  return {{"model", model.name()}, {"version", model.version_text()}};
}

void add_models(const Repository& repository, Page& page) {
  const std::vector<ServedModelPtr> models = repository.ready();
  for (const ModelCount& count : model_counts) {
    page.begin(count.name, "counter", count.help);
    for (const ServedModelPtr& model : models) {
      page.sample(labels_of(*model), count.value(model->counters()));
    }
  }
  page.begin("nv_inference_pending_request_count", "gauge",
             "Inference requests that wait for a thread now");
  for (const ServedModelPtr& model : models) {
    const std::int64_t pending = model->counters().pending.load(std::memory_order_relaxed);
    page.sample(labels_of(*model), static_cast<std::uint64_t>(pending));
  }
  page.begin(
      "lathe_inference_duration_seconds", "histogram",
      "Seconds from the arrival of a request to its reply made, of those that were answered");
  for (const ServedModelPtr& model : models) {
    page.histogram(labels_of(*model), model->counters().success);
  }
  page.begin("lathe_model_version_ready", "gauge",
             "1 for a version that serves, 0 for one that does not");
  for (const VersionStatus& row : repository.index()) {
    const std::string version = std::to_string(row.version);
    page.sample({{"model", row.name}, {"version", version}},
                std::uint64_t{row.state == VersionState::ready});
  }
}

constexpr std::string_view status_names[CallMetrics::statuses] = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

void add_calls(const CallMetrics& calls, Page& page) {
  const auto each_method = [&](const auto& visit) {
    for (std::size_t i = 0; i < CallMetrics::methods.size(); ++i) {
      const CountedMethod& method = CallMetrics::methods[i];
      visit(calls[i], Labels{{"grpc_type", method.type},
                             {"grpc_service", CallMetrics::service},
                             {"grpc_method", method.name}});
    }
  };
  page.begin("grpc_server_started_total", "counter", "Calls begun");
  each_method([&](const CallMetrics::Method& method, const Labels& labels) {
    page.sample(labels, method.started.load(std::memory_order_relaxed));
  });
  page.begin("grpc_server_handled_total", "counter", "Calls ended, by status");
  each_method([&](const CallMetrics::Method& method, Labels labels) {
    labels.emplace_back();
    for (std::size_t i = 0; i < CallMetrics::statuses; ++i) {
      const std::uint64_t count = method.handled[i].load(std::memory_order_relaxed);
      labels.back() = {"grpc_code", status_names[i]};
      if (count > 0 || i == 0) page.sample(labels, count);
    }
  });
  page.begin("grpc_server_handling_seconds", "histogram", "Seconds from a call's begin to its end");
  each_method([&](const CallMetrics::Method& method, const Labels& labels) {
    page.histogram(labels, method.seconds);
  });
}

void add_repository(const RepositoryCounters& counters, Page& page) {
  const auto add = [&page](std::string_view name, std::string_view help,
                           const std::atomic<std::uint64_t>& count) {
    page.begin(name, "counter", help);
    page.sample({}, count.load(std::memory_order_relaxed));
  };
  add("lathe_model_loads_total", "Versions of models that were published", counters.loads);
  add("lathe_model_quarantined_total", "Versions that were refused, until their file changes",
      counters.quarantined);
}

void add_process(Page& page) {
  std::uint64_t pages_mapped = 0, pages_resident = 0;
  std::ifstream("/proc/self/statm") >> pages_mapped >> pages_resident;
  const auto page_size = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  page.begin("process_resident_memory_bytes", "gauge", "Resident memory");
  page.sample({}, pages_resident * page_size);
  page.begin("process_virtual_memory_bytes", "gauge", "Mapped memory");
  page.sample({}, pages_mapped * page_size);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / us_per_s;
  };
  page.begin("process_cpu_seconds_total", "counter", "Processor time, user and system");
  page.sample({}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  page.begin("lathe_build_info", "gauge", "1, with the version of Lathe");
  page.sample({{"version", lathe_version()}}, std::uint64_t{1});
}

}  // namespace

std::string metrics_text(const Repository& repository, const CallMetrics* calls) {
  Page page;
  add_models(repository, page);
  add_repository(repository.counters(), page);
  if (calls != nullptr) add_calls(*calls, page);
  add_process(page);
  return page.take();
}

}  // namespace lathe::server
