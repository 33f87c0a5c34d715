#include "lathe/server/push.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"
#include "lathe/ml/file_write.h"
#include "lathe/ml/model_file.h"
#include "lathe/server/repository.h"
#include "lathe/server/text.h"
#include "lathe/server/watcher.h"

namespace lathe::server {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const fs::path& path, int error) {
  throw IoError("R026", "cannot publish into " + path.string() + ": " + std::strerror(error));
}

void sync_folder(const fs::path& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) refuse(folder, errno);
  // EINVAL: the file system keeps folders in its own way.
  const int error = ::fsync(file) == 0 ? 0 : errno;
  ::close(file);
  if (error != 0 && error != EINVAL) refuse(folder, error);
}

// A new folder that the repository passes over, removed again unless it is moved.
class HiddenFolder {
 public:
  static constexpr std::string_view prefix = ".push-";

  explicit HiddenFolder(const fs::path& beside) {
    static std::atomic<unsigned> counter{0};
    int made = 0;
    do {
      path_ = beside /
              (std::string(prefix) + std::to_string(::getpid()) + "-" + std::to_string(counter++));
      made = ::mkdir(path_.c_str(), 0777);  // what the umask leaves of it, as for any folder
    } while (made != 0 && errno == EEXIST);
    if (made != 0) refuse(beside, errno);
  }
  ~HiddenFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  HiddenFolder(const HiddenFolder&) = delete;
  HiddenFolder& operator=(const HiddenFolder&) = delete;

  const fs::path& path() const { return path_; }
  void moved() { path_.clear(); }

 private:
  fs::path path_;
};

// Those in `model` that pushes left which were killed. Moved away first: whoever should be at work
// in one fails, and publishes nothing half.
void clear_left_folders(const fs::path& model) {
  std::vector<fs::path> left;
  std::error_code error;
  for (fs::directory_iterator entry(model, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with(HiddenFolder::prefix)) {
      left.push_back(entry->path());
    }
  }
  for (const fs::path& folder : left) {
    const HiddenFolder own(model);
    fs::rename(folder, own.path(), error);
  }
}

// While it lives a push into `model` is under way, and others clear nothing there; before that it
// clears what is there if no other is. The kernel releases the lock of a process that is killed.
// Where folders cannot be locked (NFS) nothing is cleared.
class PushUnderWay {
 public:
  explicit PushUnderWay(const fs::path& model)
      : folder_(::open(model.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (folder_ < 0) refuse(model, errno);
    if (::flock(folder_, LOCK_EX | LOCK_NB) == 0) clear_left_folders(model);
    while (::flock(folder_, LOCK_SH) != 0 && errno == EINTR) {
    }
  }
  ~PushUnderWay() { ::close(folder_); }
  PushUnderWay(const PushUnderWay&) = delete;
  PushUnderWay& operator=(const PushUnderWay&) = delete;

 private:
  int folder_;
};

std::uint64_t newest(const fs::path& model) {
  std::uint64_t version = 0;
  std::error_code error;
  for (fs::directory_iterator entry(model, error), end; !error && entry != end;
       entry.increment(error)) {
    version = std::max(version, version_number(entry->path().filename().string()));
  }
  if (error) refuse(model, error.value());
  return version;
}

// Whether `from` is now `to`; not where something is there already.
bool move_to_new(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno == EEXIST) return false;
  if (errno != EINVAL) refuse(to, errno);
  // Some file systems (NFS) cannot refuse to replace: an empty folder takes the number first.
  if (::mkdir(to.c_str(), 0777) != 0) {
    if (errno == EEXIST) return false;
    refuse(to, errno);
  }
  if (::rename(from.c_str(), to.c_str()) != 0) refuse(to, errno);
  return true;
}

void copy_synced(const fs::path& from, const fs::path& to) {
  std::ostringstream bytes;
  bytes << std::ifstream(from, std::ios::binary).rdbuf();
  write_file_atomically(to.string(), bytes.view(), false);
}

}  // namespace

std::uint64_t push_model(const fs::path& file, const fs::path& repository,
                         const std::string& name) {
  if (!is_model_name(name)) {
    throw InvalidArgument("U011", in_quotes(name) + " cannot be a model's name",
                          "it must be printable UTF-8, without a slash and not begin with a point");
  }
  (void)load_model_file(file.string());  // before anything is made
  std::error_code error;
  if (!fs::is_directory(repository, error)) refuse(repository, error ? error.value() : ENOTDIR);
  const fs::path model = repository / name;
  if (fs::create_directory(model, error)) sync_folder(repository);
  if (error) refuse(model, error.value());

  const PushUnderWay under_way(model);
  HiddenFolder hidden(model);
  const fs::path copied = hidden.path() / "model.lathe";
  copy_synced(file, copied);
  (void)load_model_file(copied.string(), file.string());
  sync_folder(hidden.path());
  std::uint64_t version = newest(model);
  do {
    if (version == std::numeric_limits<std::uint64_t>::max()) refuse(model, EOVERFLOW);
    ++version;
  } while (!move_to_new(hidden.path(), model / std::to_string(version)));
  hidden.moved();
  sync_folder(model);
  return version;
}

}  // namespace lathe::server
