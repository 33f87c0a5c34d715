// Any metric, held by value: deep copies, ==, options by name, text form. The plain functions
// (r2_score, accuracy_score, ...) are in the headers included here.
//
//   Metric m = F1{.average = F1Average::macro};
//   Metric n = make_metric("f1(average=macro)");   // m == n
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/evaluation/metric_input.h"
#include "lathe/evaluation/metrics_classification.h"
#include "lathe/evaluation/metrics_clustering.h"
#include "lathe/evaluation/metrics_proba.h"
#include "lathe/evaluation/metrics_regression.h"
#include "lathe/ml/core/described.h"
#include "lathe/ml/core/model.h"
#include "lathe/ml/core/statistics.h"

namespace lathe {

// A struct of options with what it is called, what it needs and whether it heeds weights. It may
// also have score_squares(const SquaredErrors&), an optional<double>, for errors known by their
// squares alone.
template <class M>
concept IsMetric = requires(const M& metric, const MetricInput& input) {
  { M::name } -> std::convertible_to<std::string_view>;
  { M::doc } -> std::convertible_to<std::string_view>;
  { M::greater_is_better } -> std::convertible_to<bool>;
  { M::needs } -> std::convertible_to<MetricNeeds>;
  { M::weights } -> std::convertible_to<bool>;
  { metric.score(input) } -> std::same_as<double>;
}
&&std::equality_comparable<M>;

class Metric {
 public:
  template <class M>
  requires(!std::same_as<M, Metric> && IsMetric<M>) Metric(M metric)
      : self_(std::make_unique<Holder<M>>(std::move(metric))) {}
  Metric(const Metric& other) : self_(other.self_->clone()) {}
  Metric& operator=(const Metric& other) {
    self_ = other.self_->clone();
    return *this;
  }
  Metric(Metric&&) noexcept = default;
  Metric& operator=(Metric&&) noexcept = default;
  ~Metric() = default;

  std::string_view name() const { return self_->name(); }
  std::string_view doc() const { return self_->doc(); }
  bool greater_is_better() const { return self_->greater_is_better(); }
  MetricNeeds needs() const { return self_->needs(); }
  bool weights() const { return self_->weights(); }  // whether it heeds MetricInput.weight
  std::vector<OptionInfo> options() const { return self_->options(); }
  void set(std::string_view option, const Value& value) { self_->set(option, value); }
  std::string text() const { return to_text(self_->to_step()); }
  detail::DescribedBase& described() { return *self_; }

  // NaN where the metric is not defined but scikit-learn's is not an error either (r2 of one row).
  // Throws InvalidArgument where what it needs is missing or of another length.
  double score(const MetricInput& input) const;

  // The same from sums of squared errors; none where the metric needs the predictions, or where the
  // sums are too small to tell.
  std::optional<double> score(const SquaredErrors& errors) const { return self_->score(errors); }

  friend bool operator==(const Metric& a, const Metric& b) { return a.self_->equals(*b.self_); }

 private:
  struct Face : detail::DescribedBase {
    virtual std::unique_ptr<Face> clone() const = 0;
    virtual bool equals(const detail::DescribedBase& other) const = 0;
    virtual bool greater_is_better() const = 0;
    virtual MetricNeeds needs() const = 0;
    virtual bool weights() const = 0;
    virtual double score(const MetricInput& input) const = 0;
    virtual std::optional<double> score(const SquaredErrors& errors) const = 0;
  };
  template <class M>
  struct Holder final : detail::DescribedHolder<Face, M> {
    using detail::DescribedHolder<Face, M>::DescribedHolder;
    std::unique_ptr<Face> clone() const override { return std::make_unique<Holder>(*this); }
    bool greater_is_better() const override { return M::greater_is_better; }
    MetricNeeds needs() const override { return M::needs; }
    bool weights() const override { return M::weights; }
    double score(const MetricInput& input) const override { return this->object.score(input); }
    std::optional<double> score(const SquaredErrors& errors) const override {
      if constexpr (requires { this->object.score_squares(errors); }) {
        return this->object.score_squares(errors);
      } else {
        return std::nullopt;
      }
    }
  };

  std::unique_ptr<Face> self_;
};

struct MetricEntry {
  std::string_view name;
  std::string_view doc;  // one sentence
  bool greater_is_better;
  MetricNeeds needs;
  bool weights;      // heeds weights
  Metric (*make)();  // with default options
};

// Every metric, for `lathe list`.
std::span<const MetricEntry> metrics();

// Throws InvalidArgument for unknown names (with the nearest known one), options and values,
// pointing at the character.
Metric make_metric(std::string_view text);

// What a model of this role is scored by where nothing is said, the first being the main one;
// empty for a transformer.
std::vector<Metric> default_metrics(Role role);

// Whether models of this role give what the metric needs.
bool fits(const Metric& metric, Role role);

}  // namespace lathe
