// Keeps the repository like the folder:
//
//   <folder>/<name>/<version>/model.lathe     versions are numbers; the policy says which serve
//
// or like one bare file, which serves as version 1 under the file's name. A new version is loaded
// beside the old one, checked, warmed, published, and only then is the old one retired. One that
// cannot be loaded leaves the old one serving and is tried again when its file changes: so a file
// that is still being copied, whose checksum fails, is published when the copy is done. Once such
// a file has not changed for a while it is quarantined: logged and counted.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lathe/server/change_listener.h"
#include "lathe/server/file_stamp.h"
#include "lathe/server/repository.h"
#include "lathe/server/version_policy.h"

namespace lathe::server {

struct Listing {
  // The files that are there: name -> version -> path.
  std::map<std::string, std::map<std::uint64_t, std::filesystem::path>> models = {};
  std::vector<std::filesystem::path> folders = {};     // whose changes change the listing or a file
  std::map<std::string, std::string> unreadable = {};  // models whose folders are, and why
  bool one_file = false;  // it is under the name of its own, and has no versions
};
// Printable UTF-8 without a slash, that does not begin with a point.
bool is_model_name(const std::string& name);
// Throws IoError (R021) when the folder cannot be read; nothing changes then.
using ListModels = std::function<Listing()>;
ListModels model_folder(std::filesystem::path folder);
// The model is named as the file without .lathe. Throws InvalidArgument (U011) for a name that
// cannot be asked for, IoError (R021) when there is no such file now; later the old one stays.
ListModels model_file(const std::filesystem::path& file);

struct WatcherOptions {
  VersionPolicy policy = {};
  std::map<std::string, VersionPolicy> policies = {};  // of models that have their own
  bool on_request = false;                             // nothing is loaded until load() asks for it
  bool follows = true;                                 // its thread looks at the folder
  std::chrono::nanoseconds settle = std::chrono::seconds(5);  // unchanged that long: no copy runs
  std::function<std::chrono::nanoseconds()> now = {};  // since 1970; none: the system's clock
};

class Watcher {
 public:
  Watcher(Repository& repository, ListModels list, WatcherOptions options = {});
  ~Watcher();

  void scan_once();  // throws what `list` throws

  // Loads what the policy takes of a model now, also after unload(), on a thread of low priority.
  // Throws NotFound (R001), and R002 where the policy takes none, and CorruptData (R023) with the
  // reason when the newest of those that it takes cannot be loaded.
  void load(const std::string& name);
  // Ends all versions of a model until load() is called. Throws NotFound (R001).
  void unload(const std::string& name);

  const VersionPolicy& policy(const std::string& name) const;

  // Starts a thread of low priority: it frees what calls have left, and if this follows the folder
  // it scans when that changes, every `interval` unless that is 0, and at look_now().
  void start(std::chrono::milliseconds interval);
  void look_now() { changes_.wake(); }
  void stop();  // waits for a scan that runs

 private:
  struct Tried {
    FileStamp stamp = {};
    std::string error = {};  // empty: it was loaded, or not tried
    bool serves = false;     // maybe from before `stamp`
    bool may_grow = false;   // the error is that of half a file
    bool reported = false;   // the error is in the log

    std::string reason() const;  // the error, and whether the version serves all the same
  };
  struct Known {
    std::map<std::uint64_t, Tried> versions;
    std::string unloaded;  // why it is; empty: it is not
  };
  using Files = std::map<std::uint64_t, std::filesystem::path>;

  // While its thread runs, models that cease to serve during the life of this are kept for that
  // thread to free: a call that happened to be the last should not pay for it.
  class Replaced {
   public:
    explicit Replaced(Watcher& watcher);
    ~Replaced();
    Replaced(const Replaced&) = delete;
    Replaced& operator=(const Replaced&) = delete;

   private:
    Watcher& watcher_;
    std::vector<ServedModelPtr> before_;
  };

  void load_here(const std::string& name);
  void update(const std::string& name, const Files& files);
  Listing list();
  std::string title(const std::string& name, std::uint64_t version) const;
  std::string shown(const std::string& name, std::uint64_t version,
                    const std::filesystem::path& file) const;
  void leave_unreadable(const Listing& found);
  void serve(const std::string& name, const Files& files, Known& known);
  bool serve(const std::string& name, std::uint64_t version, const std::filesystem::path& file,
             Tried& tried);
  void leave_out(const std::string& name, std::uint64_t version, const std::string& reason,
                 Tried& tried);
  bool try_load(const std::string& name, std::uint64_t version, const std::filesystem::path& file,
                Tried& tried);
  void publish(const std::string& name, std::uint64_t version, const std::filesystem::path& file,
               std::int64_t size);
  bool settled(const FileStamp& stamp) const;
  void report(const std::string& name, std::uint64_t version, Tried& tried);
  void forget_missing(const std::string& name, const Files& files, Known& known);
  void free_ended();
  std::chrono::milliseconds next_look(std::chrono::milliseconds interval);
  void look();
  void run(const std::stop_token& stop, std::chrono::milliseconds interval);

  Repository& repository_;
  ListModels list_;
  WatcherOptions options_;
  std::mutex mutex_;  // one scan, load or unload at a time
  std::map<std::string, Known> known_;
  std::map<std::string, std::string> unreadable_;  // at the last scan
  bool one_file_ = false;                          // so was the last listing
  bool frees_ = false;                             // the thread runs
  std::vector<ServedModelPtr> ending_;
  ChangeListener changes_;
  std::jthread thread_;
};

}  // namespace lathe::server
