#include "lathe/evaluation/fold.h"

#include <chrono>
#include <cmath>
#include <span>
#include <utility>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/pipeline.h"
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

// The rows of a fold's training or test set, as copies.
struct Part {
  Matrix X;
  Matrix numbers;
  Labels labels;
  std::vector<double> weight;
  Target y;

  Part(const FoldPlan& plan, const std::vector<Index>& rows) : X(gather(plan.X, rows)) {
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
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
};

// The model's classes by their codes in `all`.
std::vector<std::int32_t> codes_in(const Classes& all, const Classes& learnt) {
  std::vector<std::int32_t> codes;
  for (Index k = 0; k < learnt.size(); ++k) {
    const auto code = learnt.is_text() ? all.find(std::string_view(learnt.name(k)))
                                       : all.find(learnt.integers()[static_cast<std::size_t>(k)]);
    codes.push_back(static_cast<std::int32_t>(code.value()));
  }
  return codes;
}

void predict_classes(const FoldPlan& plan, const Classifier& model, const Matrix& X,
                     FoldPrediction& out) {
  const Classes& all = plan.y.labels().classes();
  const std::vector<std::int32_t> code = codes_in(all, model.classes());
  const Labels guess = model.predict(X);
  std::vector<std::int32_t> codes;
  for (const std::int32_t k : guess.codes()) codes.push_back(code[static_cast<std::size_t>(k)]);
  out.labels = Labels(std::move(codes), all);
  if (!plan.need_proba) return;
  const Matrix learnt = model.predict_proba(X);
  out.proba = Matrix::Zero(X.rows(), all.size());
  for (std::size_t k = 0; k < code.size(); ++k) {
    out.proba.col(code[k]) = learnt.col(static_cast<Index>(k));
  }
}

FoldPrediction predict(const FoldPlan& plan, const ModelPtr& model, const Matrix& X) {
  FoldPrediction out;
  if (const auto* regressor = dynamic_cast<const Regressor*>(model.get())) {
    out.numbers = regressor->predict(X);
  } else if (const auto* classifier = dynamic_cast<const Classifier*>(model.get())) {
    predict_classes(plan, *classifier, X, out);
  } else if (const auto* clusterer = dynamic_cast<const Clusterer*>(model.get())) {
    const std::vector<std::int64_t> clusters = clusterer->predict(X);
    out.clusters = Labels(std::span<const std::int64_t>(clusters));
    out.seen = X;
    std::vector<ModelPtr> steps = fitted_steps(model);
    steps.pop_back();
    for (const ModelPtr& step : steps) out.seen = predict_matrix(*step, out.seen);
  }
  return out;
}

std::vector<double> score(const FoldPlan& plan, const Part& part, const FoldPrediction& said) {
  std::vector<double> scores;
  for (const Metric& metric : plan.metrics) {
    MetricInput input{.y = part.y, .weight = part.weight};
    input.numbers = &said.numbers;
    input.labels = &said.labels;
    input.proba = &said.proba;
    input.clusters = &said.clusters;
    input.X = &said.seen;
    scores.push_back(metric.score(input));
  }
  return scores;
}

void warn(const FoldPlan& plan, const Part& train, FoldResult& result) {
  if (plan.y.has_labels() && plan.estimator.role() == Role::classifier) {
    const Classes& all = plan.y.labels().classes();
    const Classes learnt = train.labels.compact().classes();
    for (Index code = 0; code < all.size() && learnt.size() < all.size(); ++code) {
      if (learnt.find(std::string_view(all.name(code)))) continue;
      result.warnings.push_back("no training row is of class " + all.name(code) +
                                ", whose probability is 0");
    }
  }
  for (std::size_t m = 0; m < result.scores.size(); ++m) {
    if (std::isnan(result.scores[m])) {
      result.warnings.push_back(plan.metrics[m].text() + " is not defined on the test rows");
    }
  }
}

FoldResult run(const FoldPlan& plan, const Splits& splits, Index k) {
  FoldResult result;
  Split split = splits[k];
  const Part train(plan, split.train);
  const Part test(plan, split.test);
  result.n_train = static_cast<Index>(split.train.size());
  result.test = std::move(split.test);
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
  FoldPrediction said = predict(plan, model, test.X);
  result.scores = score(plan, test, said);
  result.score_seconds = seconds_since(fitted);

  if (plan.options.return_train_scores) {
    result.train_scores = score(plan, train, predict(plan, model, train.X));
  }
  result.warnings = model->warnings();
  warn(plan, train, result);
  if (plan.options.return_predictions) result.prediction = std::move(said);
  if (plan.options.return_models) result.model = model;
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
