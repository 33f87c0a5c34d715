// What `lathe cv` and `lathe fit --cv` share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lathe/cli/command.h"
#include "lathe/evaluation/cross_validate.h"
#include "lathe/ml/fitted_pipeline.h"

namespace lathe {

struct CrossValidationArguments {
  std::string splitter;              // text form; empty: the role's default
  std::vector<std::string> metrics;  // likewise
  std::optional<Labels> groups;
  bool keep_models = false;
};

// The column as groups, taken out of the table; none for an empty name.
std::optional<Labels> take_groups(Table& table, const std::string& column,
                                  const ColumnArguments& others);

// Shows progress and the time left on stderr where that is a terminal. Ctrl-C ends it after the
// folds under way (exit code 130).
CrossValidation run_cross_validation(const TrainingData& data, const FitOptions& options,
                                     const CrossValidationArguments& arguments);

// A line per metric: mean and standard deviation.
void print_summary(const CrossValidation& validation);

}  // namespace lathe
