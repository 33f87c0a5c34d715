// The scores of a fitted pipeline on a table whose target is known.
//
//   for (const Score& s : score(fitted, table, {make_metric("r2")})) ... s.metric, s.value
#pragma once

#include <string>
#include <vector>

#include "lathe/evaluation/metrics.h"

namespace lathe {

class FittedPipeline;
class Table;

struct Score {
  std::string metric;  // its text form
  bool greater_is_better = true;
  double value = 0.0;
};

// Columns are found by the names in the contract: inputs, target, and weights where the model was
// trained with them and the table has their column (a note says where it has not). `metrics`: empty
// for the defaults of the model's role.
//
// Rows whose label training did not see count as wrong: no row is predicted to be of their class,
// its probability is 0, and a note names it. roc_auc and f1(average=binary) then see one class
// more, and refuse to be binary. A clusterer is scored on the rows as its last step sees them.
//
// Throws as FittedPipeline::predict and the metrics do; NotFound for a target that the table has
// not; InvalidArgument for one with missing cells, and for metrics that do not fit the model's
// role.
std::vector<Score> score(const FittedPipeline& fitted, const Table& table,
                         const std::vector<Metric>& metrics = {},
                         std::vector<std::string>* notes = nullptr);

}  // namespace lathe
