#include "lathe/evaluation/fold_statistics.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <numeric>
#include <span>
#include <utility>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/linear/row_gradient.h"

namespace lathe::detail {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Index most_numbers = 8 << 20;  // 64 MB

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

bool are_neighbours(const std::vector<Index>& rows) {
  return !rows.empty() && rows.back() - rows.front() + 1 == static_cast<Index>(rows.size());
}

// Sums of one test set; of rows that lie together without a copy.
std::unique_ptr<Statistics> collect(const StatisticsKind& kind, const FoldPlan& plan,
                                    const std::vector<Index>& rows) {
  const std::span<const double> weight = plan.options.context.weight;
  if (!are_neighbours(rows) || !plan.y.has_numbers()) {
    const FoldRows part(plan, rows);
    return kind.collect(part.X, part.y, part.weight);
  }
  const Index first = rows.front();
  const Index count = static_cast<Index>(rows.size());
  const Target::Numbers y = plan.y.numbers();
  const MatrixView block = y.middleRows(first, count);
  return kind.collect(plan.X.middleRows(first, count), Target(block),
                      weight.empty() ? weight : weight.subspan(at(first), at(count)));
}

// Marks the rows; false where one of them is marked already.
bool mark(const std::vector<Index>& rows, std::vector<bool>& marked) {
  for (const Index row : rows) {
    if (marked[at(row)]) return false;
    marked[at(row)] = true;
  }
  return true;
}

// Of each fold, the merged sums of all others: what is before it and what is after it.
std::vector<std::unique_ptr<Statistics>> merge_without_each(
    const std::vector<std::unique_ptr<Statistics>>& parts,
    std::unique_ptr<Statistics> never_tested) {
  const std::size_t n = parts.size();
  std::vector<std::unique_ptr<Statistics>> after(n);  // [k]: of parts beyond k
  for (std::size_t k = n - 1; k > 0; --k) {
    after[k - 1] = parts[k]->clone();
    if (after[k] != nullptr) after[k - 1]->merge(*after[k]);
  }
  std::vector<std::unique_ptr<Statistics>> without(n);
  std::unique_ptr<Statistics> before = std::move(never_tested);
  for (std::size_t k = 0; k < n; ++k) {
    if (before == nullptr) {
      without[k] = std::move(after[k]);
      before = parts[k]->clone();
      continue;
    }
    without[k] = before->clone();
    if (after[k] != nullptr) without[k]->merge(*after[k]);
    before->merge(*parts[k]);
  }
  return without;
}

std::vector<Index> unmarked(const std::vector<bool>& marked) {
  std::vector<Index> rows;
  for (std::size_t i = 0; i < marked.size(); ++i) {
    if (!marked[i]) rows.push_back(static_cast<Index>(i));
  }
  return rows;
}

enum class Fate { done, refit_alone, refit_all };

// The score of each metric from squares where all of them can be told so, else from predictions.
Fate score(const FoldPlan& plan, const FoldSums& sums, const StatisticsFit& fit, Index k,
           FoldResult& result) {
  const std::optional<SquaredErrors> errors = fit.squared_errors(*sums.test_sums[at(k)]);
  if (errors && !errors->trusted) return Fate::refit_all;
  if (errors && !errors->exact) return Fate::refit_alone;
  for (const Metric& metric : plan.metrics) {
    const std::optional<double> told = errors ? metric.score(*errors) : std::nullopt;
    if (!told) break;
    result.scores.push_back(*told);
  }
  const bool all_told = result.scores.size() == plan.metrics.size();
  if (all_told && !plan.options.return_predictions) return Fate::done;
  const FoldRows test(plan, sums.test[at(k)]);
  ScoredRows said = predict_rows(plan, fit.model(), test.X);
  result.scores = score_fold(plan, test, said);
  if (!plan.options.return_predictions) return Fate::done;
  result.prediction = std::move(said);
  result.test = sums.test[at(k)];
  return Fate::done;
}

// The fit of a fold, in the cheapest way that holds; null where it needs its rows.
std::unique_ptr<StatisticsFit> fit(const FoldPlan& plan, const FoldSums& sums, Index k,
                                   CrossValidationMethod& method) {
  const Statistics& train = *sums.train_sums[at(k)];
  if (plan.options.method == CrossValidationMethod::sufficient_statistics) {
    auto found = plan.estimator.fit_statistics(train);
    if (found != nullptr) return found;
  }
  method = CrossValidationMethod::refined_statistics;
  if (!plan.y.has_numbers()) return nullptr;
  const RowsBut rows(plan.X, plan.y.numbers(), plan.options.context.weight, sums.test[at(k)]);
  return plan.estimator.fit_statistics(train, &rows);
}

// Fits those folds on their rows that ask for it alone; false where others do, or too many.
bool refit_few(const FoldPlan& plan, const Splits& splits, const std::vector<Fate>& fates,
               std::vector<FoldResult>& results) {
  constexpr std::size_t one_in = 8;
  std::vector<Index> alone;
  for (std::size_t k = 0; k < fates.size(); ++k) {
    if (fates[k] == Fate::refit_all) return false;
    if (fates[k] == Fate::refit_alone) alone.push_back(static_cast<Index>(k));
  }
  if (alone.size() > fates.size() / one_in) return false;
  for_each_fold(plan, static_cast<Index>(alone.size()), [&](Index i) {
    const Index k = alone[at(i)];
    results[at(k)] = run_fold(plan, splits, k);
  });
  return true;
}

}  // namespace

std::optional<FoldSums> collect_folds(const StatisticsKind& kind, const FoldPlan& plan,
                                      const Splits& splits) {
  const auto start = Clock::now();
  if (!splits.trains_on_all_others()) return {};
  FoldSums sums;
  std::vector<bool> tested(at(plan.X.rows()), false);
  for (Index k = 0; k < splits.size(); ++k) {
    std::vector<Index> test = splits.test(k);
    if (!mark(test, tested)) return {};
    sums.test_sums.push_back(collect(kind, plan, test));
    if (sums.test_sums.back() == nullptr) return {};
    if (3 * sums.test_sums.back()->size() * splits.size() > most_numbers) return {};
    sums.test.push_back(std::move(test));
  }
  std::unique_ptr<Statistics> rest;
  const std::vector<Index> never_tested = unmarked(tested);
  if (!never_tested.empty()) {
    rest = collect(kind, plan, never_tested);
    if (rest == nullptr) return {};
  }
  sums.train_sums = merge_without_each(sums.test_sums, std::move(rest));
  sums.seconds = seconds_since(start);
  return sums;
}

std::optional<StatisticsFolds> run_folds_from(const FoldSums& sums, const FoldPlan& plan,
                                              const Splits& splits) {
  const Index n_folds = static_cast<Index>(sums.test.size());
  std::vector<FoldResult> results(at(n_folds));
  std::vector<CrossValidationMethod> methods(at(n_folds), plan.options.method);
  std::vector<Fate> fates(at(n_folds), Fate::refit_all);
  const auto run = [&](Index k) {
    const auto start = Clock::now();
    FoldResult& result = results[at(k)];
    const auto found = fit(plan, sums, k, methods[at(k)]);
    if (found == nullptr) return;
    result.n_test = static_cast<Index>(sums.test[at(k)].size());
    result.n_train = plan.X.rows() - result.n_test;
    result.fit_seconds = seconds_since(start) + sums.seconds / static_cast<double>(n_folds);
    const auto fitted = Clock::now();
    fates[at(k)] = score(plan, sums, *found, k, result);
    if (fates[at(k)] != Fate::done) return;
    result.score_seconds = seconds_since(fitted);
    result.warnings = found->model()->warnings();
    warn_of_undefined(plan, result);
  };
  try {
    // Corrections by the rows use all threads themselves.
    if (plan.options.method == CrossValidationMethod::sufficient_statistics) {
      parallel_for(n_folds, run);
    } else {
      for (Index k = 0; k < n_folds; ++k) run(k);
    }
    if (!refit_few(plan, splits, fates, results)) return {};
  } catch (const InvalidArgument&) {
    return {};  // a fit on the rows says what is wrong, and in which fold
  }
  return StatisticsFolds{std::move(results), *std::max_element(methods.begin(), methods.end())};
}

}  // namespace lathe::detail
