// Scores of a fitted pipeline on a table that has the target too.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lathe/evaluation/metrics.h"
#include "lathe/ml/fitted_pipeline.h"

namespace lathe {

struct ScoreOptions {
  std::string target = {};  // its column, for clusterers; none: the contract's
  std::string weight = {};  // its column; none: every row counts one
};

// One score per metric. Labels are compared by their text. A label that the model does not know is
// a miss, its probability 0, and a note says so. Throws NotFound for columns that are not there, and
// InvalidArgument for metrics that do not fit the model's role and targets with missing cells.
std::vector<double> score(const FittedPipeline& fitted, const Table& table,
                          std::span<const Metric> metrics, const ScoreOptions& options = {},
                          std::vector<std::string>* notes = nullptr);

}  // namespace lathe
