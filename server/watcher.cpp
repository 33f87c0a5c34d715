#include "lathe/server/watcher.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "lathe/ml/model_file.h"
#include "lathe/server/error.h"
#include "lathe/server/log.h"
#include "lathe/server/text.h"

namespace lathe::server {

namespace fs = std::filesystem;

namespace {

// What a file may be called that is still being copied: cut off, or not there.
bool is_half(const Error& error) {
  return error.code() == "M001" || error.code() == "M003" || error.code() == "M007";
}

}  // namespace

Watcher::Watcher(Repository& repository, ListModels list, WatcherOptions options)
    : repository_(repository), list_(std::move(list)), options_(std::move(options)) {
  if (!options_.now) {
    options_.now = [] { return std::chrono::system_clock::now().time_since_epoch(); };
  }
}

const VersionPolicy& Watcher::policy(const std::string& name) const {
  const auto own = options_.policies.find(name);
  return own == options_.policies.end() ? options_.policy : own->second;
}

Listing Watcher::list() {
  Listing found = list_();
  one_file_ = found.one_file;
  return found;
}

// What the log calls it, and what a reason calls its file: reasons reach clients by the index, so
// that no path of the host is in them.
std::string Watcher::title(const std::string& name, std::uint64_t version) const {
  return one_file_ ? "model " + name : "model " + name + " version " + std::to_string(version);
}

std::string Watcher::shown(const std::string& name, std::uint64_t version,
                           const fs::path& file) const {
  if (one_file_) return printable(file.filename().string());
  return name + "/" + std::to_string(version) + "/model.lathe";
}

std::string Watcher::Tried::reason() const {
  return error.empty() || !serves ? error : error + "; what was loaded before goes on serving";
}

void Watcher::scan_once() {
  const std::lock_guard lock(mutex_);
  free_ended();
  const Replaced replaced(*this);
  const Listing found = list();
  // Before files are read: what changes meanwhile is heard of.
  if (options_.follows) changes_.listen_to(found.folders);
  for (const auto& [name, files] : found.models) {
    if (!found.unreadable.contains(name)) update(name, files);
  }
  leave_unreadable(found);
  for (auto entry = known_.begin(); entry != known_.end();) {
    auto& [name, known] = *entry;
    if (found.models.contains(name)) {
      ++entry;
    } else {
      forget_missing(name, {}, known);
      entry = known_.erase(entry);
    }
  }
}

// Models whose folders cannot be read stay as they are, and hold up no other.
void Watcher::leave_unreadable(const Listing& found) {
  for (const auto& [name, reason] : found.unreadable) {
    const auto before = unreadable_.find(name);
    if (before != unreadable_.end() && before->second == reason) continue;
    log_error("model " + name + ": its folder cannot be read: " + reason +
                  (repository_.ready(name).empty() ? "" : "; what serves goes on serving"),
              {{"model", name}, {"reason", reason}});
  }
  unreadable_ = found.unreadable;
}

void Watcher::update(const std::string& name, const Files& files) {
  const auto [entry, is_new] = known_.try_emplace(name);
  Known& known = entry->second;
  if (is_new && options_.on_request) known.unloaded = "not loaded: RepositoryModelLoad does that";
  if (known.unloaded.empty()) {
    serve(name, files, known);
  } else {
    for (const auto& [version, file] : files) {
      leave_out(name, version, known.unloaded, known.versions[version]);
    }
  }
  forget_missing(name, files, known);
}

// From the newest down, so that a version is retired only after those that take over serve.
void Watcher::serve(const std::string& name, const Files& files, Known& known) {
  const VersionPolicy& wanted = policy(name);
  std::vector<std::uint64_t> serving;
  for (auto newest = files.rbegin(); newest != files.rend(); ++newest) {
    const auto& [version, file] = *newest;
    Tried& tried = known.versions[version];
    if (wanted.takes(version, serving.size())) {
      if (serve(name, version, file, tried)) serving.push_back(version);
    } else if (tried.error.empty() || tried.serves) {
      leave_out(name, version,
                wanted.kind() == VersionPolicy::Kind::latest
                    ? "version " + std::to_string(serving.front()) + " serves"
                    : "the version policy is " + wanted.text(),
                tried);
    }
  }
}

// Whether the version serves, from its file or from before that changed.
bool Watcher::serve(const std::string& name, std::uint64_t version, const fs::path& file,
                    Tried& tried) {
  const bool unchanged = tried.stamp == stamp_of(file.c_str());
  if (unchanged && !tried.error.empty()) {
    report(name, version, tried);
    if (tried.serves) repository_.set_state(name, version, VersionState::ready, tried.reason());
    return tried.serves;
  }
  if (unchanged && tried.serves) {
    repository_.set_state(name, version, VersionState::ready, "");
    return true;
  }
  return try_load(name, version, file, tried) || tried.serves;
}

void Watcher::leave_out(const std::string& name, std::uint64_t version, const std::string& reason,
                        Tried& tried) {
  if (tried.serves) {
    repository_.retire(name, version, reason);
    log_info(title(name, version) + " ends with its last call: " + reason,
             {{"model", name}, {"version", version}});
  } else {
    repository_.set_state(name, version, VersionState::unavailable, reason);
  }
  tried = {};  // to be loaded afresh if it is wanted again
}

bool Watcher::try_load(const std::string& name, std::uint64_t version, const fs::path& file,
                       Tried& tried) {
  const Tried before = tried;
  tried = {.stamp = stamp_of(file.c_str()),
           .serves = before.serves};  // a later write: another stamp
  repository_.set_state(name, version, VersionState::loading, "being loaded");
  try {
    publish(name, version, file, tried.stamp.size);
    tried.serves = true;
    return true;
  } catch (const IoError& error) {  // such as too many open files: the next scan tries again
    tried = {.error = error.what(), .serves = before.serves};
  } catch (const Error& error) {
    tried.error = error.what();
    tried.may_grow = is_half(error);
  } catch (const std::bad_alloc&) {
    tried = {.error = shown(name, version, file) + ": out of memory", .serves = before.serves};
  } catch (const std::exception& error) {
    const std::string what = shown(name, version, file);
    log_error(what + ": " + error.what());  // may hold what is not for clients
    tried.error = what + ": cannot be loaded";
  }
  // What is tried at each scan is told once.
  tried.reported = tried.stamp == FileStamp{} && before.reported && before.error == tried.error;
  repository_.set_state(name, version, VersionState::unavailable, tried.reason());
  report(name, version, tried);
  return false;
}

void Watcher::publish(const std::string& name, std::uint64_t version, const fs::path& file,
                      std::int64_t size) {
  const auto start = std::chrono::steady_clock::now();
  std::int64_t beside = 0;
  for (const ServedModelPtr& serving : repository_.ready(name)) beside += serving->file_bytes();
  const auto model = std::make_shared<const ServedModel>(
      name, version, load_model_file(file.string(), shown(name, version, file)), size);
  model->warm();
  repository_.publish(model);
  repository_.counters().loads.fetch_add(1, std::memory_order_relaxed);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start);
  log_info(
      title(name, version) + " serves: " + model->contract().pipeline + " (" +
          std::to_string(size) + " bytes" +
          (beside == 0 ? "" : ", loaded beside " + std::to_string(beside) + " bytes that serve") +
          ")",
      {{"model", name},
       {"version", version},
       {"bytes", size},
       {"bytes_beside", beside},
       {"milliseconds", ms.count()}});
}

// Whether a file as it is will not become a model by being written on.
bool Watcher::settled(const FileStamp& stamp) const {
  // Far in the future as well: another clock wrote that.
  const auto age = options_.now() - std::chrono::nanoseconds(stamp.ctime_ns);
  return std::chrono::abs(age) >= options_.settle;
}

// In the log and the counters, once, and not while the file may still be growing.
void Watcher::report(const std::string& name, std::uint64_t version, Tried& tried) {
  if (tried.reported || (tried.may_grow && !settled(tried.stamp))) return;
  tried.reported = true;
  const LogFields fields = {{"model", name}, {"version", version}, {"reason", tried.error}};
  if (tried.may_grow && tried.stamp.size < 0) {  // a folder, and the file may be on its way
    log_debug("model " + name + ": " + tried.error, fields);
    return;
  }
  repository_.counters().quarantined.fetch_add(1, std::memory_order_relaxed);
  if (tried.serves) return log_warning(title(name, version) + ": " + tried.reason(), fields);
  const std::vector<ServedModelPtr> serving = repository_.ready(name);
  log_warning(
      title(name, version) + " is not served: " + tried.error +
          (serving.empty() ? ""
                           : "; version " + serving.back()->version_text() + " goes on serving"),
      fields);
}

// Versions whose folders are gone. Those that serve stay while the others are no better.
void Watcher::forget_missing(const std::string& name, const Files& files, Known& known) {
  const bool others = std::ranges::any_of(known.versions, [&](const auto& entry) {
    return entry.second.serves && files.contains(entry.first);
  });
  std::erase_if(known.versions, [&](auto& entry) {
    const auto& [version, tried] = entry;
    if (files.contains(version)) return false;
    if (tried.serves && !files.empty() && !others) {
      repository_.set_state(name, version, VersionState::ready,
                            "its folder is gone, and no other version can be loaded");
      return false;
    }
    if (tried.serves) {
      log_info("model " + name + " version " + std::to_string(version) +
                   " ends with its last call: its folder is gone",
               {{"model", name}, {"version", version}});
    }
    repository_.remove(name, version);
    return true;
  });
}

}  // namespace lathe::server
