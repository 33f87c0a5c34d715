#include "lathe/server/serve.h"

#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "lathe/ml/contract.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/model_file.h"
#include "lathe/server/address.h"
#include "lathe/server/auth.h"
#include "lathe/server/http/http_side.h"
#include "lathe/server/inference.h"
#include "lathe/server/log.h"
#include "lathe/server/process.h"
#include "lathe/server/repository.h"
#include "lathe/server/transport.h"
#include "lathe/server/watcher.h"

namespace lathe::server {

namespace fs = std::filesystem;

std::chrono::milliseconds rounded_up(double seconds) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

namespace {

WatcherOptions watcher_options(const ServeOptions& options) {
  WatcherOptions chosen{.policy = options.version_policy,
                        .policies = options.version_policies,
                        .on_request = options.model_control == ModelControl::explicit_,
                        .follows = options.model_control == ModelControl::poll};
  // Where nothing is looked at again, half a file is a bad one at once.
  chosen.settle =
      chosen.follows ? rounded_up(options.settle_seconds) : std::chrono::milliseconds(0);
  return chosen;
}

void log_serving(const Repository& repository, const std::string& address) {
  std::set<std::string> names;
  for (const ServedModelPtr& model : repository.ready()) names.insert(model->name());
  log_info("lathed: serving " + std::to_string(names.size()) +
               (names.size() == 1 ? " model on " : " models on ") + address,
           {{"models", names.size()}, {"address", address}});
}

// The folder of one model in place of the one of all.
void warn_of_versions(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    const std::string name = entry->path().filename().string();
    if (version_number(name) == 0 || !fs::exists(entry->path() / "model.lathe", ignored)) continue;
    return log_warning(folder.string() + "/" + name +
                       "/model.lathe is a version, where a folder of models is expected: give the "
                       "folder above " +
                       folder.string());
  }
}

bool is_folder(const fs::path& models) {
  std::error_code ignored;
  return fs::is_directory(models, ignored);
}

ListModels source_of(const fs::path& models) {
  return is_folder(models) ? model_folder(models) : model_file(models);
}

}  // namespace

void check_files(const ServeOptions& options) {
  check_tls_files(options.grpc);
  const Authority authority(options.token_file);
  source_of(options.models)();
  if (!is_folder(options.models)) (void)load_model_file(options.models);
}

int serve(const ServeOptions& options) {
  prepare_process();
  set_log(options.log_format, options.log_level);
  log_info("lathed " + std::string(lathe_version()) + ": loading " + options.models,
           {{"version", lathe_version()}, {"models", options.models}});

  std::optional<StopAtOnce> while_loading(std::in_place, 0, "told to stop: nothing is served yet");
  const Authority authority(options.token_file);
  const fs::path models = options.models;
  const bool folder = is_folder(models);
  Repository repository;
  Watcher watcher(repository, source_of(models), watcher_options(options));
  if (folder || options.model_control == ModelControl::explicit_) {
    watcher.scan_once();
    if (folder && repository.ready().empty()) warn_of_versions(models);
  } else {
    watcher.load(models.stem().string());  // throws: there is nothing else to serve
  }

  Inference inference(
      repository, watcher,
      {.max_cells = options.max_cells,
       .max_queue = options.max_queue,
       .max_memory_bytes = static_cast<std::size_t>(options.grpc.max_memory_mib) << 20});
  while_loading.reset();
  Transport transport(inference, repository, authority, options.grpc);
  HttpSide http(inference, repository, authority, &transport.calls(), options);
  watcher.start(rounded_up(options.poll_seconds));
  log_serving(repository, transport.address());
  if (!http.address().empty()) {
    log_info("lathed: HTTP on " + http.address(), {{"address", http.address()}});
  }

  tell_supervisor("READY=1");
  wait_for_stop([&] {
    log_info("lathed: told to read again by SIGHUP: the models' folder" +
             std::string(options.model_control == ModelControl::poll
                             ? " is looked at now"
                             : " is not looked at: --model-control is not poll"));
    watcher.look_now();
  });
  constexpr int interrupted = 130;
  constexpr std::chrono::milliseconds echo(200);
  const StopAtOnce second(interrupted, "told to stop again: stopping at once", echo);
  tell_supervisor("STOPPING=1");
  transport.report_not_ready();  // at once: the watcher may be loading a large model
  log_info("lathed: stopping" + std::string(options.grace_seconds > 0.0 ? " after the grace" : "") +
           ", calls that run may finish");
  watcher.stop();
  leave_address(transport.address());
  std::this_thread::sleep_for(rounded_up(options.grace_seconds));
  const std::chrono::milliseconds limit = rounded_up(options.drain_seconds);
  constexpr std::chrono::milliseconds to_cancel(250);
  const DrainLimit at_most(limit + to_cancel);
  std::jthread http_drain([&] { http.drain(limit); });
  transport.drain(limit);
  http_drain.join();
  log_info("lathed: stopped");
  return 0;
}

int exit_status(const std::exception& error) {
  if (dynamic_cast<const InvalidArgument*>(&error) != nullptr) return 2;
  if (dynamic_cast<const CorruptData*>(&error) != nullptr) return 4;
  if (dynamic_cast<const IoError*>(&error) != nullptr) return 5;
  return 1;
}

}  // namespace lathe::server
