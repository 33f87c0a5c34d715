#include "lathe/ml/core/pipeline.h"

#include <algorithm>
#include <utility>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/quick_steps.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/core/scratch.h"

namespace lathe {
namespace {

using Transformers = std::vector<std::shared_ptr<const Transformer>>;

// Sends row blocks of X through the transformers, small enough to stay in cache, and gives each to
// last(block, first_row). A block's steps run one after the other on this thread.
template <class Last>
void through(const Transformers& steps, const MatrixView& X, Last&& last) {
  Index widest = X.cols();
  for (const auto& step : steps) widest = std::max(widest, step->n_outputs());
  const Index size = row_block(widest);
  for (Index begin = 0; begin == 0 || begin < X.rows(); begin += size) {
    const Index rows = std::min(size, X.rows() - begin);
    const RowOrigin origin(begin);
    Scratch even(rows, widest);
    Scratch odd(rows, widest);
    const double* data = X.data() + begin * X.outerStride();
    Index cols = X.cols();
    Index stride = X.outerStride();
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Eigen::Map<const Matrix, 0, Eigen::OuterStride<>> in(data, rows, cols,
                                                                 Eigen::OuterStride<>(stride));
      double* const buffer = (i % 2 == 0 ? even : odd).matrix().data();
      cols = steps[i]->n_outputs();
      Eigen::Map<Matrix> out(buffer, rows, cols);
      steps[i]->transform_into(in, out);
      data = buffer;
      stride = cols;
    }
    last(Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>(data, rows, cols,
                                                           Eigen::OuterStride<>(stride)),
         begin);
  }
}

// What every fitted pipeline has, whatever its role.
class Steps {
 public:
  Steps(Transformers transformers, ModelPtr last)
      : transformers_(std::move(transformers)),
        last_(std::move(last)),
        quick_(all()),
        n_features_in_(transformers_.empty() ? last_->n_features_in()
                                             : transformers_[0]->n_features_in()),
        n_outputs_(last_->n_outputs()) {}

  std::vector<ModelPtr> all() const {
    std::vector<ModelPtr> models(transformers_.begin(), transformers_.end());
    models.push_back(last_);
    return models;
  }
  const Model& last() const { return *last_; }
  const Transformers& transformers() const { return transformers_; }
  Index n_features_in() const { return n_features_in_; }
  void predict_into(const MatrixView& X, MatrixRef& out) const {
    check_rows(Pipeline::name, X, n_features_in_);
    check_out(Pipeline::name, X, out, n_outputs_);
    if (quick_.run(X, out)) return;
    through(transformers_, X, [&](const MatrixView& block, Index begin) {
      last_->predict_into(block, out.middleRows(begin, block.rows()));
    });
  }
  void save(OutputArchive& archive) const {
    archive.version(1);
    archive(all());
  }
  std::vector<Attribute> attributes() const {
    std::vector<Attribute> result;
    std::size_t i = 0;
    for (const ModelPtr& step : all()) {
      const std::string prefix = std::to_string(++i) + "." + std::string(step->name()) + ".";
      for (Attribute& attribute : step->attributes()) {
        attribute.name = prefix + attribute.name;
        result.push_back(std::move(attribute));
      }
    }
    return result;
  }
  bool converged() const {
    for (const ModelPtr& step : all()) {
      if (!step->converged()) return false;
    }
    return true;
  }
  std::vector<std::string> warnings() const {
    std::vector<std::string> result;
    for (const ModelPtr& step : all()) {
      for (std::string& warning : step->warnings()) {
        const std::string who = std::string(step->name()) + ": ";
        result.push_back(warning.starts_with(who) ? std::move(warning) : who + warning);
      }
    }
    return result;
  }

 private:
  Transformers transformers_;
  ModelPtr last_;
  QuickSteps quick_;
  Index n_features_in_;
  Index n_outputs_;
};

// One class for the things that do not depend on the role.
template <class RoleBase>
class FittedSteps : public RoleBase {
 public:
  explicit FittedSteps(Steps steps) : steps_(std::move(steps)) {}
  std::string_view name() const final { return Pipeline::name; }
  Index n_features_in() const final { return steps_.n_features_in(); }
  void save(OutputArchive& archive) const final { steps_.save(archive); }
  std::vector<Attribute> attributes() const final { return steps_.attributes(); }
  bool converged() const final { return steps_.converged(); }
  std::vector<std::string> warnings() const final { return steps_.warnings(); }
  const Steps& steps() const { return steps_; }

 protected:
  Steps steps_;
};

class PipelineRegressor final : public FittedSteps<Regressor> {
 public:
  using FittedSteps::FittedSteps;
  Index n_targets() const override { return steps_.last().n_outputs(); }
  void predict_into(const MatrixView& X, MatrixRef out) const override {
    steps_.predict_into(X, out);
  }
};

class PipelineClassifier final : public FittedSteps<Classifier> {
 public:
  using FittedSteps::FittedSteps;
  const Classes& classes() const override { return last().classes(); }
  void predict_into(const MatrixView& X, MatrixRef out) const override {
    steps_.predict_into(X, out);
  }
  void predict_proba_into(const MatrixView& X, MatrixRef out) const override {
    check_rows(Pipeline::name, X, n_features_in());
    check_out(Pipeline::name, X, out, classes().size());
    through(steps_.transformers(), X, [&](const MatrixView& block, Index begin) {
      last().predict_proba_into(block, out.middleRows(begin, block.rows()));
    });
  }

 private:
  const Classifier& last() const { return static_cast<const Classifier&>(steps_.last()); }
};

class PipelineClusterer final : public FittedSteps<Clusterer> {
 public:
  using FittedSteps::FittedSteps;
  Index n_clusters() const override {
    return static_cast<const Clusterer&>(steps_.last()).n_clusters();
  }
  void predict_into(const MatrixView& X, MatrixRef out) const override {
    steps_.predict_into(X, out);
  }
};

class PipelineTransformer final : public FittedSteps<Transformer> {
 public:
  using FittedSteps::FittedSteps;
  Index n_outputs() const override { return steps_.last().n_outputs(); }
  void transform_into(const MatrixView& X, MatrixRef out) const override {
    steps_.predict_into(X, out);
  }
  Schema columns_out(const Schema& in) const override {
    Schema schema = in;
    for (const ModelPtr& step : steps_.all()) {
      schema = static_cast<const Transformer&>(*step).columns_out(schema);
    }
    return schema;
  }
};

ModelPtr make_fitted(Transformers transformers, ModelPtr last) {
  const Role role = last->role();
  Steps steps(std::move(transformers), std::move(last));
  switch (role) {
    case Role::regressor:
      return std::make_shared<PipelineRegressor>(std::move(steps));
    case Role::classifier:
      return std::make_shared<PipelineClassifier>(std::move(steps));
    case Role::clusterer:
      return std::make_shared<PipelineClusterer>(std::move(steps));
    case Role::transformer:
      return std::make_shared<PipelineTransformer>(std::move(steps));
    case Role::outlier_detector:
      break;
  }
  throw NotSupported("P005", "a pipeline cannot end in a " + std::string(to_text(role)));
}

std::shared_ptr<const Transformer> as_transformer(const ModelPtr& model) {
  return std::dynamic_pointer_cast<const Transformer>(model);
}

}  // namespace

Pipeline::Pipeline(std::vector<Estimator> steps) {
  for (Estimator& step : steps) {
    if (const auto* inner = step.get_if<Pipeline>()) {
      steps_.insert(steps_.end(), inner->steps_.begin(), inner->steps_.end());
    } else {
      steps_.push_back(std::move(step));
    }
  }
  if (steps_.empty()) throw InvalidArgument("P004", "a pipeline needs at least one step");
  for (std::size_t i = 0; i + 1 < steps_.size(); ++i) {
    if (steps_[i].role() != Role::transformer) {
      throw InvalidArgument("P004",
                            std::string(steps_[i].name()) + " is a " +
                                std::string(to_text(steps_[i].role())) +
                                ": only the last step of a pipeline may be one",
                            "move it to the end");
    }
  }
}

Pipeline operator|(Estimator a, Estimator b) {
  std::vector<Estimator> steps;
  steps.push_back(std::move(a));
  steps.push_back(std::move(b));
  return Pipeline(std::move(steps));
}

Tags Pipeline::tags() const {
  const Tags last = steps_.back().tags();
  Tags tags{.missing = steps_.front().tags().missing,
            .categorical = true,
            .weights = last.weights,
            .multi_target = last.multi_target};
  for (const Estimator& step : steps_) {  // until something makes numbers of categories
    tags.encodes = step.tags().encodes;
    tags.categorical = step.tags().categorical;
    if (tags.encodes || !tags.categorical) break;
  }
  if (role() == Role::transformer) {
    tags.weights = std::any_of(steps_.begin(), steps_.end(),
                               [](const Estimator& step) { return step.tags().weights; });
  }
  return tags;
}

Pipe Pipeline::to_pipe() const {
  Pipe pipe;
  for (const Estimator& step : steps_) pipe.steps.push_back(step.to_pipe().steps.at(0));
  return pipe;
}

ModelPtr Pipeline::fit(const MatrixView& X, const Target& y, const Context& context) const {
  if (!context.weight.empty() && !tags().weights) {
    throw NotSupported("W003", std::string(steps_.back().name()) + " takes no sample weights");
  }
  Schema schema = context.columns != nullptr ? *context.columns : numeric_schema(X.cols());
  const auto fit_step = [&](std::size_t i, const MatrixView& in) {
    const Estimator& step = steps_[i];
    return step.fit(in, y,
                    {.weight = step.tags().weights ? context.weight : std::span<const double>(),
                     .columns = &schema,
                     .seed = derive_seed(context.seed, step.name(), i)});
  };
  Transformers transformers;
  Matrix current;  // the output of the last transformer
  for (std::size_t i = 0; i + 1 < steps_.size(); ++i) {
    const MatrixView in = i == 0 ? MatrixView(X) : MatrixView(current);
    auto transformer = as_transformer(fit_step(i, in));
    current = transformer->transform(in);
    schema = transformer->columns_out(schema);
    transformers.push_back(std::move(transformer));
  }
  const MatrixView in = transformers.empty() ? MatrixView(X) : MatrixView(current);
  ModelPtr last = fit_step(steps_.size() - 1, in);
  return make_fitted(std::move(transformers), std::move(last));
}

ModelPtr fitted_pipeline(const std::vector<ModelPtr>& steps) {
  Transformers transformers;
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
    transformers.push_back(as_transformer(steps[i]));
  }
  return make_fitted(std::move(transformers), steps.back());
}

std::vector<ModelPtr> fitted_steps(const ModelPtr& model) {
  if (const auto* p = dynamic_cast<const PipelineRegressor*>(model.get())) return p->steps().all();
  if (const auto* p = dynamic_cast<const PipelineClassifier*>(model.get())) return p->steps().all();
  if (const auto* p = dynamic_cast<const PipelineClusterer*>(model.get())) return p->steps().all();
  if (const auto* p = dynamic_cast<const PipelineTransformer*>(model.get())) {
    return p->steps().all();
  }
  return {model};
}

ModelPtr load_pipeline(InputArchive& archive) {
  archive.version(1);
  std::vector<ModelPtr> models;
  archive(models);
  check_state(Pipeline::name, !models.empty());
  Transformers transformers;
  for (std::size_t i = 0; i < models.size(); ++i) {
    check_state(Pipeline::name, i == 0 || models[i]->n_features_in() == models[i - 1]->n_outputs());
    if (i + 1 == models.size()) break;
    transformers.push_back(as_transformer(models[i]));
    check_state(Pipeline::name, transformers.back() != nullptr);
  }
  return make_fitted(std::move(transformers), std::move(models.back()));
}

}  // namespace lathe
