#include "lathe/server/http/flags.h"

#include <CLI/CLI.hpp>

#include "lathe/ml/core/error.h"
#include "lathe/server/address.h"
#include "lathe/server/config.h"
#include "lathe/server/flag_checks.h"
#include "lathe/server/serve.h"

namespace lathe::server {

void add_flags(CLI::App& app, ServeOptions& options) {
  app.add_option("--config", options.config, "a TOML file of flags; those given here come first")
      ->type_name("FILE")
      ->configurable(false);
  add_grpc_flags(app, options);
  add_model_flags(app, options);
  app.add_option("--max-cells", options.max_cells,
                 "most rows times columns of a request, and of each of its outputs")
      ->check(in_range(std::int64_t{1}, std::int64_t{1} << 27))
      ->capture_default_str();
  app.add_option("--max-queue", options.max_queue,
                 "most predictions that wait for a thread, of those that take long")
      ->check(in_range(1, 65536))
      ->capture_default_str();
  app.add_option("--grace-seconds", options.grace_seconds,
                 "how long to answer as before when told to stop, so that balancers can look away")
      ->check(in_range(0.0, 86400.0))
      ->capture_default_str();
  app.add_option("--drain-seconds", options.drain_seconds,
                 "how long calls that run may take to finish when told to stop")
      ->check(in_range(0.0, 86400.0))
      ->capture_default_str();
  add_http_flags(app, options.http);
  add_log_flags(app, options);
}

namespace {

void check_http_address(const std::string& address) {
  if (address == "none") return;
  check_address_form(address);
  if (address.starts_with("unix:")) {
    throw InvalidArgument("U010", "address " + address + ": HTTP listens on HOST:PORT only");
  }
}

}  // namespace

void finish_flags(CLI::App& app, ServeOptions& options) {
  if (!options.config.empty()) read_config(app, options.config, options);
  if (options.models.empty()) {
    throw InvalidArgument("U001", "--model-repository is not given: there is nothing to serve");
  }
  check_address_form(options.grpc.address);
  check_http_address(options.http.address);
  check_tls(options.grpc);
}

}  // namespace lathe::server
