#include "lathe/server/serve.h"

#include <filesystem>
#include <system_error>

#include "lathe/ml/contract.h"
#include "lathe/ml/core/error.h"
#include "lathe/server/inference.h"
#include "lathe/server/log.h"
#include "lathe/server/process.h"
#include "lathe/server/repository.h"
#include "lathe/server/transport.h"
#include "lathe/server/watcher.h"

namespace lathe::server {

std::chrono::milliseconds rounded_up(double seconds) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

int serve(const ServeOptions& options) {
  prepare_process();
  log_info("lathed " + std::string(lathe_version()) + ": loading " + options.models);

  const std::filesystem::path models = options.models;
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(models, ignored);
  Repository repository;
  Watcher watcher(repository, folder ? model_folder(models) : model_file(models));
  if (folder) {
    watcher.scan_once();
  } else {
    watcher.load(models.stem().string());  // throws: there is nothing else to serve
  }

  Inference inference(repository, watcher, {.max_cells = options.max_cells});
  Transport transport(inference, repository,
                      {.address = options.address, .max_message_mib = options.max_message_mib});
  if (options.poll_seconds > 0.0) watcher.start(rounded_up(options.poll_seconds));
  const std::size_t count = repository.ready().size();
  log_info("lathed: serving " + std::to_string(count) +
           (count == 1 ? " model on " : " models on ") + transport.address());

  wait_for_stop();
  const SecondSignal second;
  log_info("lathed: stopping, calls that run may finish");
  transport.report_not_ready();  // at once: the watcher may be loading a large model
  watcher.stop();
  transport.drain(rounded_up(options.drain_seconds));
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
