// What the subcommands of `lathe` share. Results go to stdout and everything else to stderr; exit
// codes are those that scripts rely on.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "lathe/datasets/csv.h"
#include "lathe/ml/fitted_pipeline.h"

namespace lathe {

enum ExitCode : int {
  exit_ok = 0,
  exit_other = 1,
  exit_usage = 2,
  exit_bad_data = 3,
  exit_bad_model = 4,
  exit_io = 5,
  exit_not_converged = 6,
  exit_limit = 7,
  exit_interrupted = 130,
};

// How a table is read; the same flags wherever a command takes DATA.
struct DataArguments {
  std::string path;
  std::vector<std::string> missing;      // more missing markers
  std::vector<std::string> types;        // COLUMN=numeric or COLUMN=category
  std::optional<std::string> delimiter;  // none: by the file's name

  void add_to(CLI::App& app);
  Table read() const;
  // For a saved model: its columns have the kinds of the contract, and others may be anything; so
  // may the targets, unless they are to be compared with.
  Table read_for(const Contract& contract, bool with_targets) const;

 private:
  CsvOptions options() const;
};

// What the columns of a table mean to a fit.
struct ColumnArguments {
  std::vector<std::string> targets;
  std::string weight;
  std::vector<std::string> drop;

  void add_to(CLI::App& app, bool target_required);
  FitOptions fit_options(std::uint64_t seed) const;
};

// Each adds its subcommand. Its callback runs the command and throws Exit where the code is not 0.
struct Exit {
  int code;
};
void add_describe(CLI::App& app);
void add_cv(CLI::App& app);
void add_fit(CLI::App& app);
void add_predict(CLI::App& app);
void add_score(CLI::App& app);
void add_inspect(CLI::App& app);
void add_list(CLI::App& app);
void add_push(CLI::App& app);   // where the server is built
void add_serve(CLI::App& app);  // likewise

// --threads N, which changes no result.
void add_threads(CLI::App& app);
void add_seed(CLI::App& app, std::uint64_t& seed);  // --seed N

// For `transform`: digits alone, of a number in [least, most].
CLI::Validator whole_number(std::uint64_t least, std::uint64_t most);

// Prints "error[D013]: ..." and the help on stderr; returns the exit code.
int report(const std::exception& error);
void note(const std::string& sentence);     // "note: ..." on stderr
void warning(const std::string& sentence);  // "warning: ..." on stderr

// Before anything is begun. Throws InvalidArgument U002 when the file is there and --force is not,
// U005 when it is one of `inputs`, by whatever path, or a folder, or `-` (standard output).
void check_output(const std::string& path, bool force, const std::vector<std::string>& inputs);

}  // namespace lathe
