#include "lathe/server/watcher.h"

#include <memory>
#include <ranges>
#include <utility>

#include <sys/stat.h>

#include "lathe/ml/model_file.h"
#include "lathe/server/error.h"
#include "lathe/server/log.h"
#include "lathe/server/text.h"

namespace lathe::server {

namespace fs = std::filesystem;

namespace {

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

NotFound no_model(const std::string& name) {
  return {"R001", "there is no model " + in_quotes(name) + " in the repository"};
}

}  // namespace

Watcher::Watcher(Repository& repository, ListModels list)
    : repository_(repository), list_(std::move(list)) {}

Watcher::~Watcher() { stop(); }

Watcher::Stamp Watcher::stamp_of(const fs::path& file) {
  struct stat status = {};
  if (::stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return {status.st_ino, status.st_size, nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

void Watcher::scan_once() {
  const std::lock_guard lock(mutex_);
  const Listing found = list_();
  for (const auto& [name, files] : found) update(name, files);
  for (auto entry = known_.begin(); entry != known_.end();) {
    auto& [name, known] = *entry;
    if (found.contains(name)) {
      ++entry;
    } else {
      forget_missing(name, {}, known);
      entry = known_.erase(entry);
    }
  }
}

void Watcher::update(const std::string& name, const Files& files) {
  Known& known = known_[name];
  if (!known.unloaded) serve_newest(name, files, known);
  forget_missing(name, files, known);
}

// From the newest down, until one serves.
void Watcher::serve_newest(const std::string& name, const Files& files, Known& known) {
  for (const auto& [version, file] : files | std::views::reverse) {
    const Tried& tried = known.versions[version];
    const bool unchanged = tried.stamp == stamp_of(file);
    const bool serves = version == known.serving;
    if (unchanged && serves) {
      repository_.set_state(name, version, VersionState::ready, tried.error);
      break;
    }
    if (unchanged && !tried.error.empty()) continue;
    if (try_load(name, version, file, known) || serves) break;
  }
  for (const auto& [version, file] : files) {
    if (version >= known.serving) break;
    Tried& older = known.versions[version];
    if (!older.error.empty()) continue;
    older = {};  // to be loaded afresh if the newer ones are taken away
    repository_.set_state(name, version, VersionState::unavailable,
                          "version " + std::to_string(known.serving) + " serves");
  }
}

bool Watcher::try_load(const std::string& name, std::uint64_t version, const fs::path& file,
                       Known& known) {
  const std::string shown = name + "/" + std::to_string(version) + "/model.lathe";
  Tried& tried = known.versions[version];
  const std::string last_error = tried.error;
  tried = {stamp_of(file), ""};  // of before it is read: a later write makes another stamp
  repository_.set_state(name, version, VersionState::loading, "being loaded");
  try {
    // Reasons reach clients by the index, so `shown` takes the place of the path.
    const auto model =
        std::make_shared<const ServedModel>(name, version, load_model_file(file.string(), shown));
    model->warm();
    repository_.publish(model);
    known.serving = version;
    log_info("model " + name + " version " + model->version_text() +
             " serves: " + model->contract().pipeline);
    return true;
  } catch (const IoError& error) {  // such as too many open files: the next scan tries again
    tried = {{}, error.what()};
  } catch (const Error& error) {
    tried.error = error.what();
  } catch (const std::bad_alloc&) {
    tried = {{}, shown + ": out of memory"};
  } catch (const std::exception& error) {
    log_error(shown + ": " + error.what());  // may hold what is not for clients
    tried.error = shown + ": cannot be loaded";
  }
  repository_.set_state(name, version, VersionState::unavailable, tried.error);
  if (tried.error != last_error) {
    log_warning(
        "model " + name + " version " + std::to_string(version) + " is not served: " + tried.error +
        (known.serving == 0 ? ""
                            : "; version " + std::to_string(known.serving) + " goes on serving"));
  }
  return false;
}

// Versions whose folders are gone. The one that serves stays while the others are no better.
void Watcher::forget_missing(const std::string& name, const Files& files, Known& known) {
  std::erase_if(known.versions, [&](const auto& entry) {
    const std::uint64_t version = entry.first;
    if (files.contains(version)) return false;
    if (version == known.serving && !files.empty()) {
      repository_.set_state(name, version, VersionState::ready,
                            "its folder is gone, and no other version can be loaded");
      return false;
    }
    if (version == known.serving) {
      known.serving = 0;
      log_info("model " + name + " version " + std::to_string(version) + ": removed");
    }
    repository_.remove(name, version);
    return true;
  });
}

void Watcher::load(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const Listing found = list_();
  const auto files = found.find(name);
  if (files == found.end() || files->second.empty()) throw no_model(name);
  Known& known = known_[name];
  known.unloaded = false;
  for (auto& [version, tried] : known.versions) {
    if (!tried.error.empty()) tried = {};
  }
  update(name, files->second);
  const std::uint64_t newest = files->second.rbegin()->first;
  const std::string& error = known.versions[newest].error;
  if (!error.empty()) {
    throw CorruptData("R023", "model " + in_quotes(name) + " version " + std::to_string(newest) +
                                  " cannot be loaded: " + error);
  }
}

void Watcher::unload(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(name);
  if (known == known_.end() || known->second.versions.empty()) throw no_model(name);
  repository_.unload(name, "unloaded on request");
  for (auto& [version, tried] : known->second.versions) tried = {};
  known->second.serving = 0;
  known->second.unloaded = true;
  log_info("model " + name + ": unloaded on request");
}

void Watcher::start(std::chrono::milliseconds interval) {
  thread_ = std::jthread([this, interval](const std::stop_token& stop) { run(stop, interval); });
}

void Watcher::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Watcher::run(const std::stop_token& stop, std::chrono::milliseconds interval) {
  std::string last_error;
  while (true) {
    {
      std::unique_lock lock(sleep_mutex_);
      wake_.wait_for(lock, stop, interval, [] { return false; });
    }
    if (stop.stop_requested()) return;
    std::string error;
    try {
      scan_once();
    } catch (const std::exception& failure) {
      error = failure.what();
    }
    if (!error.empty() && error != last_error) log_error(error + "; what serves goes on serving");
    last_error = error;
  }
}

}  // namespace lathe::server
