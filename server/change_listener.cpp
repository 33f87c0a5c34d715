#include "lathe/server/change_listener.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"

namespace lathe::server {

namespace {

constexpr std::uint32_t changes =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR;

void read_all(int file) {
  std::array<char, 4096> events;
  while (::read(file, events.data(), events.size()) == static_cast<ssize_t>(events.size())) {
  }
}

}  // namespace

ChangeListener::ChangeListener()
    : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (wake_ >= 0) return;
  if (inotify_ >= 0) ::close(inotify_);
  throw IoError("R021", "cannot watch the model repository: too many open files");
}

ChangeListener::~ChangeListener() {
  if (inotify_ >= 0) ::close(inotify_);
  ::close(wake_);
}

void ChangeListener::listen_to(const std::vector<std::filesystem::path>& folders) {
  if (inotify_ < 0) return;
  // Again and again: the kernel knows the folders it has. Those it cannot take are looked at only.
  for (const auto& folder : folders) ::inotify_add_watch(inotify_, folder.c_str(), changes);
}

bool ChangeListener::wait(std::chrono::milliseconds limit) {
  std::array<pollfd, 2> files = {{{wake_, POLLIN, 0}, {inotify_, POLLIN, 0}}};
  const auto most = std::chrono::milliseconds(std::numeric_limits<int>::max());
  const int ready =
      ::poll(files.data(), files.size(), static_cast<int>(std::min(limit, most).count()));
  if (ready <= 0) return false;
  if (files[0].revents != 0) read_all(wake_);
  if (files[1].revents == 0) return false;
  read_all(inotify_);
  return true;
}

void ChangeListener::wake() {
  const std::uint64_t one = 1;
  // Fails only when it is set already.
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
}

}  // namespace lathe::server
