// Cross-validation from sums over the rows of each fold (ml/core/statistics.h).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "lathe/evaluation/fold.h"

namespace lathe::detail {

// What candidates share: the sums of each test set, and of all other rows.
struct FoldSums {
  std::vector<std::vector<Index>> test;                // rows
  std::vector<std::unique_ptr<Statistics>> test_sums;  // per fold
  std::vector<std::unique_ptr<Statistics>> train_sums;
  double seconds = 0.0;
};

// None where the training rows of a fold are not all those that its test set lacks, where test sets
// overlap or weigh nothing, where the sums of all folds would take more than 64 MB, or where the
// rows cannot be summed.
std::optional<FoldSums> collect_folds(const StatisticsKind& kind, const FoldPlan& plan,
                                      const Splits& splits);

struct StatisticsFolds {
  std::vector<FoldResult> folds;
  CrossValidationMethod method;
};

// All folds of one candidate; none where they have to be fitted on their rows. A few that test few
// rows, whose errors happen to be small, may be.
std::optional<StatisticsFolds> run_folds_from(const FoldSums& sums, const FoldPlan& plan,
                                              const Splits& splits);

}  // namespace lathe::detail
