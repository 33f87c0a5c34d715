#include "tests/serving/daemon.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lathe::server {

namespace {

// Whose standard error is `pipe`.
pid_t spawn(std::vector<std::string> words, int pipe) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, pipe, STDERR_FILENO);
  pid_t process = -1;
  const int error =
      ::posix_spawn(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " + words[0]);
  return process;
}

}  // namespace

Daemon::Daemon(const std::string& repository, const std::string& folder,
               const std::vector<std::string>& flags)
    : address_("unix:" + folder + "/lathed.socket") {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  std::vector<std::string> words = {LATHED,   "--model-repository", repository, "--grpc-address",
                                    address_, "--http-address",     "none"};
  words.insert(words.end(), flags.begin(), flags.end());
  process_ = spawn(std::move(words), pipe[1]);
  ::close(pipe[1]);
  reader_ = std::jthread([this, from = pipe[0]] { read_log(from); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return serves_ || ended_; });
  if (!serves_) throw std::runtime_error("lathed does not serve: " + log_);
}

Daemon::~Daemon() { stop(); }

void Daemon::read_log(int pipe) {
  char bytes[4096];
  while (true) {
    const ssize_t size = ::read(pipe, bytes, sizeof bytes);
    const std::lock_guard lock(mutex_);
    if (size > 0) log_.append(bytes, static_cast<std::size_t>(size));
    ended_ = size <= 0;
    serves_ = log_.find(" on " + address_) != std::string::npos;
    changed_.notify_all();
    if (ended_) break;
  }
  ::close(pipe);
}

std::string Daemon::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

std::size_t Daemon::memory() const {
  std::ifstream file("/proc/" + std::to_string(process_) + "/statm");
  std::size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t Daemon::open_files() const {
  const std::filesystem::directory_iterator files("/proc/" + std::to_string(process_) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

int Daemon::stop() {
  const pid_t process = std::exchange(process_, -1);
  if (process < 0) return 0;
  ::kill(process, SIGTERM);
  int status = 0;
  while (::waitpid(process, &status, 0) < 0) {
  }
  reader_.join();
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace lathe::server
