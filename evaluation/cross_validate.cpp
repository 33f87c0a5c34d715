#include "lathe/evaluation/cross_validate.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "lathe/evaluation/accurate_sum.h"
#include "lathe/evaluation/fold.h"
#include "lathe/evaluation/fold_statistics.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/words.h"

namespace lathe {
namespace {

using detail::FoldPlan;
using detail::FoldResult;

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
  detail::for_each_fold(plan, splits.size(), run);
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
                        counted(*rarest, "row") + " for " + std::to_string(splits.size()) +
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
  for (const FoldResult& fold : results) n += fold.n_test;
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

// Everything of one candidate but its folds. `before`, one of the same X, y and options, or null,
// shares its splits where they are the same.
class Candidate {
 public:
  Candidate(const Estimator& estimator, const MatrixView& X, const Target& y,
            const CrossValidateOptions& options, const Candidate* before)
      : metrics_(detail::chosen_metrics(estimator.name(), estimator.role(), options.metrics)),
        labels_(
            (check_rows_agree(X, y, options.context.weight), labels_of(estimator, metrics_, y))),
        truth_(labels_ ? Target(*labels_) : y),
        splitter_(options.splitter                       ? *options.splitter
                  : estimator.role() == Role::classifier ? Splitter(StratifiedKFold{})
                                                         : Splitter(KFold{})),
        splits_(before != nullptr && before->cuts_alike(*this)
                    ? before->splits_
                    : splitter_.split({.n = X.rows(),
                                       .labels = labels_ ? &*labels_ : nullptr,
                                       .groups = options.groups,
                                       .seed = options.context.seed})),
        plan_{estimator,
              X,
              truth_,
              metrics_,
              options,
              estimator.role() == Role::classifier &&
                  (options.return_predictions || detail::any_needs(metrics_, MetricNeeds::proba))} {
  }
  Candidate(const Candidate&) = delete;
  Candidate& operator=(const Candidate&) = delete;

  // The sums that it can be validated by; null where it has to be fitted on the rows.
  const StatisticsKind* statistics() const {
    const CrossValidateOptions& options = plan_.options;
    if (options.method == CrossValidationMethod::refit || options.return_models ||
        options.return_train_scores || !truth_.has_numbers()) {
      return nullptr;
    }
    return plan_.estimator.statistics(options.context);
  }
  std::optional<detail::FoldSums> collect(const StatisticsKind* kind) const {
    return detail::collect_folds(*kind, plan_, splits_);
  }
  std::optional<CrossValidation> validate(const detail::FoldSums& sums) const {
    std::optional<detail::StatisticsFolds> found = detail::run_folds_from(sums, plan_, splits_);
    if (!found) return {};
    return describe(found->folds, found->method);
  }
  bool corrects() const {  // with all threads, by passes over the rows
    return plan_.options.method != CrossValidationMethod::sufficient_statistics;
  }
  CrossValidation refit() const {
    std::vector<FoldResult> results = run_folds(plan_, splits_);
    return describe(results, CrossValidationMethod::refit);
  }

 private:
  bool cuts_alike(const Candidate& other) const {
    return labels_.has_value() == other.labels_.has_value() &&
           splitter_.text() == other.splitter_.text();
  }
  CrossValidation describe(std::vector<FoldResult>& results, CrossValidationMethod method) const;

  std::vector<Metric> metrics_;
  std::optional<Labels> labels_;
  Target truth_;
  Splitter splitter_;
  Splits splits_;
  FoldPlan plan_;
};

CrossValidation Candidate::describe(std::vector<FoldResult>& results,
                                    CrossValidationMethod method) const {
  const CrossValidateOptions& options = plan_.options;
  CrossValidation cv;
  cv.pipeline = plan_.estimator.text();
  cv.splitter = splitter_.text();
  cv.seed = options.context.seed;
  cv.method = method;
  for (std::size_t m = 0; m < metrics_.size(); ++m) {
    cv.metrics.push_back(summarise(metrics_[m], m, results));
  }
  for (FoldResult& fold : results) {
    cv.fit_seconds.push_back(fold.fit_seconds);
    cv.score_seconds.push_back(fold.score_seconds);
    cv.n_train.push_back(fold.n_train);
    cv.n_test.push_back(fold.n_test);
    if (!options.return_models) continue;
    cv.models.push_back(std::move(fold.model));
    cv.train_rows.push_back(std::move(fold.train));
  }
  cv.warnings = collect_warnings(results);
  if (labels_ && splitter_.name() == StratifiedKFold::name) {
    warn_of_rare_class(*labels_, splits_, cv);
  }
  for (const Metric& metric : metrics_) {
    if (options.context.weight.empty() || metric.weights()) continue;
    cv.warnings.push_back(metric.text() + " does not heed the weights");
  }
  if (options.return_predictions) cv.predictions = join(results);
  return cv;
}

// Each candidate by statistics, where that holds: collected once for all of one kind.
void validate_by_statistics(const std::vector<std::unique_ptr<Candidate>>& candidates,
                            std::vector<std::optional<CrossValidation>>& found) {
  std::vector<const StatisticsKind*> kinds;
  for (const auto& candidate : candidates) {
    const StatisticsKind* kind = candidate->statistics();
    if (kind == nullptr || std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) continue;
    kinds.push_back(kind);
    const std::optional<detail::FoldSums> sums = candidate->collect(kind);
    if (!sums) continue;
    const auto validate = [&](Index c) {
      const auto i = static_cast<std::size_t>(c);
      if (candidates[i]->statistics() == kind) found[i] = candidates[i]->validate(*sums);
    };
    const auto count = static_cast<Index>(candidates.size());
    if (count > 1 && !candidate->corrects()) {
      parallel_for(count, validate);
    } else {
      for (Index c = 0; c < count; ++c) validate(c);
    }
  }
}

// One call for each fold of each candidate, as though it had just ended.
void report(const CrossValidateOptions& options, const CrossValidation& cv) {
  if (!options.progress) return;
  const auto folds = static_cast<Index>(cv.n_test.size());
  for (Index k = 0; k < folds; ++k) options.progress(k + 1, folds);
}

}  // namespace

std::vector<CrossValidation> cross_validate(std::span<const Estimator> candidates,
                                            const MatrixView& X, const Target& y,
                                            const CrossValidateOptions& options) {
  std::vector<std::unique_ptr<Candidate>> prepared;
  for (const Estimator& candidate : candidates) {
    const Candidate* before = prepared.empty() ? nullptr : prepared.back().get();
    prepared.push_back(std::make_unique<Candidate>(candidate, X, y, options, before));
  }
  std::vector<std::optional<CrossValidation>> found(prepared.size());
  validate_by_statistics(prepared, found);
  std::vector<CrossValidation> results;
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    if (found[i]) report(options, *found[i]);
    results.push_back(found[i] ? std::move(*found[i]) : prepared[i]->refit());
  }
  return results;
}

CrossValidation cross_validate(const Estimator& estimator, const MatrixView& X, const Target& y,
                               const CrossValidateOptions& options) {
  return std::move(cross_validate(std::span(&estimator, 1), X, y, options).front());
}

}  // namespace lathe
