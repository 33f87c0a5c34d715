// Keeps the repository like the folder:
//
//   <folder>/<name>/<version>/model.lathe     versions are numbers, the highest good one serves
//
// or like one bare file, which serves as version 1 under the file's name. A new version is loaded
// beside the old one, checked, warmed, published, and only then is the old one retired. One that
// cannot be loaded leaves the old one serving and is tried again when its file changes: so a file
// that is still being copied, whose checksum fails, is published when the copy is done.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "lathe/server/repository.h"

namespace lathe::server {

// The files that are there: name -> version -> path.
using Listing = std::map<std::string, std::map<std::uint64_t, std::filesystem::path>>;
// Throws IoError (R021) when the folder cannot be read; nothing changes then.
using ListModels = std::function<Listing()>;
ListModels model_folder(std::filesystem::path folder);
// The model is named as the file without .lathe. Throws InvalidArgument (U011) for a name that
// cannot be asked for, IoError (R021) when there is no such file now; later the old one stays.
ListModels model_file(const std::filesystem::path& file);

class Watcher {
 public:
  Watcher(Repository& repository, ListModels list);
  ~Watcher();

  void scan_once();  // throws what `list` throws

  // Loads the newest version of a model now, also after unload(). Throws NotFound (R001), and
  // CorruptData (R023) with the reason when the newest cannot be loaded.
  void load(const std::string& name);
  // Ends all versions of a model until load() is called. Throws NotFound (R001).
  void unload(const std::string& name);

  void start(std::chrono::milliseconds interval);  // scans on a thread of its own
  void stop();                                     // waits for a scan that runs

 private:
  // What makes a file another file. ctime changes with every write, whatever a copier sets.
  struct Stamp {
    std::uint64_t inode = 0;
    std::int64_t size = -1;  // -1: there is no file
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  struct Tried {
    Stamp stamp;
    std::string error;  // empty: it was loaded
  };
  struct Known {
    std::map<std::uint64_t, Tried> versions;
    std::uint64_t serving = 0;  // 0: none
    bool unloaded = false;      // on request
  };
  using Files = std::map<std::uint64_t, std::filesystem::path>;

  static Stamp stamp_of(const std::filesystem::path& file);
  void update(const std::string& name, const Files& files);
  void serve_newest(const std::string& name, const Files& files, Known& known);
  bool try_load(const std::string& name, std::uint64_t version, const std::filesystem::path& file,
                Known& known);
  void forget_missing(const std::string& name, const Files& files, Known& known);
  void run(const std::stop_token& stop, std::chrono::milliseconds interval);

  Repository& repository_;
  ListModels list_;
  std::mutex mutex_;  // one scan, load or unload at a time
  std::map<std::string, Known> known_;
  std::mutex sleep_mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace lathe::server
