// One fold of a cross-validation.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "lathe/evaluation/cross_validate.h"

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

struct FoldPrediction {
  Matrix numbers;   // regressors
  Labels labels;    // classifiers: in the classes of y
  Matrix proba;     // classifiers, where needed: columns in the order of the classes of y
  Labels clusters;  // clusterers
  Matrix seen;      // clusterers: the rows as the last step sees them
};

struct FoldResult {
  Index n_train = 0;
  std::vector<Index> test;     // rows
  std::vector<double> scores;  // one per metric
  std::vector<double> train_scores;
  double fit_seconds = 0.0;
  double score_seconds = 0.0;
  FoldPrediction prediction;  // kept where asked for
  ModelPtr model;             // kept where asked for
  std::vector<std::string> warnings;
};

// "fold 2 of 5: "
std::string fold_name(Index k, Index n_folds);

FoldResult run_fold(const FoldPlan& plan, const Splits& splits, Index k);

}  // namespace lathe::detail
