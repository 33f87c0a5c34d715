#include <algorithm>

#include "lathe/evaluation/metrics_classification.h"
#include "lathe/evaluation/metrics_clustering.h"
#include "lathe/evaluation/metrics_proba.h"
#include "lathe/evaluation/metrics_regression.h"

#include "tests/golden/tasks.h"

namespace lathe::golden {

void metrics_regression(const Case& given, Results& results) {
  Settings settings = given.settings();
  settings.note("mape");
  settings.note("r2_constant_target");
  settings.finish();
  const Matrix y_true = matrix_in(given.input("y_true"));
  const Matrix y_pred = matrix_in(given.input("y_pred"));
  const auto weight = given.weights(given.input("sample_weight"), y_true.rows());
  const auto with = [&](const char* key, auto metric) {
    results.attempt(key, [&] { return to_json(metric(y_true, y_pred, weight)); });
  };
  with("mse", mean_squared_error);
  with("rmse", root_mean_squared_error);
  with("mae", mean_absolute_error);
  with("r2", r2_score);
}

void metrics_classification(const Case& given, Results& results) {
  Settings settings = given.settings();
  settings.note("confusion");
  F1 f1;
  f1.zero_division = settings.integer("zero_division", 0);
  if (settings.has("labels")) {
    for (const Json& label : settings.get("labels")) {
      f1.labels.push_back(label.is_string() ? label.get<std::string>() : label.dump());
    }
  }
  settings.finish();
  const Labels y_true = labels_in(given.input("y_true"));
  const Labels y_pred = labels_in(given.input("y_pred"));
  const auto weight = given.weights(given.input("sample_weight"), y_true.size());
  results.attempt("accuracy", [&] { return to_json(accuracy_score(y_true, y_pred, weight)); });
  results.attempt("balanced_accuracy",
                  [&] { return to_json(balanced_accuracy_score(y_true, y_pred, weight)); });
  for (const auto average : {F1Average::macro, F1Average::micro, F1Average::weighted}) {
    f1.average = average;
    const std::string key = "f1_" + std::string(names(average)[static_cast<std::size_t>(average)]);
    results.attempt(key, [&] { return to_json(f1_score(y_true, y_pred, f1, weight)); });
  }
}

void metrics_binary_scores(const Case& given, Results& results) {
  Settings settings = given.settings();
  settings.only("positive", {1});
  settings.note("log_loss_clip");
  settings.note("average_precision");
  settings.finish();
  const Labels y_true = labels_in(given.input("y_true"));
  const Matrix scores = matrix_in(given.input("y_score"));
  const auto weight = given.weights(given.input("sample_weight"), y_true.size());
  results.attempt("roc_auc", [&] { return to_json(roc_auc_score(y_true, scores, {}, weight)); });
  results.attempt("log_loss", [&] { return to_json(log_loss(y_true, scores, weight)); });
}

void metrics_multiclass_scores(const Case& given, Results& results) {
  Settings settings = given.settings();
  settings.note("ovo");
  settings.note("log_loss_clip");
  settings.finish();
  const Labels y_true = labels_in(given.input("y_true"));
  const Matrix scores = matrix_in(given.input("y_score"));
  for (const auto way : {MultiClass::ovr, MultiClass::ovo}) {
    for (const auto average : {RocAverage::macro, RocAverage::weighted}) {
      const std::string key = "roc_auc_" + std::string(names(way)[static_cast<std::size_t>(way)]) +
                              "_" + std::string(names(average)[static_cast<std::size_t>(average)]);
      results.attempt(key, [&] {
        return to_json(roc_auc_score(y_true, scores, {.multi_class = way, .average = average}));
      });
    }
  }
  results.attempt("log_loss", [&] { return to_json(log_loss(y_true, scores)); });
}

void metrics_clustering_labels(const Case& given, Results& results) {
  Settings settings = given.settings();
  settings.note("nmi_average");
  settings.note("log");
  settings.finish();
  const Labels a = labels_in(given.input("labels_true"));
  const Labels b = labels_in(given.input("labels_pred"));
  results.attempt("ari", [&] { return to_json(adjusted_rand_score(a, b)); });
}

void metrics_clustering_internal(const Case& given, Results& results) {
  Settings settings = given.settings();
  settings.only("metric", {"euclidean"});
  settings.only("silhouette_of_singleton", {0});
  settings.finish();
  const Data data = given.data();
  const Labels labels = labels_in(given.input("labels"));
  results.attempt("silhouette", [&] { return to_json(silhouette_score(data.X, labels)); });
  results.attempt("silhouette_first10", [&] {
    const Vector samples = silhouette_samples(data.X, labels);
    return to_json(Vector(samples.head(std::min<Index>(10, samples.size()))));
  });
}

}  // namespace lathe::golden
