// What a fit returns: immutable, so threads share it without a lock. A model has one role.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/schema.h"
#include "lathe/ml/core/types.h"

namespace lathe {

class InputArchive;
class OutputArchive;

enum class Role { regressor, classifier, clusterer, transformer, outlier_detector };
std::string_view to_text(Role role);

// A fitted number or array under scikit-learn's name without the underscore, for `lathe inspect`.
struct Attribute {
  std::string name;
  std::variant<double, std::int64_t, bool, std::string, Matrix, std::vector<std::string>> value;
};

class Model {
 public:
  virtual ~Model();

  virtual Role role() const = 0;
  virtual std::string_view name() const = 0;  // of its estimator: "ridge"
  virtual Index n_features_in() const = 0;
  virtual Index n_outputs() const = 0;  // columns that predict_into writes

  // X: n x n_features_in(), out: n x n_outputs(): predicted numbers, codes of classes, numbers of
  // clusters, or transformed columns. A row's result does not depend on the rows around it. Runs on
  // the calling thread; allocates nothing once a thread has seen its largest row block.
  // Throws InvalidArgument on another width, NaN or infinity where the model takes none.
  virtual void predict_into(const MatrixView& X, MatrixRef out) const = 0;

  virtual void save(OutputArchive& archive) const = 0;

  virtual std::vector<Attribute> attributes() const { return {}; }
  virtual bool converged() const { return true; }
  // What the fit wants known: "stopped after max_iter = 100 iterations ...". Not saved.
  virtual std::vector<std::string> warnings() const { return {}; }
};

using ModelPtr = std::shared_ptr<const Model>;

class Regressor : public Model {
 public:
  ~Regressor() override;
  Role role() const final { return Role::regressor; }
  Index n_outputs() const final { return n_targets(); }
  virtual Index n_targets() const = 0;
  Matrix predict(const MatrixView& X) const;  // n x n_targets; row blocks on all threads
};

class Classifier : public Model {
 public:
  ~Classifier() override;
  Role role() const final { return Role::classifier; }
  Index n_outputs() const final { return 1; }
  virtual const Classes& classes() const = 0;  // only those seen in training

  // out: n x classes().size(), rows sum to 1.
  virtual void predict_proba_into(const MatrixView& X, MatrixRef out) const = 0;
  // The code of the most probable class, the lower one where two are equal.
  void predict_into(const MatrixView& X, MatrixRef out) const override;

  Labels predict(const MatrixView& X) const;
  Matrix predict_proba(const MatrixView& X) const;
};

class Clusterer : public Model {
 public:
  ~Clusterer() override;
  Role role() const final { return Role::clusterer; }
  Index n_outputs() const final { return 1; }
  virtual Index n_clusters() const = 0;
  std::vector<std::int64_t> predict(const MatrixView& X) const;
};

class Transformer : public Model {
 public:
  ~Transformer() override;
  Role role() const final { return Role::transformer; }
  // Names and kinds of what comes out when `in` (n_features_in() columns) goes in.
  virtual Schema columns_out(const Schema& in) const = 0;
  // As Model::predict_into says.
  virtual void transform_into(const MatrixView& X, MatrixRef out) const = 0;
  void predict_into(const MatrixView& X, MatrixRef out) const final { transform_into(X, out); }
  Matrix transform(const MatrixView& X) const;  // n x n_outputs
};

// predict_into over fixed row blocks on all threads: what predict() and transform() do.
Matrix predict_matrix(const Model& model, const MatrixView& X);

}  // namespace lathe
