#include "lathe/ml/file_write.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

[[noreturn]] void refuse(const std::string& path, int error) {
  throw IoError("M006", "cannot write " + path + ": " + std::strerror(error));
}

[[noreturn]] void refuse_overwriting(const std::string& path) {
  throw InvalidArgument("M005", path + " is there already", "overwrite it with --force");
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder;
}

// A new file beside `path`, removed again unless it was moved there.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& path) : target_(path) {
    static std::atomic<unsigned> counter{0};
    const std::filesystem::path target(path);
    do {
      path_ = folder_of(path) + "/." + target.filename().string() + "." +
              std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp";
      file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (file_ < 0 && errno == EEXIST);
    if (file_ < 0) refuse(target_, errno);
  }
  ~TemporaryFile() {
    if (file_ >= 0) ::close(file_);
    if (!moved_) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void keep_mode_of_target() const {
    struct stat status {};
    if (::stat(target_.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
    if (::fchmod(file_, status.st_mode & 0777) != 0) refuse(target_, errno);
  }
  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::write(file_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) refuse(target_, errno);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void finish() {
    if (::fsync(file_) != 0) refuse(target_, errno);
    const int closed = ::close(file_);
    file_ = -1;
    if (closed != 0) refuse(target_, errno);
  }
  void move(bool overwrite) {
    const unsigned flags = overwrite ? 0 : RENAME_NOREPLACE;
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), flags) == 0) {
      moved_ = true;
      return;
    }
    if (errno == EEXIST && !overwrite) refuse_overwriting(target_);
    // Some file systems (NFS) cannot rename without replacing; links never replace.
    if (overwrite || errno != EINVAL) refuse(target_, errno);
    if (::link(path_.c_str(), target_.c_str()) == 0) return;
    if (errno == EEXIST) refuse_overwriting(target_);
    refuse(target_, errno);
  }

 private:
  std::string target_;
  std::string path_;
  int file_ = -1;
  bool moved_ = false;
};

void sync_folder(const std::string& path) {
  const int folder = ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) refuse(path, errno);
  // EINVAL: the file system keeps folders in its own way and syncs them with the file.
  const int error = ::fsync(folder) == 0 ? 0 : errno;
  ::close(folder);
  if (error != 0 && error != EINVAL) refuse(path, error);
}

}  // namespace

void write_file_atomically(const std::string& path, std::string_view bytes, bool overwrite) {
  struct stat status {};
  if (!overwrite && ::lstat(path.c_str(), &status) == 0) refuse_overwriting(path);
  // A device or a folder must not give way to a file.
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw IoError("M006", "cannot write " + path + ": not a file");
  }
  TemporaryFile file(path);
  if (overwrite) file.keep_mode_of_target();
  file.write(bytes);
  file.finish();
  file.move(overwrite);
  sync_folder(path);
}

}  // namespace lathe
