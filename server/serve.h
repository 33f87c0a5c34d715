// The daemon: lathed, and `lathe serve`.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>

namespace CLI {
class App;
}

namespace lathe::server {

struct ServeOptions {
  std::string models;  // a repository folder, or one .lathe file
  std::string address = "127.0.0.1:8001";
  double poll_seconds = 1.0;  // how often the models are looked at; 0: never
  int max_message_mib = 64;
  std::int64_t max_cells = std::int64_t{1} << 24;
  double drain_seconds = 30.0;  // how long calls may take to end after SIGTERM
};

// The flags of all options but `models`, with their ranges.
void add_flags(CLI::App& app, ServeOptions& options);

// So that more than no time never becomes none.
std::chrono::milliseconds rounded_up(double seconds);

// Serves until SIGTERM or SIGINT, finishes the calls that run, and returns the exit status, 0. To
// be called before other threads are started; standard error is its log. Throws IoError for models
// or an address that cannot be had, CorruptData for a bare file that is no model, InvalidArgument
// for an address that is none.
int serve(const ServeOptions& options);

// The exit status for what serve() throws: 2 usage, 4 a bad model, 5 input or output, 1 else.
int exit_status(const std::exception& error);

}  // namespace lathe::server
