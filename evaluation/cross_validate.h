// Cross-validation: an estimator fitted on the training rows of each fold and scored on its test
// rows. Everything is fitted inside the fold, so nothing of the test rows is known to it.
//
//   CrossValidation cv = cross_validate(StandardScaler{} | Ridge{}, X, y, {.splitter = KFold{}});
//   cv.metrics[0].mean;  // r2
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/evaluation/metrics.h"
#include "lathe/ml/core/estimator.h"
#include "lathe/ml/core/model.h"
#include "lathe/ml/core/splitter.h"
#include "lathe/ml/core/target.h"

namespace lathe {

struct CrossValidationScore;
struct TrainingData;

// How the models of the folds come about, the cheapest way first. `sufficient_statistics`: sums
// over the rows of each fold (ml/core/statistics.h), merged without the one that is left out; the
// rows are read once for all folds and candidates. `refined_statistics`: each such fit is then
// corrected once by the residuals of its rows, in double-double. `refit`: each model is fitted on
// its rows.
enum class CrossValidationMethod { sufficient_statistics, refined_statistics, refit };
constexpr std::array<std::string_view, 3> names(CrossValidationMethod) {
  return {"sufficient_statistics", "refined_statistics", "refit"};
}

struct CrossValidateOptions {
  std::optional<Splitter> splitter = {};  // none: stratified_kfold for classifiers, else kfold
  std::vector<Metric> metrics = {};       // empty: default_metrics of the estimator's role
  const Labels* groups = nullptr;         // for the splitters that need them, one per row
  Context context = {};                   // weights go into the fits and the scores
  // No cheaper way than this one is taken. A way is left for the next one where its scores would
  // not be those of refits to about 1e-10 (CrossValidation::method says which was taken), and for
  // refits where models or scores of training rows are asked for.
  CrossValidationMethod method = CrossValidationMethod::sufficient_statistics;
  bool return_models = false;
  bool return_predictions = false;
  bool return_train_scores = false;
  // Called after each fold, by one thread at a time; an exception ends the run.
  std::function<void(Index done, Index folds)> progress = {};
};

struct MetricScores {
  std::string metric;  // its text form
  bool greater_is_better = true;
  std::vector<double> folds;  // in the order of the folds
  double mean = 0.0;
  double std = 0.0;                 // n in the denominator
  std::vector<double> train_folds;  // on the training rows; empty unless asked for
};

// What each model said of its test rows, fold after fold. A row may be in several folds, or in
// none.
struct OutOfFoldPredictions {
  std::vector<Index> rows;             // of X
  std::vector<Index> folds;            // in which they were test rows, from 0
  Matrix numbers;                      // regressors: rows x targets
  Labels labels;                       // classifiers, with all classes of the target
  Matrix proba;                        // classifiers: rows x those classes, 0 for one not learnt
  std::vector<std::int64_t> clusters;  // clusterers; numbers of two folds are not related
};

struct CrossValidation {
  std::vector<MetricScores> metrics;  // in the order asked for, each once
  std::vector<double> fit_seconds;    // per fold; with statistics, its share of what all took
  std::vector<double> score_seconds;  // per fold: predicting and scoring
  std::vector<Index> n_train;         // rows
  std::vector<Index> n_test;
  OutOfFoldPredictions predictions;            // empty unless asked for
  std::vector<ModelPtr> models;                // one per fold; empty unless asked for
  std::vector<std::vector<Index>> train_rows;  // of X, that each of the models was fitted on
  std::string pipeline;                        // text forms
  std::string splitter;
  std::uint64_t seed = 0;
  CrossValidationMethod method = CrossValidationMethod::refit;  // that was taken, for all folds
  std::vector<std::string> warnings;  // of the fits too, each naming its folds
};

// The result has the same bits for any number of threads: fold k is fitted with
// derive_seed(seed, "cv.fold", k). Small data (X under 32 MB) runs several folds at once; otherwise
// the threads work inside each fold.
//
// A class that a fold's training rows lack has probability 0 there, and a warning says so. A
// clusterer is scored on the rows as its last step sees them; y is only needed for adjusted_rand.
// Throws InvalidArgument or NotSupported: for metrics that do not fit the estimator's role, for
// what a fit, a splitter or a metric refuses (naming the fold).
CrossValidation cross_validate(const Estimator& estimator, const MatrixView& X, const Target& y,
                               const CrossValidateOptions& options = {});

// Several candidates on the same folds, which share what statistics can be collected once: 20
// penalties of a ridge cost little more than one. The same results as one by one.
std::vector<CrossValidation> cross_validate(std::span<const Estimator> candidates,
                                            const MatrixView& X, const Target& y,
                                            const CrossValidateOptions& options = {});

// The pipeline, columns, target and weights of a table (ml/fitted_pipeline.h); of the context only
// the seed counts.
CrossValidation cross_validate(const TrainingData& data, const CrossValidateOptions& options = {});

// For the contract of a model (ml/contract.h): all metrics that were defined in every fold.
std::vector<CrossValidationScore> contract_scores(const CrossValidation& cv);

}  // namespace lathe
