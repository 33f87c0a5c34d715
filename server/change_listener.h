// Waits for folders to change: by inotify where the kernel has it, which hears of local changes at
// once, and else, or of what a network file system does not tell, until a time has passed.
#pragma once

#include <chrono>
#include <filesystem>
#include <vector>

namespace lathe::server {

class ChangeListener {
 public:
  ChangeListener();
  ~ChangeListener();
  ChangeListener(const ChangeListener&) = delete;
  ChangeListener& operator=(const ChangeListener&) = delete;

  // Listens to these folders besides those it listens to; one that is removed is forgotten.
  void listen_to(const std::vector<std::filesystem::path>& folders);

  // Whether something changed, before `limit` passed or wake() was called. What changed before the
  // call counts too.
  bool wait(std::chrono::milliseconds limit);

  // Ends a wait from another thread, the next one where none runs.
  void wake();

 private:
  int inotify_;  // -1: there is none
  int wake_;
};

}  // namespace lathe::server
