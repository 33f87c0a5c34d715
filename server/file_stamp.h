// What makes a file another file. ctime changes with every write, whatever a copier sets.
#pragma once

#include <cstdint>

#include <sys/stat.h>

namespace lathe::server {

struct FileStamp {
  std::uint64_t inode = 0;
  std::int64_t size = -1;  // -1: there is no regular file
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  bool operator==(const FileStamp&) const = default;
};

inline FileStamp stamp_of(const struct stat& status) {
  const auto nanoseconds = [](const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  if (!S_ISREG(status.st_mode)) return {};
  return {status.st_ino, status.st_size, nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

inline FileStamp stamp_of(const char* path) {
  struct stat status = {};
  return ::stat(path, &status) == 0 ? stamp_of(status) : FileStamp{};
}

}  // namespace lathe::server
