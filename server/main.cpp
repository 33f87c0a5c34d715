// lathed: serves a folder of models over the Open Inference Protocol v2.
#include <exception>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "lathe/ml/contract.h"
#include "lathe/ml/core/error.h"
#include "lathe/server/config.h"
#include "lathe/server/serve.h"

namespace {

constexpr int usage = 2;

int report(const std::exception& error, const lathe::server::ServeOptions& options) {
  const auto* ours = dynamic_cast<const lathe::Error*>(&error);
  if (options.log_format == lathe::server::LogFormat::json) {
    lathe::server::set_log(options.log_format, options.log_level);
    std::string message = error.what();
    if (ours != nullptr && !ours->help().empty()) message += "; " + ours->help();
    lathe::server::log_error(message, {{"code", ours != nullptr ? ours->code() : ""}});
    return lathe::server::exit_status(error);
  }
  std::cerr << "lathed: ";
  if (ours != nullptr) std::cerr << ours->code() << ": ";
  std::cerr << error.what() << "\n";
  if (ours != nullptr && !ours->help().empty()) std::cerr << "  " << ours->help() << "\n";
  return lathe::server::exit_status(error);
}

}  // namespace

// Out of memory ends it.
int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape)
  CLI::App app{"Serves models over gRPC by the Open Inference Protocol v2.", "lathed"};
  lathe::server::ServeOptions options;
  bool check_config = false;
  app.add_option("--model-repository", options.models, "folder with <name>/<version>/model.lathe")
      ->type_name("FOLDER");
  lathe::server::add_flags(app, options);
  app.add_flag("--check-config", check_config,
               "check what is set and the files it names, print it, and exit")
      ->configurable(false);
  app.set_version_flag("--version", "lathed " + std::string(lathe::lathe_version()));
  try {
    app.parse(argc, argv);
    lathe::server::finish_flags(app, options);
    if (check_config) {
      lathe::server::check_files(options);
      std::cout << lathe::server::to_config(app, options);
      return 0;
    }
    return lathe::server::serve(options);
  } catch (const CLI::Success& success) {  // --help and --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return usage;
  } catch (const std::exception& error) {
    return report(error, options);
  }
}
