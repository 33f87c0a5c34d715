// An estimator made of steps: every step but the last is a transformer.
//
//   auto p = StandardScaler{} | Pca{.n_components = 2} | Ridge{};
//   ModelPtr model = p.fit(X, y);          // its role is the last step's
#pragma once

#include <cstddef>
#include <vector>

#include "lathe/ml/core/estimator.h"

namespace lathe {

class Pipeline {
 public:
  static constexpr std::string_view name = "pipeline";

  // Throws InvalidArgument when there is no step, or one before the last is not a transformer.
  // Steps that are pipelines themselves are laid out flat.
  explicit Pipeline(std::vector<Estimator> steps);

  const std::vector<Estimator>& steps() const { return steps_; }
  Role role() const { return steps_.back().role(); }
  // missing: the first step's. categorical: every step takes them until one encodes them. weights:
  // the last step's; any step's where all are transformers.
  Tags tags() const;
  Pipe to_pipe() const;

  // Weights go to every step that takes them; the last one must. Each step's seed derives from
  // context.seed and its place.
  ModelPtr fit(const MatrixView& X, const Target& y = {}, const Context& context = {}) const;

  // The kind that all steps agree on; null where they do not.
  const StatisticsKind* statistics(const Context& context) const;
  // Each step from the sums of what the one before gives. A correction by the rows is only for
  // pipelines of one step: what transformers give is not formed.
  std::unique_ptr<StatisticsFit> fit_statistics(const Statistics& rows,
                                                const TrainingRows* source) const;

  bool operator==(const Pipeline&) const = default;

 private:
  std::vector<Estimator> steps_;
};

// Of two estimator structs, Pipelines or Estimators.
Pipeline operator|(Estimator a, Estimator b);

// The model of fitted steps, all but the last of which are transformers; its role is the last's.
ModelPtr fitted_pipeline(const std::vector<ModelPtr>& steps);

// The fitted steps of a model that a Pipeline made, in order; the model itself where it is not one.
std::vector<ModelPtr> fitted_steps(const ModelPtr& model);

// Reads what a fitted pipeline saved.
ModelPtr load_pipeline(InputArchive& archive);

}  // namespace lathe
