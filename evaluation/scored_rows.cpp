#include "lathe/evaluation/scored_rows.h"

#include <algorithm>
#include <string>
#include <utility>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/core/words.h"

namespace lathe::detail {
namespace {

std::vector<std::int32_t> codes_in(const Classes& all, const Classes& learnt) {
  std::vector<std::int32_t> codes;
  for (Index k = 0; k < learnt.size(); ++k) {
    codes.push_back(static_cast<std::int32_t>(all.find(std::string_view(learnt.name(k))).value()));
  }
  return codes;
}

std::string fitting_metrics(Role role) {
  std::string text = "use one of";
  const char* between = " ";
  for (const MetricEntry& entry : metrics()) {
    if (!fits(entry.make(), role)) continue;
    text.append(between).append(entry.name);
    between = ", ";
  }
  return text;
}

}  // namespace

Labels in_classes(const Labels& labels, const Classes& all) {
  const std::vector<std::int32_t> code = codes_in(all, labels.classes());
  std::vector<std::int32_t> codes;
  codes.reserve(labels.codes().size());
  for (const std::int32_t k : labels.codes()) codes.push_back(code[static_cast<std::size_t>(k)]);
  return {std::move(codes), all};
}

Matrix in_classes(const Matrix& proba, const Classes& learnt, const Classes& all) {
  const std::vector<std::int32_t> code = codes_in(all, learnt);
  Matrix wide = Matrix::Zero(proba.rows(), all.size());
  for (std::size_t k = 0; k < code.size(); ++k) {
    wide.col(code[k]) = proba.col(static_cast<Index>(k));
  }
  return wide;
}

Matrix seen_by_last_step(const ModelPtr& model, Matrix X) {
  std::vector<ModelPtr> steps = fitted_steps(model);
  steps.pop_back();
  for (const ModelPtr& step : steps) X = predict_matrix(*step, X);
  return X;
}

std::vector<double> score_rows(const std::vector<Metric>& metrics, const ScoredRows& said,
                               const Target& y, std::span<const double> weight) {
  MetricInput input{.y = y, .weight = weight};
  input.numbers = &said.numbers;
  input.labels = &said.labels;
  input.proba = &said.proba;
  input.clusters = &said.clusters;
  input.X = &said.seen;
  std::vector<double> scores;
  for (const Metric& metric : metrics) scores.push_back(metric.score(input));
  return scores;
}

bool any_needs(const std::vector<Metric>& metrics, MetricNeeds needs) {
  return std::any_of(metrics.begin(), metrics.end(),
                     [=](const Metric& metric) { return metric.needs() == needs; });
}

std::vector<Metric> chosen_metrics(std::string_view estimator, Role role,
                                   const std::vector<Metric>& asked) {
  const std::string is = called(estimator) + " is a " + std::string(to_text(role));
  if (default_metrics(role).empty()) {
    throw NotSupported("V001", is + ", which no metric scores",
                       "end the pipeline with a regressor, a classifier or a clusterer");
  }
  std::vector<Metric> chosen;
  for (const Metric& metric : asked) {
    if (!fits(metric, role)) {
      throw InvalidArgument(
          "V002", metric.text() + " needs " + std::string(to_text(metric.needs())) + ", but " + is,
          fitting_metrics(role));
    }
    if (std::find(chosen.begin(), chosen.end(), metric) == chosen.end()) chosen.push_back(metric);
  }
  return chosen.empty() ? default_metrics(role) : chosen;
}

}  // namespace lathe::detail
