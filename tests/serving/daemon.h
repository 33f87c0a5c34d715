// A lathed of its own process, as an operator runs it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace lathe::server {

class Daemon {
 public:
  // Starts it on a socket within `folder`, and returns when it says that it serves. Throws
  // std::runtime_error, with its log, if it ends before.
  Daemon(const std::string& repository, const std::string& folder,
         const std::vector<std::string>& flags = {});
  ~Daemon();

  const std::string& address() const { return address_; }
  std::string log() const;
  std::size_t memory() const;  // resident, in bytes
  std::size_t open_files() const;
  int stop();  // by SIGTERM; its exit status, or 128 and the signal

 private:
  void read_log(int pipe);

  std::string address_;
  pid_t process_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string log_;
  bool serves_ = false;
  bool ended_ = false;
  std::jthread reader_;
};

}  // namespace lathe::server
