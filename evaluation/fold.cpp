#include "lathe/evaluation/fold.h"

#include <chrono>
#include <cmath>
#include <span>
#include <utility>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/random.h"

namespace lathe::detail {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <class From>
Matrix gather(const From& X, const std::vector<Index>& rows) {
  Matrix gathered(static_cast<Index>(rows.size()), X.cols());
  for (std::size_t i = 0; i < rows.size(); ++i)
    gathered.row(static_cast<Index>(i)) = X.row(rows[i]);
  return gathered;
}

}  // namespace

FoldRows::FoldRows(const FoldPlan& plan, const std::vector<Index>& rows) : X(gather(plan.X, rows)) {
  if (plan.y.has_labels()) {
    labels = plan.y.labels().select(rows);
    y = labels;
  } else if (plan.y.has_numbers()) {
    numbers = gather(plan.y.numbers(), rows);
    y = numbers;
  }
  const std::span<const double> all = plan.options.context.weight;
  if (all.empty()) return;
  for (const Index row : rows) weight.push_back(all[static_cast<std::size_t>(row)]);
}

ScoredRows predict_rows(const FoldPlan& plan, const ModelPtr& model, const Matrix& X) {
  ScoredRows said;
  if (const auto* regressor = dynamic_cast<const Regressor*>(model.get())) {
    said.numbers = regressor->predict(X);
  } else if (const auto* classifier = dynamic_cast<const Classifier*>(model.get())) {
    const Classes& all = plan.y.labels().classes();
    said.labels = in_classes(classifier->predict(X), all);
    if (plan.need_proba) {
      said.proba = in_classes(classifier->predict_proba(X), classifier->classes(), all);
    }
  } else if (const auto* clusterer = dynamic_cast<const Clusterer*>(model.get())) {
    const std::vector<std::int64_t> clusters = clusterer->predict(X);
    said.clusters = Labels(std::span<const std::int64_t>(clusters));
    said.seen = seen_by_last_step(model, X);
  }
  return said;
}

std::vector<double> score_fold(const FoldPlan& plan, const FoldRows& rows, const ScoredRows& said) {
  return score_rows(plan.metrics, said, rows.y, rows.weight);
}

void warn_of_undefined(const FoldPlan& plan, FoldResult& result) {
  for (std::size_t m = 0; m < result.scores.size(); ++m) {
    if (std::isnan(result.scores[m])) {
      result.warnings.push_back(plan.metrics[m].text() + " is not defined on the test rows");
    }
  }
}

namespace {

// One sentence, however many classes.
void warn_of_unseen(const Classes& all, const Classes& learnt, FoldResult& result) {
  const Index unseen = all.size() - learnt.size();
  if (unseen <= 0) return;
  Index first = 0;
  while (learnt.find(std::string_view(all.name(first)))) ++first;
  result.warnings.push_back(
      "no training row is of class " + all.name(first) +
      (unseen == 1 ? ", whose probability is 0"
                   : " (or of " + std::to_string(unseen - 1) + " more), whose probability is 0"));
}

void warn(const FoldPlan& plan, const FoldRows& train, FoldResult& result) {
  if (plan.y.has_labels() && plan.estimator.role() == Role::classifier) {
    const Classes& all = plan.y.labels().classes();
    const Classes learnt = train.labels.compact().classes();
    warn_of_unseen(all, learnt, result);
  }
  warn_of_undefined(plan, result);
}

FoldResult run(const FoldPlan& plan, const Splits& splits, Index k) {
  FoldResult result;
  Split split = splits[k];
  const FoldRows train(plan, split.train);
  const FoldRows test(plan, split.test);
  result.n_train = static_cast<Index>(split.train.size());
  result.n_test = static_cast<Index>(split.test.size());
  // A class that only other folds hold must not be in the vocabulary that the fit sees.
  const Labels known = train.labels.compact();
  const Context context{
      .weight = train.weight,
      .columns = plan.options.context.columns,
      .seed = derive_seed(plan.options.context.seed, "cv.fold", static_cast<std::uint64_t>(k))};

  const auto start = Clock::now();
  const ModelPtr model =
      plan.estimator.fit(train.X, train.y.has_labels() ? Target(known) : train.y, context);
  result.fit_seconds = seconds_since(start);

  const auto fitted = Clock::now();
  ScoredRows said = predict_rows(plan, model, test.X);
  result.scores = score_fold(plan, test, said);
  result.score_seconds = seconds_since(fitted);

  if (plan.options.return_train_scores) {
    result.train_scores = score_fold(plan, train, predict_rows(plan, model, train.X));
  }
  result.warnings = model->warnings();
  warn(plan, train, result);
  if (plan.options.return_predictions) {
    result.prediction = std::move(said);
    result.test = std::move(split.test);
  }
  if (plan.options.return_models) {
    result.model = model;
    result.train = std::move(split.train);
  }
  return result;
}

}  // namespace

std::string fold_name(Index k, Index n_folds) {
  return "fold " + std::to_string(k + 1) + " of " + std::to_string(n_folds) + ": ";
}

FoldResult run_fold(const FoldPlan& plan, const Splits& splits, Index k) {
  const auto with_fold = [&]<class E>(const E& error) {
    return E(error.code(), fold_name(k, splits.size()) + error.what(), error.help());
  };
  try {
    return run(plan, splits, k);
  } catch (const InvalidArgument& error) {
    throw with_fold(error);
  } catch (const NotSupported& error) {
    throw with_fold(error);
  } catch (const NotFound& error) {
    throw with_fold(error);
  }
}

}  // namespace lathe::detail
