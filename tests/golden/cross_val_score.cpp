#include <regex>

#include "lathe/evaluation/cross_validate.h"
#include "lathe/ml/registry.h"

#include "tests/golden/tasks.h"

namespace lathe::golden {
namespace {

// "standard_scaler -> logistic_regression(C=1, l2)" in our text form.
Estimator estimator_of(const std::string& words) {
  std::string text = std::regex_replace(words, std::regex(" -> "), " | ");
  text = std::regex_replace(text, std::regex(R"(, (l1|l2)\))"), ", penalty=$1)");
  try {
    return make_estimator(text);
  } catch (const InvalidArgument&) {
    throw NotBuilt{"estimator=" + words};
  }
}

// "StratifiedKFold(5)".
Splitter splitter_of(const std::string& words) {
  std::smatch parts;
  if (std::regex_match(words, parts, std::regex(R"((\w+)\((\d+)\))"))) {
    const std::int64_t n_splits = std::stoll(parts[2]);
    if (parts[1] == "KFold") return KFold{.n_splits = n_splits};
    if (parts[1] == "StratifiedKFold") return StratifiedKFold{.n_splits = n_splits};
    if (parts[1] == "TimeSeriesSplit") return TimeSeriesSplit{.n_splits = n_splits};
  }
  throw NotBuilt{"cv=" + words};
}

// scikit-learn's names of scores; those that begin with neg_ are errors, turned round.
Metric metric_of(const std::string& scoring) {
  const std::pair<const char*, const char*> renamed[] = {
      {"f1_macro", "f1(average=macro)"},          {"f1_micro", "f1(average=micro)"},
      {"f1_weighted", "f1(average=weighted)"},    {"neg_log_loss", "log_loss"},
      {"neg_mean_absolute_error", "mae"},         {"neg_mean_squared_error", "mse"},
      {"neg_root_mean_squared_error", "rmse"},    {"roc_auc_ovr", "roc_auc(multi_class=ovr)"},
      {"roc_auc_ovo", "roc_auc(multi_class=ovo)"}};
  try {
    for (const auto& [theirs, ours] : renamed) {
      if (scoring == theirs) return make_metric(ours);
    }
    return make_metric(scoring);
  } catch (const InvalidArgument&) {
    throw NotBuilt{"scoring=" + scoring};
  }
}

}  // namespace

void cross_val_score(const Case& given, Results& results) {
  Settings settings = given.settings();
  const Estimator estimator = estimator_of(settings.text("estimator", ""));
  CrossValidateOptions options;
  options.splitter = splitter_of(settings.text("cv", ""));
  const std::string scoring = settings.text("scoring", "");
  options.metrics = {metric_of(scoring)};
  settings.finish();

  const Data data = given.data();
  const Matrix numbers = data.numbers(given.targets());
  const bool classifier = estimator.role() == Role::classifier;
  const Labels labels = classifier ? data.labels(given.targets().at(0)) : Labels();
  const CrossValidation cv =
      cross_validate(estimator, data.X, classifier ? Target(labels) : Target(numbers), options);

  const double sign = scoring.starts_with("neg_") ? -1.0 : 1.0;
  std::vector<double> scores = cv.metrics.at(0).folds;
  for (double& score : scores) score *= sign;
  results.give("scores", to_json(scores));
  results.give("mean", to_json(sign * cv.metrics.at(0).mean));
  results.give("std_ddof0", to_json(cv.metrics.at(0).std));
}

}  // namespace lathe::golden
