#include "lathe/server/repository.h"

#include <charconv>
#include <mutex>
#include <utility>

#include "lathe/server/error.h"
#include "lathe/server/text.h"

namespace lathe::server {

namespace {

constexpr std::size_t longest_suggested = 64;

[[noreturn]] void refuse_name(std::string_view name, const std::vector<std::string>& names) {
  const std::string_view nearest =
      name.size() <= longest_suggested ? nearest_name(name, names) : std::string_view();
  throw NotFound("R001", "there is no model " + in_quotes(name),
                 nearest.empty() ? "the repository's index lists the models of this server"
                                 : "did you mean " + std::string(nearest) + "?");
}

}  // namespace

std::uint64_t version_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  const bool plain = error == std::errc{} && rest == end && !text.starts_with('0');
  return plain ? number : 0;
}

const ServedModelPtr* Repository::serving(const Versions& versions) {
  for (auto slot = versions.rbegin(); slot != versions.rend(); ++slot) {
    if (slot->second.model != nullptr) return &slot->second.model;
  }
  return nullptr;
}

ServedModelPtr Repository::find(std::string_view name, std::string_view version) const {
  std::shared_lock lock(mutex_);
  const auto found = models_.find(name);
  if (found == models_.end()) {
    const std::vector<std::string> names = suggested_names();
    lock.unlock();
    refuse_name(name, names);
  }
  const Versions& versions = found->second;
  const ServedModelPtr* current = serving(versions);
  if (version.empty()) {
    if (current != nullptr) return *current;
    throw Unavailable(
        "R003", "model " + in_quotes(name) + " is not ready: " + versions.rbegin()->second.reason);
  }
  const auto slot = versions.find(version_number(version));
  if (slot == versions.end()) {
    throw NotFound("R002", "model " + in_quotes(name) + " has no version " + in_quotes(version),
                   current == nullptr ? "" : "version " + (*current)->version_text() + " serves");
  }
  if (slot->second.model == nullptr) {
    throw Unavailable("R003", "version " + std::string(version) + " of model " + in_quotes(name) +
                                  " is not ready: " + slot->second.reason);
  }
  return slot->second.model;
}

// Of ordinary length, and few: whoever asks may send any text to compare them with.
std::vector<std::string> Repository::suggested_names() const {
  constexpr std::size_t most = 100;
  std::vector<std::string> names;
  if (models_.size() > most) return names;
  for (const auto& [name, versions] : models_) {
    if (name.size() <= longest_suggested) names.push_back(name);
  }
  return names;
}

std::vector<VersionStatus> Repository::index() const {
  const std::shared_lock lock(mutex_);
  std::vector<VersionStatus> rows;
  for (const auto& [name, versions] : models_) {
    for (const auto& [version, slot] : versions) {
      rows.push_back({name, version, slot.state, slot.reason});
    }
  }
  return rows;
}

std::vector<ServedModelPtr> Repository::ready() const {
  const std::shared_lock lock(mutex_);
  std::vector<ServedModelPtr> models;
  for (const auto& [name, versions] : models_) add_ready(versions, models);
  return models;
}

std::vector<ServedModelPtr> Repository::ready(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  std::vector<ServedModelPtr> models;
  const auto found = models_.find(name);
  if (found != models_.end()) add_ready(found->second, models);
  return models;
}

void Repository::add_ready(const Versions& versions, std::vector<ServedModelPtr>& models) {
  for (const auto& [version, slot] : versions) {
    if (slot.model != nullptr) models.push_back(slot.model);
  }
}

void Repository::publish(const ServedModelPtr& model) {
  const std::string& name = model->name();
  Slot slot{VersionState::ready, "", model};
  {
    const std::unique_lock lock(mutex_);
    std::swap(models_[name][model->version()], slot);
  }
  notify(name, true);
}

void Repository::retire(const std::string& name, std::uint64_t version, const std::string& reason) {
  Slot slot{VersionState::unavailable, reason, nullptr};  // freed once the lock is not held
  bool ready = false;
  {
    const std::unique_lock lock(mutex_);
    Versions& versions = models_[name];
    std::swap(versions[version], slot);
    ready = serving(versions) != nullptr;
  }
  if (slot.model != nullptr && !ready) notify(name, false);
}

void Repository::set_state(const std::string& name, std::uint64_t version, VersionState state,
                           const std::string& reason) {
  const std::unique_lock lock(mutex_);
  Slot& slot = models_[name][version];
  slot.reason = reason;
  if (slot.model == nullptr) slot.state = state;
}

void Repository::unload(const std::string& name, const std::string& reason) {
  std::vector<ServedModelPtr> retired;
  {
    const std::unique_lock lock(mutex_);
    const auto found = models_.find(name);
    if (found == models_.end()) return;
    for (auto& [version, slot] : found->second) {
      if (slot.model != nullptr) retired.push_back(std::move(slot.model));
      slot = {VersionState::unavailable, reason, nullptr};
    }
  }
  notify(name, false);
}

void Repository::remove(const std::string& name, std::uint64_t version) {
  ServedModelPtr retired;
  bool ready = false;
  {
    const std::unique_lock lock(mutex_);
    Versions& versions = models_[name];
    retired = std::move(versions[version].model);
    versions.erase(version);
    ready = serving(versions) != nullptr;
    if (versions.empty()) models_.erase(name);
  }
  if (retired != nullptr && !ready) notify(name, false);
}

void Repository::on_change(std::function<void(const std::string& name, bool ready)> listener) {
  const std::lock_guard lock(listener_mutex_);
  listener_ = std::move(listener);
}

void Repository::notify(const std::string& name, bool ready) {
  const std::lock_guard lock(listener_mutex_);
  if (listener_) listener_(name, ready);
}

}  // namespace lathe::server
