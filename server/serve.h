// The daemon: lathed, and `lathe serve`.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <string>

#include "lathe/server/http/flags.h"
#include "lathe/server/log.h"
#include "lathe/server/transport.h"
#include "lathe/server/version_policy.h"

namespace CLI {
class App;
}

namespace lathe::server {

// What changes the models that serve, besides calls to load and unload.
enum class ModelControl {
  poll,      // changes of the folder
  none,      // nothing: it is looked at once, at the start
  explicit_  // nothing, and none is loaded at the start
};

struct ServeOptions {
  std::string config;  // a TOML file of these options; empty: none
  std::string models;  // a repository folder, or one .lathe file
  ModelControl model_control = ModelControl::poll;
  VersionPolicy version_policy;
  std::map<std::string, VersionPolicy> version_policies;  // of models that have their own
  double poll_seconds = 1.0;    // how often the models are looked at; 0: when the kernel tells
  double settle_seconds = 5.0;  // until half a file that does not grow is taken for a bad one
  LogFormat log_format = LogFormat::text;
  LogLevel log_level = LogLevel::info;
  TransportOptions grpc;
  HttpFlags http;
  std::string token_file;  // none: no tokens are asked for
  std::int64_t max_cells = std::int64_t{1} << 24;
  int max_queue = 64;
  double grace_seconds = 0.0;   // after SIGTERM: not ready, but answering as before
  double drain_seconds = 30.0;  // how long calls may take to end after SIGTERM
};

// The flags of all options but `models`, with their ranges.
void add_flags(CLI::App& app, ServeOptions& options);
// After `app` was parsed: what the configuration file says, and then whether all is well together.
// Throws InvalidArgument, also for an address that is none, and IoError.
void finish_flags(CLI::App& app, ServeOptions& options);
// Those of them that are about gRPC, and about models and the log.
void add_grpc_flags(CLI::App& app, ServeOptions& options);
void add_model_flags(CLI::App& app, ServeOptions& options);
void add_log_flags(CLI::App& app, ServeOptions& options);

// Reads the files that the options name, as serve() does at its start, and throws what that would.
void check_files(const ServeOptions& options);

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
