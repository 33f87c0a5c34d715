// One fold of a cross-validation.
#pragma once

#include <string>
#include <vector>

#include "lathe/evaluation/cross_validate.h"
#include "lathe/evaluation/scored_rows.h"

namespace lathe::detail {

// What all folds share, read-only.
struct FoldPlan {
  const Estimator& estimator;
  const MatrixView& X;
  const Target& y;  // labels with exactly the classes that occur, numbers, or nothing
  const std::vector<Metric>& metrics;
  const CrossValidateOptions& options;
  bool need_proba;
};

struct FoldResult {
  Index n_train = 0;
  std::vector<Index> test;     // rows
  std::vector<double> scores;  // one per metric
  std::vector<double> train_scores;
  double fit_seconds = 0.0;
  double score_seconds = 0.0;
  ScoredRows prediction;     // kept where asked for
  ModelPtr model;            // kept where asked for
  std::vector<Index> train;  // rows, with the model
  std::vector<std::string> warnings;
};

// "fold 2 of 5: "
std::string fold_name(Index k, Index n_folds);

FoldResult run_fold(const FoldPlan& plan, const Splits& splits, Index k);

}  // namespace lathe::detail
