// The flags that are about models and the log.
#include <map>

#include <CLI/CLI.hpp>

#include "lathe/ml/core/error.h"
#include "lathe/server/flag_checks.h"
#include "lathe/server/serve.h"

namespace lathe::server {

namespace {

// An option that takes one of some names, and shows them.
template <class Choice>
void add_choice(CLI::App& app, const char* flag, Choice& choice, const char* what,
                const std::map<std::string, Choice>& choices) {
  auto* option = app.add_option_function<std::string>(
      flag, [&choice, choices](const std::string& name) { choice = choices.at(name); }, what);
  option->check(CLI::IsMember(choices));
  for (const auto& [name, value] : choices) {
    if (value == choice) option->default_str(name);
  }
}

const CLI::Validator is_policy(
    [](const std::string& text) -> std::string {
      try {
        VersionPolicy::parse(text);
        return {};
      } catch (const InvalidArgument& error) {
        return error.what();
      }
    },
    "POLICY");

}  // namespace

void add_model_flags(CLI::App& app, ServeOptions& options) {
  add_choice(app, "--model-control", options.model_control,
             "what changes the models that serve besides calls to load and unload: changes of the "
             "folder (poll), nothing (none), nothing and none is loaded at the start (explicit)",
             {{"poll", ModelControl::poll},
              {"none", ModelControl::none},
              {"explicit", ModelControl::explicit_}});
  app.add_option_function<std::string>(
         "--version-policy",
         [&options](const std::string& text) {
           options.version_policy = VersionPolicy::parse(text);
         },
         "which versions of a model serve: latest(N), all or specific(N,...)")
      ->check(is_policy)
      ->default_str(options.version_policy.text());
  app.add_option("--poll-seconds", options.poll_seconds,
                 "how often to look for changed models of which the kernel does not tell; 0: never")
      ->check(in_range(0.0, 86400.0))
      ->capture_default_str();
  app.add_option("--settle-seconds", options.settle_seconds,
                 "how long half a model file must not have changed to be taken for a bad one")
      ->check(in_range(0.0, 86400.0))
      ->capture_default_str();
}

void add_log_flags(CLI::App& app, ServeOptions& options) {
  add_choice(app, "--log-format", options.log_format, "lines of text, or JSON objects",
             {{"text", LogFormat::text}, {"json", LogFormat::json}});
  add_choice(app, "--log-level", options.log_level, "the least that is logged",
             {{"debug", LogLevel::debug},
              {"info", LogLevel::info},
              {"warning", LogLevel::warning},
              {"error", LogLevel::error}});
}

}  // namespace lathe::server
