#include <algorithm>

#include "lathe/evaluation/metrics_classification.h"
#include "lathe/ml/linear/logistic_regression.h"

#include "tests/golden/tasks.h"

namespace lathe::golden {
namespace {

LogisticRegression options_of(const Case& given, Settings& settings) {
  settings.note("objective");
  LogisticRegression options;
  options.C = settings.number("C", options.C);
  options.fit_intercept = settings.flag("fit_intercept", true);
  if (settings.has("penalty")) {
    options.penalty = settings.choice("penalty", Penalty::l2);
  } else if (given.at("params").contains("penalty")) {
    options.penalty.reset();
  }
  const Json& weights = settings.get("class_weight");
  if (weights.is_object()) {
    LabelWeights list;
    for (const auto& [label, weight] : weights.items()) list.emplace_back(label, weight);
    options.class_weight = list;
  } else if (!weights.is_null()) {
    options.class_weight = std::optional(settings.choice("class_weight", ClassWeight::balanced));
  }
  return options;
}

}  // namespace

void logistic_regression(const Case& given, Results& results) {
  Settings settings = given.settings();
  const LogisticRegression options = options_of(given, settings);
  const Data data = given.data();
  const Labels y = data.labels(given.targets().at(0));
  settings.only("multi_class", {y.classes().size() == 2 ? "binary" : "multinomial"});
  const auto weight = given.weights(settings.get("sample_weight"), y.size());
  settings.finish();

  const LogisticRegressionModel model = options.fit(data.X, y, {.weight = weight});
  results.give("classes", to_json(model.classes()));
  results.give("coef", to_json(model.coef()));
  results.give("intercept", to_json(model.intercept()));
  results.give("objective", to_json(model.objective()));
  results.give("accuracy", to_json(accuracy_score(y, model.predict(data.X))));
  const Matrix first = data.X.topRows(std::min<Index>(5, data.X.rows()));
  results.give("predict_proba_first5", to_json(model.predict_proba(first)));
}

}  // namespace lathe::golden
