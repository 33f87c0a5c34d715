#include "lathe/evaluation/metrics.h"

#include <array>

#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

// A metric without options.
struct Plain {
  std::string_view name;
  std::string_view doc;
  bool greater_is_better;
  MetricNeeds needs;
  bool weights;
  double (*score)(const MetricInput& in);
  std::optional<double> (*score_squares)(const SquaredErrors& sums) = nullptr;
};

template <const Plain& plain>
struct PlainMetric {
  static constexpr std::string_view name = plain.name;
  static constexpr std::string_view doc = plain.doc;
  static constexpr bool greater_is_better = plain.greater_is_better;
  static constexpr MetricNeeds needs = plain.needs;
  static constexpr bool weights = plain.weights;

  static void describe(auto&, auto&&) {}
  double score(const MetricInput& in) const { return plain.score(in); }
  std::optional<double> score_squares(const SquaredErrors& sums) const {
    if (plain.score_squares == nullptr) return std::nullopt;
    return plain.score_squares(sums);
  }
  bool operator==(const PlainMetric&) const = default;
};

constexpr Plain mse{"mse",
                    "Mean squared error.",
                    false,
                    MetricNeeds::numbers,
                    true,
                    [](const MetricInput& in) {
                      return mean_squared_error(in.y.numbers(), *in.numbers, in.weight);
                    },
                    &mean_squared_error_of};
constexpr Plain rmse{"rmse",
                     "Root of the mean squared error.",
                     false,
                     MetricNeeds::numbers,
                     true,
                     [](const MetricInput& in) {
                       return root_mean_squared_error(in.y.numbers(), *in.numbers, in.weight);
                     },
                     &root_mean_squared_error_of};
constexpr Plain mae{
    "mae", "Mean absolute error.", false, MetricNeeds::numbers, true, [](const MetricInput& in) {
      return mean_absolute_error(in.y.numbers(), *in.numbers, in.weight);
    }};
constexpr Plain r2{
    "r2",
    "Share of the target's variance that is explained: 1 is perfect, 0 no better than its mean.",
    true,
    MetricNeeds::numbers,
    true,
    [](const MetricInput& in) { return r2_score(in.y.numbers(), *in.numbers, in.weight); },
    &r2_score_of};
constexpr Plain accuracy{
    "accuracy",
    "Share of rows whose label is right.",
    true,
    MetricNeeds::labels,
    true,
    [](const MetricInput& in) { return accuracy_score(in.y.labels(), *in.labels, in.weight); }};
constexpr Plain logarithmic_loss{"log_loss",
                                 "Mean of -log(probability given to the true class).",
                                 false,
                                 MetricNeeds::proba,
                                 true,
                                 [](const MetricInput& in) { return log_loss(in.y.labels(), *in.proba, in.weight); }};
constexpr Plain silhouette{
    "silhouette",
    "How much nearer rows are to their own cluster than to the next: 1 is best, -1 worst.",
    true,
    MetricNeeds::clusters,
    false,
    [](const MetricInput& in) { return silhouette_score(*in.X, *in.clusters); }};
constexpr Plain adjusted_rand{
    "adjusted_rand",
    "Agreement of clusters with labels on pairs of rows: 1 is the same, 0 is chance.",
    true,
    MetricNeeds::clusters_and_labels,
    false,
    [](const MetricInput& in) { return adjusted_rand_score(in.y.labels(), *in.clusters); }};

template <class M>
constexpr MetricEntry entry() {
  return {M::name, M::doc, M::greater_is_better, M::needs, M::weights, [] { return Metric(M{}); }};
}

constexpr std::array table{entry<PlainMetric<r2>>(),
                           entry<PlainMetric<mse>>(),
                           entry<PlainMetric<rmse>>(),
                           entry<PlainMetric<mae>>(),
                           entry<PlainMetric<accuracy>>(),
                           entry<BalancedAccuracy>(),
                           entry<F1>(),
                           entry<PlainMetric<logarithmic_loss>>(),
                           entry<RocAuc>(),
                           entry<PlainMetric<silhouette>>(),
                           entry<PlainMetric<adjusted_rand>>()};

bool has_what(MetricNeeds needs, const MetricInput& in) {
  switch (needs) {
    case MetricNeeds::numbers:
      return in.y.has_numbers() && in.numbers != nullptr;
    case MetricNeeds::labels:
      return in.y.has_labels() && in.labels != nullptr;
    case MetricNeeds::proba:
      return in.y.has_labels() && in.proba != nullptr;
    case MetricNeeds::clusters:
      return in.X != nullptr && in.clusters != nullptr;
    case MetricNeeds::clusters_and_labels:
      return in.y.has_labels() && in.clusters != nullptr;
  }
  return false;
}

}  // namespace

std::string_view to_text(MetricNeeds needs) {
  switch (needs) {
    case MetricNeeds::numbers:
      return "a numeric target and predicted numbers";
    case MetricNeeds::labels:
      return "a target of labels and predicted labels";
    case MetricNeeds::proba:
      return "a target of labels and predicted probabilities";
    case MetricNeeds::clusters:
      return "rows and their clusters";
    case MetricNeeds::clusters_and_labels:
      return "a target of labels and clusters";
  }
  return "nothing";
}

double Metric::score(const MetricInput& input) const {
  if (!has_what(needs(), input)) {
    throw InvalidArgument("Q011", std::string(name()) + " needs " + std::string(to_text(needs())));
  }
  return self_->score(input);
}

std::span<const MetricEntry> metrics() { return table; }

Metric make_metric(std::string_view text) {
  return detail::make_described(text, "metric", metrics());
}

std::vector<Metric> default_metrics(Role role) {
  switch (role) {
    case Role::regressor:
      return {PlainMetric<r2>{}, PlainMetric<rmse>{}, PlainMetric<mae>{}};
    case Role::classifier:
      return {PlainMetric<accuracy>{}, BalancedAccuracy{}, F1{.average = F1Average::macro},
              PlainMetric<logarithmic_loss>{}};
    case Role::clusterer:
      return {PlainMetric<silhouette>{}};
    case Role::transformer:
    case Role::outlier_detector:
      break;
  }
  return {};
}

bool fits(const Metric& metric, Role role) {
  switch (metric.needs()) {
    case MetricNeeds::numbers:
      return role == Role::regressor;
    case MetricNeeds::labels:
    case MetricNeeds::proba:
      return role == Role::classifier;
    case MetricNeeds::clusters:
    case MetricNeeds::clusters_and_labels:
      return role == Role::clusterer;
  }
  return false;
}

}  // namespace lathe
