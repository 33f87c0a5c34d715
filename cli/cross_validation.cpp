#include "lathe/cli/cross_validation.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>

#include <fmt/format.h>
#include <unistd.h>

#include "lathe/cli/command.h"
#include "lathe/cli/text_table.h"
#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int signal) {
  interrupted = 1;
  std::signal(signal, SIG_DFL);  // a second one ends it at once
}

class Progress {
 public:
  void operator()(Index done, Index folds) const {
    if (interrupted != 0) throw Exit{exit_interrupted};
    if (!terminal_) return;
    const double elapsed = seconds();
    const double left = elapsed / static_cast<double>(done) * static_cast<double>(folds - done);
    const std::string line =
        fmt::format("cv  {}/{} folds  elapsed {:.1f} s  left {:.1f} s", done, folds, elapsed, left);
    std::cerr << '\r' << line << "\033[K" << (done == folds ? "\r\033[K" : "") << std::flush;
  }

 private:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  bool terminal_ = isatty(STDERR_FILENO) == 1;
};

}  // namespace

std::optional<Labels> take_groups(Table& table, const std::string& column,
                                  const ColumnArguments& others) {
  if (column.empty()) return std::nullopt;
  const auto& targets = others.targets;
  if (column == others.weight ||
      std::find(targets.begin(), targets.end(), column) != targets.end()) {
    throw InvalidArgument("U004",
                          "column '" + column + "' cannot be the groups and something else");
  }
  Labels groups = table.labels(table.column(column));
  table = table.drop(column);
  return groups;
}

CrossValidation run_cross_validation(const TrainingData& data, const FitOptions& options,
                                     const CrossValidationArguments& arguments) {
  CrossValidateOptions how;
  if (!arguments.splitter.empty()) how.splitter = make_splitter(arguments.splitter);
  for (const std::string& metric : arguments.metrics) how.metrics.push_back(make_metric(metric));
  how.groups = arguments.groups ? &*arguments.groups : nullptr;
  how.context.seed = options.seed;
  how.return_models = arguments.keep_models;
  how.progress = Progress();
  std::signal(SIGINT, on_interrupt);
  CrossValidation result = cross_validate(data, how);
  std::signal(SIGINT, SIG_DFL);
  for (const std::string& sentence : result.warnings) warning(sentence);
  return result;
}

void print_summary(const CrossValidation& validation) {
  for (const MetricScores& metric : validation.metrics) {
    std::cout << "cv      " << metric.metric << " " << short_number(metric.mean) << " +- "
              << short_number(metric.std) << "  (" << validation.splitter << ")\n";
  }
}

}  // namespace lathe
