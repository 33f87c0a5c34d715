// One fold of a cross-validation.
#pragma once

#include <string>
#include <vector>

#include "lathe/evaluation/cross_validate.h"
#include "lathe/evaluation/scored_rows.h"
#include "lathe/ml/core/parallel.h"

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
  Index n_test = 0;
  std::vector<double> scores;  // one per metric
  std::vector<double> train_scores;
  double fit_seconds = 0.0;
  double score_seconds = 0.0;
  ScoredRows prediction;     // kept where asked for
  std::vector<Index> test;   // rows, with the prediction
  ModelPtr model;            // kept where asked for
  std::vector<Index> train;  // rows, with the model
  std::vector<std::string> warnings;
};

// Some of the rows, as copies.
struct FoldRows {
  FoldRows(const FoldPlan& plan, const std::vector<Index>& rows);
  FoldRows(const FoldRows&) = delete;
  FoldRows& operator=(const FoldRows&) = delete;

  Matrix X;
  Matrix numbers;
  Labels labels;
  std::vector<double> weight;
  Target y;  // points into this
};

// What the model says of the rows, and its scores.
ScoredRows predict_rows(const FoldPlan& plan, const ModelPtr& model, const Matrix& X);
std::vector<double> score_fold(const FoldPlan& plan, const FoldRows& rows, const ScoredRows& said);

// A warning for each metric that is not defined on the test rows.
void warn_of_undefined(const FoldPlan& plan, FoldResult& result);

// "fold 2 of 5: "
std::string fold_name(Index k, Index n_folds);

FoldResult run_fold(const FoldPlan& plan, const Splits& splits, Index k);

// run(i) for each of `count` folds: at once for small data, since each has a copy of its rows.
template <class Run>
void for_each_fold(const FoldPlan& plan, Index count, const Run& run) {
  constexpr Index small_data = 4'000'000;  // cells of X
  if (plan.X.size() < small_data) {
    parallel_for(count, run);
  } else {
    for (Index i = 0; i < count; ++i) run(i);
  }
}

}  // namespace lathe::detail
