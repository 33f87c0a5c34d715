// `lathe`: from a CSV file to a served model.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "lathe/cli/command.h"
#include "lathe/cli/usage.h"
#include "lathe/ml/contract.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"

namespace {

std::string version_text(bool verbose) {
  std::string text = "lathe " + std::string(lathe::lathe_version());
  if (!verbose) return text;
  return text + "\nkernels  " + std::string(lathe::kernels::level()) + "\nthreads  " +
         std::to_string(lathe::thread_limit());
}

// Last first, as CLI11 takes them; `help COMMAND` is `COMMAND --help`.
std::vector<std::string> arguments(int argc, char** argv) {
  std::vector<std::string> given(argv + std::min(argc, 1), argv + argc);
  if (!given.empty() && given[0] == "help") {
    given.erase(given.begin());
    given.resize(std::min<std::size_t>(given.size(), 1));
    given.emplace_back("--help");
  }
  std::reverse(given.begin(), given.end());
  return given;
}

}  // namespace

// Out of memory ends it.
int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape)
  std::ios::sync_with_stdio(false);
  CLI::App app("lathe: from a CSV file to a served model", "lathe");
  bool verbose = false;  // before --version, which reads it
  app.add_flag("--verbose", verbose, "With --version: also the kernels that run, and threads");
  app.set_version_flag("--version", [&verbose] { return version_text(verbose); });
  app.require_subcommand(1);
  app.parse_complete_callback([] { lathe::thread_limit(); });  // refuses a bad LATHE_NUM_THREADS
  app.footer(
      "Start with `lathe describe DATA`, then `lathe list`. Results go to stdout, the rest to\n"
      "stderr. Exit codes: 0 ok, 1 anything else, 2 usage, 3 bad data, 4 bad model,\n"
      "5 input or output, 6 not converged under --strict, 7 a limit, 130 interrupted.");
  lathe::add_describe(app);
  lathe::add_cv(app);
  lathe::add_fit(app);
  lathe::add_predict(app);
  lathe::add_score(app);
  lathe::add_inspect(app);
  lathe::add_list(app);
#ifdef LATHE_SERVER
  lathe::add_push(app);
  lathe::add_serve(app);
#endif
  try {
    app.parse(arguments(argc, argv));
    std::cout.flush();
    if (!std::cout) throw lathe::IoError("I001", "standard output could not be written");
    return lathe::exit_ok;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help and --version
    return lathe::report(lathe::usage_error(app, error));
  } catch (const lathe::Exit& exit) {
    std::cout.flush();
    return exit.code;
  } catch (const std::exception& error) {
    std::cout.flush();
    return lathe::report(error);
  }
}
