// The watcher's thread, and what is asked of it from outside.
#include <algorithm>
#include <future>
#include <set>
#include <utility>

#include "lathe/server/error.h"
#include "lathe/server/log.h"
#include "lathe/server/process.h"
#include "lathe/server/text.h"
#include "lathe/server/watcher.h"

namespace lathe::server {

namespace {

NotFound no_model(const std::string& name) {
  return {"R001", "there is no model " + in_quotes(name) + " in the repository"};
}

}  // namespace

Watcher::~Watcher() { stop(); }

// On a thread of its own, since a thread may lower its priority but not raise it again.
void Watcher::load(const std::string& name) {
  std::async(std::launch::async, [&] {
    give_way();
    load_here(name);
  }).get();
}

void Watcher::load_here(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const Replaced replaced(*this);
  const Listing found = list();
  if (const auto bad = found.unreadable.find(name); bad != found.unreadable.end()) {
    throw CorruptData("R023", "model " + in_quotes(name) +
                                  " cannot be loaded: its folder cannot be read: " + bad->second);
  }
  const auto model = found.models.find(name);
  if (model == found.models.end() || model->second.empty()) throw no_model(name);
  const Files& files = model->second;
  Known& known = known_[name];
  known.unloaded.clear();
  for (auto& [version, tried] : known.versions) {
    if (!tried.error.empty()) tried = {.serves = tried.serves};
  }
  update(name, files);
  for (auto newest = files.rbegin(); newest != files.rend(); ++newest) {
    const auto& [version, file] = *newest;
    if (!policy(name).takes(version, 0)) continue;
    const std::string& error = known.versions[version].error;
    if (error.empty()) return;
    const std::string of = one_file_ ? "" : " version " + std::to_string(version);
    throw CorruptData("R023", "model " + in_quotes(name) + of + " cannot be loaded: " + error);
  }
  throw NotFound("R002", "model " + in_quotes(name) +
                             " has no version that its policy takes: " + policy(name).text());
}

void Watcher::unload(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(name);
  if (known == known_.end() || known->second.versions.empty()) throw no_model(name);
  const Replaced replaced(*this);
  known->second.unloaded = "unloaded on request";
  repository_.unload(name, known->second.unloaded);
  for (auto& [version, tried] : known->second.versions) tried = {};
  log_info("model " + name + ": unloaded on request", {{"model", name}});
}

void Watcher::start(std::chrono::milliseconds interval) {
  {
    const std::lock_guard lock(mutex_);
    frees_ = true;
  }
  thread_ = std::jthread([this, interval](const std::stop_token& stop) { run(stop, interval); });
}

void Watcher::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  changes_.wake();
  thread_.join();
  const std::lock_guard lock(mutex_);
  frees_ = false;
  ending_.clear();
}

Watcher::Replaced::Replaced(Watcher& watcher)
    : watcher_(watcher), before_(watcher.repository_.ready()) {}

Watcher::Replaced::~Replaced() {
  if (!watcher_.frees_) return;
  const std::vector<ServedModelPtr> after = watcher_.repository_.ready();
  const std::set<ServedModelPtr> serving(after.begin(), after.end());
  for (ServedModelPtr& model : before_) {
    if (!serving.contains(model)) watcher_.ending_.push_back(std::move(model));
  }
  if (!watcher_.ending_.empty()) watcher_.changes_.wake();
}

void Watcher::free_ended() {
  std::erase_if(ending_, [](const ServedModelPtr& model) {
    if (model.use_count() > 1) return false;
    log_info("model " + model->name() + " version " + model->version_text() +
                 ": its last call has ended",
             {{"model", model->name()}, {"version", model->version()}});
    return true;
  });
}

// Half a file that stays as it is, and the end of a call, make no change to be heard of.
std::chrono::milliseconds Watcher::next_look(std::chrono::milliseconds interval) {
  const std::lock_guard lock(mutex_);
  const bool growing = std::ranges::any_of(known_, [](const auto& model) {
    return std::ranges::any_of(model.second.versions, [](const auto& entry) {
      return entry.second.may_grow && !entry.second.reported;
    });
  });
  if (interval.count() == 0 || !options_.follows) interval = std::chrono::milliseconds::max();
  const auto settle = std::chrono::ceil<std::chrono::milliseconds>(options_.settle);
  if (growing && options_.follows) interval = std::min(interval, settle);
  return ending_.empty() ? interval : std::min(interval, std::chrono::milliseconds(100));
}

void Watcher::look() {
  if (options_.follows) return scan_once();
  const std::lock_guard lock(mutex_);
  free_ended();
}

void Watcher::run(const std::stop_token& stop, std::chrono::milliseconds interval) {
  give_way();
  // A copy of many files is many changes, and each look reads what changed.
  constexpr auto pause = std::chrono::milliseconds(20);
  std::string last_error;
  while (!stop.stop_requested()) {
    std::string error;
    try {
      look();
    } catch (const std::exception& failure) {
      error = failure.what();
    }
    if (!error.empty() && error != last_error) log_error(error + "; what serves goes on serving");
    last_error = error;
    if (changes_.wait(next_look(interval))) std::this_thread::sleep_for(pause);
  }
}

}  // namespace lathe::server
