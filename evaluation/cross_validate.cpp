#include "lathe/evaluation/cross_validate.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "lathe/evaluation/accurate_sum.h"
#include "lathe/evaluation/fold.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

using detail::FoldPlan;
using detail::FoldResult;

constexpr Index small_data = 4'000'000;  // cells of X; each fold running holds a copy of its rows

// Labels with exactly the classes that occur, where the role or a metric needs labels.
std::optional<Labels> labels_of(const Estimator& estimator, const std::vector<Metric>& metrics,
                                const Target& y) {
  const bool truth = detail::any_needs(metrics, MetricNeeds::clusters_and_labels);
  if (estimator.role() == Role::classifier || truth) {
    return detail::need_labels(truth ? "adjusted_rand" : estimator.name(), y).compact();
  }
  if (estimator.role() == Role::regressor) detail::need_numbers(estimator.name(), y);  // or throws
  if (y.has_labels()) return y.labels().compact();
  return std::nullopt;
}

void check_rows_agree(const MatrixView& X, const Target& y, std::span<const double> weight) {
  if (!y.empty() && y.rows() != X.rows()) {
    throw InvalidArgument("V003", "cross_validate: y has " + std::to_string(y.rows()) +
                                      " rows, but X has " + std::to_string(X.rows()));
  }
  if (!weight.empty() && static_cast<Index>(weight.size()) != X.rows()) {
    throw InvalidArgument("W001", "cross_validate: " + std::to_string(weight.size()) +
                                      " weights for " + std::to_string(X.rows()) + " rows");
  }
}

std::vector<FoldResult> run_folds(const FoldPlan& plan, const Splits& splits) {
  std::vector<FoldResult> results(static_cast<std::size_t>(splits.size()));
  std::mutex mutex;
  Index done = 0;
  // Folds from here on need not run: the error of the lowest fold that fails is what is reported.
  std::atomic<Index> end = splits.size();
  const auto run = [&](Index k) {
    if (k >= end) return;
    try {
      results[static_cast<std::size_t>(k)] = detail::run_fold(plan, splits, k);
    } catch (...) {
      Index before = end;
      while (k < before && !end.compare_exchange_weak(before, k)) {
      }
      throw;
    }
    if (!plan.options.progress) return;
    const std::lock_guard lock(mutex);
    try {
      plan.options.progress(++done, splits.size());
    } catch (...) {
      end = 0;
      throw;
    }
  };
  if (plan.X.size() < small_data) {
    parallel_for(splits.size(), run);
  } else {
    for (Index k = 0; k < splits.size(); ++k) run(k);
  }
  return results;
}

MetricScores summarise(const Metric& metric, std::size_t m,
                       const std::vector<FoldResult>& results) {
  MetricScores scores{metric.text(), metric.greater_is_better(), {}, 0.0, 0.0, {}};
  AccurateSum sum;
  for (const FoldResult& fold : results) {
    scores.folds.push_back(fold.scores[m]);
    sum.add(fold.scores[m]);
    if (!fold.train_scores.empty()) scores.train_folds.push_back(fold.train_scores[m]);
  }
  const auto n = static_cast<double>(results.size());
  scores.mean = sum.value() / n;
  AccurateSum squares;
  for (const double score : scores.folds) {
    squares.add((score - scores.mean) * (score - scores.mean));
  }
  scores.std = std::sqrt(squares.value() / n);
  return scores;
}

// "fold 2 of 5: ..."; one line for a text that several folds have.
std::vector<std::string> collect_warnings(const std::vector<FoldResult>& results) {
  std::vector<std::pair<std::string, std::vector<Index>>> texts;
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t k = 0; k < results.size(); ++k) {
    for (const std::string& text : results[k].warnings) {
      const auto [place, is_new] = places.try_emplace(text, texts.size());
      if (is_new) texts.emplace_back(text, std::vector<Index>());
      texts[place->second].second.push_back(static_cast<Index>(k));
    }
  }
  const auto n_folds = static_cast<Index>(results.size());
  std::vector<std::string> warnings;
  for (const auto& [text, folds] : texts) {
    warnings.push_back(folds.size() == 1 ? detail::fold_name(folds[0], n_folds) + text
                                         : std::to_string(folds.size()) + " of " +
                                               std::to_string(n_folds) + " folds: " + text);
  }
  return warnings;
}

void warn_of_rare_class(const Labels& labels, const Splits& splits, CrossValidation& cv) {
  std::vector<Index> count(static_cast<std::size_t>(labels.classes().size()), 0);
  for (const std::int32_t code : labels.codes()) ++count[static_cast<std::size_t>(code)];
  const auto rarest = std::min_element(count.begin(), count.end());
  if (*rarest >= splits.size()) return;
  cv.warnings.push_back("class " + labels.classes().name(rarest - count.begin()) + " has " +
                        std::to_string(*rarest) + " rows for " + std::to_string(splits.size()) +
                        " folds, so that some test sets lack it");
}

void append(Matrix& to, Index at, const Matrix& from, Index rows) {
  if (from.size() == 0) return;
  if (at == 0) to.resize(rows, from.cols());
  to.middleRows(at, from.rows()) = from;
}

OutOfFoldPredictions join(const std::vector<FoldResult>& results) {
  OutOfFoldPredictions all;
  Index n = 0;
  for (const FoldResult& fold : results) n += static_cast<Index>(fold.test.size());
  std::vector<std::int32_t> codes;
  Classes classes;
  for (std::size_t k = 0; k < results.size(); ++k) {
    const std::vector<Index>& test = results[k].test;
    const detail::ScoredRows& prediction = results[k].prediction;
    const auto at = static_cast<Index>(all.rows.size());
    append(all.numbers, at, prediction.numbers, n);
    append(all.proba, at, prediction.proba, n);
    codes.insert(codes.end(), prediction.labels.codes().begin(), prediction.labels.codes().end());
    classes = prediction.labels.classes();
    for (Index i = 0; i < prediction.clusters.size(); ++i) {
      const Classes& numbers = prediction.clusters.classes();
      all.clusters.push_back(numbers.integers()[static_cast<std::size_t>(prediction.clusters[i])]);
    }
    all.rows.insert(all.rows.end(), test.begin(), test.end());
    all.folds.insert(all.folds.end(), test.size(), static_cast<Index>(k));
  }
  all.labels = Labels(std::move(codes), std::move(classes));
  return all;
}

}  // namespace

CrossValidation cross_validate(const Estimator& estimator, const MatrixView& X, const Target& y,
                               const CrossValidateOptions& options) {
  const std::vector<Metric> metrics =
      detail::chosen_metrics(estimator.name(), estimator.role(), options.metrics);
  check_rows_agree(X, y, options.context.weight);
  const std::optional<Labels> labels = labels_of(estimator, metrics, y);
  const Target truth = labels ? Target(*labels) : y;

  const bool classifies = estimator.role() == Role::classifier;
  const Splitter splitter = options.splitter ? *options.splitter
                            : classifies     ? Splitter(StratifiedKFold{})
                                             : Splitter(KFold{});
  const Splits splits = splitter.split({.n = X.rows(),
                                        .labels = labels ? &*labels : nullptr,
                                        .groups = options.groups,
                                        .seed = options.context.seed});
  const FoldPlan plan{
      estimator,
      X,
      truth,
      metrics,
      options,
      classifies && (options.return_predictions || detail::any_needs(metrics, MetricNeeds::proba))};
  std::vector<FoldResult> results = run_folds(plan, splits);

  CrossValidation cv;
  cv.pipeline = estimator.text();
  cv.splitter = splitter.text();
  cv.seed = options.context.seed;
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    cv.metrics.push_back(summarise(metrics[m], m, results));
  }
  for (FoldResult& fold : results) {
    cv.fit_seconds.push_back(fold.fit_seconds);
    cv.score_seconds.push_back(fold.score_seconds);
    cv.n_train.push_back(fold.n_train);
    cv.n_test.push_back(static_cast<Index>(fold.test.size()));
    if (!options.return_models) continue;
    cv.models.push_back(std::move(fold.model));
    cv.train_rows.push_back(std::move(fold.train));
  }
  cv.warnings = collect_warnings(results);
  if (labels && splitter.name() == StratifiedKFold::name) warn_of_rare_class(*labels, splits, cv);
  for (const Metric& metric : metrics) {
    if (options.context.weight.empty() || metric.weights()) continue;
    cv.warnings.push_back(metric.text() + " does not heed the weights");
  }
  if (options.return_predictions) cv.predictions = join(results);
  return cv;
}

}  // namespace lathe
