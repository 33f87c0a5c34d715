#include "lathe/evaluation/model_output.h"

#include <cstdint>
#include <string_view>
#include <utility>

#include "lathe/ml/core/pipeline.h"

namespace lathe::detail {
namespace {

// The model's classes by their codes in `all`.
std::vector<std::int32_t> codes_in(const Classes& all, const Classes& learnt) {
  std::vector<std::int32_t> codes;
  for (Index k = 0; k < learnt.size(); ++k) {
    codes.push_back(static_cast<std::int32_t>(all.find(std::string_view(learnt.name(k))).value()));
  }
  return codes;
}

void predict_classes(const Classifier& model, const MatrixView& X, const Classes& all,
                     bool need_proba, ModelOutput& out) {
  const std::vector<std::int32_t> code = codes_in(all, model.classes());
  const Labels guess = model.predict(X);
  std::vector<std::int32_t> codes;
  for (const std::int32_t k : guess.codes()) codes.push_back(code[static_cast<std::size_t>(k)]);
  out.labels = Labels(std::move(codes), all);
  if (!need_proba) return;
  const Matrix learnt = model.predict_proba(X);
  out.proba = Matrix::Zero(X.rows(), all.size());
  for (std::size_t k = 0; k < code.size(); ++k) {
    out.proba.col(code[k]) = learnt.col(static_cast<Index>(k));
  }
}

}  // namespace

ModelOutput model_output(const ModelPtr& model, const MatrixView& X, const Classes& classes,
                         bool need_proba) {
  ModelOutput out;
  if (const auto* regressor = dynamic_cast<const Regressor*>(model.get())) {
    out.numbers = regressor->predict(X);
  } else if (const auto* classifier = dynamic_cast<const Classifier*>(model.get())) {
    predict_classes(*classifier, X, classes, need_proba, out);
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

std::vector<double> scores(std::span<const Metric> metrics, const ModelOutput& said,
                           const Target& y, std::span<const double> weight) {
  MetricInput input{.y = y, .weight = weight};
  input.numbers = &said.numbers;
  input.labels = &said.labels;
  input.proba = &said.proba;
  input.clusters = &said.clusters;
  input.X = &said.seen;
  std::vector<double> result;
  for (const Metric& metric : metrics) result.push_back(metric.score(input));
  return result;
}

}  // namespace lathe::detail
