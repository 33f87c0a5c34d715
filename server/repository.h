// The models that can be asked for: name -> versions. Readers copy a pointer and keep their model
// alive by it, so a version that is replaced ends with the last call that uses it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/server/served_model.h"
#include "lathe/server/statistics.h"

namespace lathe::server {

enum class VersionState { loading, ready, unavailable };

struct VersionStatus {
  std::string name;
  std::uint64_t version = 0;
  VersionState state = VersionState::unavailable;
  std::string reason;
};

// The number that a version's name stands for: decimal, at least 1, without leading zeros; else 0.
std::uint64_t version_number(std::string_view text);

// Any number of readers beside one writer (the watcher).
class Repository {
 public:
  // Of an empty version: the newest that serves. Throws NotFound (R001 model, R002 version), and
  // Unavailable (R003) with the reason where there is one that cannot serve.
  ServedModelPtr find(std::string_view name, std::string_view version = {}) const;

  std::vector<VersionStatus> index() const;   // by name, then version
  std::vector<ServedModelPtr> ready() const;  // all that serve, by name, then version
  std::vector<ServedModelPtr> ready(std::string_view name) const;  // by version

  // From now on `model` serves, instead of what served under its name and version.
  void publish(const ServedModelPtr& model);
  // The version ends with its last call.
  void retire(const std::string& name, std::uint64_t version, const std::string& reason);
  // Of a version that serves only the reason changes: it goes on serving.
  void set_state(const std::string& name, std::uint64_t version, VersionState state,
                 const std::string& reason);
  void unload(const std::string& name, const std::string& reason);  // all versions unavailable
  void remove(const std::string& name, std::uint64_t version);

  RepositoryCounters& counters() const { return counters_; }

  // Called, on the writer's thread, when a model starts or ceases to be ready. One listener;
  // an empty function ends it.
  void on_change(std::function<void(const std::string& name, bool ready)> listener);

 private:
  struct Slot {
    VersionState state = VersionState::unavailable;
    std::string reason;
    ServedModelPtr model;  // while it serves
  };
  using Versions = std::map<std::uint64_t, Slot>;

  std::vector<std::string> suggested_names() const;  // with the lock held
  static const ServedModelPtr* serving(const Versions& versions);
  static void add_ready(const Versions& versions, std::vector<ServedModelPtr>& models);
  void notify(const std::string& name, bool ready);

  mutable RepositoryCounters counters_;
  mutable std::shared_mutex mutex_;  // held for look-ups and pointer swaps only
  std::map<std::string, Versions, std::less<>> models_;
  std::mutex listener_mutex_;
  std::function<void(const std::string&, bool)> listener_;
};

}  // namespace lathe::server
