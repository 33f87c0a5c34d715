#include "lathe/server/repository.h"

#include <charconv>
#include <mutex>
#include <utility>

#include "lathe/server/error.h"
#include "lathe/server/text.h"

namespace lathe::server {

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

// Of names of ordinary length, and among few: whoever asks may send any text.
std::string Repository::nearest_model(std::string_view name) const {
  constexpr std::size_t longest = 64, most = 100;
  if (name.size() > longest || models_.size() > most) return {};
  std::vector<std::string_view> names;
  for (const auto& [known, versions] : models_) {
    if (known.size() <= longest) names.emplace_back(known);
  }
  return std::string(nearest_name(name, names));
}

ServedModelPtr Repository::find(std::string_view name, std::string_view version) const {
  const std::shared_lock lock(mutex_);
  const auto found = models_.find(name);
  if (found == models_.end()) {
    const std::string nearest = nearest_model(name);
    throw NotFound("R001", "there is no model " + in_quotes(name),
                   nearest.empty() ? "the repository's index lists the models of this server"
                                   : "did you mean " + nearest + "?");
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
