// Estimators small enough to see through, one of each role, for the tests of what holds them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/estimator.h"
#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/core/registry.h"

namespace lathe::toys {

// x - mean, by column. Takes weights and missing values (which stay missing).
class CentreModel final : public Transformer {
 public:
  explicit CentreModel(Vector mean) : mean_(std::move(mean)) {}
  explicit CentreModel(InputArchive& archive);

  std::string_view name() const override { return "centre"; }
  Index n_features_in() const override { return mean_.size(); }
  Index n_outputs() const override { return mean_.size(); }
  Schema columns_out(const Schema& in) const override { return in; }
  void transform_into(const MatrixView& X, MatrixRef out) const override;
  void save(OutputArchive& archive) const override;
  std::vector<Attribute> attributes() const override { return {{"mean", Matrix(mean_)}}; }

 private:
  static void state(auto& self, auto& archive) {
    archive.version(1);
    archive(self.mean_);
  }
  Vector mean_;
};

struct Centre {
  static constexpr std::string_view name = "centre";
  static constexpr std::string_view doc = "Subtracts each column's mean.";
  static constexpr Tags tags{.missing = true, .weights = true};

  double factor = 1.0;

  static void describe(auto& self, auto&& field) {
    field("factor", self.factor, at_least(0.0), "of the mean that is subtracted");
  }
  CentreModel fit(const MatrixView& X, const Context& context = {}) const;
  bool operator==(const Centre&) const = default;
};

// Each column and its square: one column becomes two.
class SquaresModel final : public Transformer {
 public:
  explicit SquaresModel(Index n_features) : n_features_(n_features) {}
  explicit SquaresModel(InputArchive& archive);

  std::string_view name() const override { return "squares"; }
  Index n_features_in() const override { return n_features_; }
  Index n_outputs() const override { return 2 * n_features_; }
  Schema columns_out(const Schema& in) const override;
  void transform_into(const MatrixView& X, MatrixRef out) const override;
  void save(OutputArchive& archive) const override;
  std::vector<std::string> warnings() const override { return {"squares grow"}; }

 private:
  static void state(auto& self, auto& archive) {
    archive.version(1);
    archive(self.n_features_);
  }
  Index n_features_ = 0;
};

struct Squares {
  static constexpr std::string_view name = "squares";
  static constexpr std::string_view doc = "Adds the square of each column.";

  static void describe(auto&, auto&&) {}
  SquaresModel fit(const MatrixView& X, const Context& context = {}) const;
  bool operator==(const Squares&) const = default;
};

// The sum of the row, plus the (weighted) mean of each target and the option `offset`.
class RowSumModel final : public Regressor {
 public:
  RowSumModel(Index n_features, Vector offsets, std::uint64_t seed)
      : n_features_(n_features), offsets_(std::move(offsets)), seed_(seed) {}
  explicit RowSumModel(InputArchive& archive);

  std::string_view name() const override { return "row_sum"; }
  Index n_features_in() const override { return n_features_; }
  Index n_targets() const override { return offsets_.size(); }
  void predict_into(const MatrixView& X, MatrixRef out) const override;
  void save(OutputArchive& archive) const override;
  bool converged() const override { return false; }
  std::uint64_t seed() const { return seed_; }

 private:
  static void state(auto& self, auto& archive) {
    archive.version(1);
    archive(self.n_features_, self.offsets_, self.seed_);
  }
  Index n_features_ = 0;
  Vector offsets_;
  std::uint64_t seed_ = 0;
};

enum class Mood { calm, wild };
constexpr auto names(Mood) { return std::array<std::string_view, 2>{"calm", "wild"}; }

struct RowSum {
  static constexpr std::string_view name = "row_sum";
  static constexpr std::string_view doc = "Adds up the row.";
  static constexpr Tags tags{.weights = true, .multi_target = true};

  double offset = 0.0;
  std::int64_t steps = 3;
  Mood mood = Mood::calm;

  static void describe(auto& self, auto&& field) {
    field("offset", self.offset, any_value, "added to each prediction");
    field("steps", self.steps, between(1, 10), "of no effect");
    field("mood", self.mood, any_value, "of no effect");
  }
  RowSumModel fit(const MatrixView& X, const MatrixView& y, const Context& context = {}) const;
  bool operator==(const RowSum&) const = default;
};

// P(class k) is proportional to 1 + |x0 - k|: every class has some.
class NearModel final : public Classifier {
 public:
  NearModel(Index n_features, Classes classes)
      : n_features_(n_features), classes_(std::move(classes)) {}
  explicit NearModel(InputArchive& archive);

  std::string_view name() const override { return "near"; }
  Index n_features_in() const override { return n_features_; }
  const Classes& classes() const override { return classes_; }
  void predict_proba_into(const MatrixView& X, MatrixRef out) const override;
  void save(OutputArchive& archive) const override;

 private:
  static void state(auto& self, auto& archive) {
    archive.version(1);
    archive(self.n_features_, self.classes_);
  }
  Index n_features_ = 0;
  Classes classes_;
};

struct Near {
  static constexpr std::string_view name = "near";
  static constexpr std::string_view doc = "The class whose code is farthest from the first column.";

  static void describe(auto&, auto&&) {}
  NearModel fit(const MatrixView& X, const Labels& y, const Context& context = {}) const;
  bool operator==(const Near&) const = default;
};

// Cluster 1 where the first column is positive.
class SignModel final : public Clusterer {
 public:
  explicit SignModel(Index n_features) : n_features_(n_features) {}
  explicit SignModel(InputArchive& archive);

  std::string_view name() const override { return "sign"; }
  Index n_features_in() const override { return n_features_; }
  Index n_clusters() const override { return 2; }
  void predict_into(const MatrixView& X, MatrixRef out) const override;
  void save(OutputArchive& archive) const override;

 private:
  static void state(auto& self, auto& archive) {
    archive.version(1);
    archive(self.n_features_);
  }
  Index n_features_ = 0;
};

struct Sign {
  static constexpr std::string_view name = "sign";
  static constexpr std::string_view doc = "Two clusters, by the sign of the first column.";

  static void describe(auto&, auto&&) {}
  SignModel fit(const MatrixView& X, const Context& context = {}) const;
  bool operator==(const Sign&) const = default;
};

// Any estimator inside another: has an option of estimators, and takes branches.
struct Around {
  static constexpr std::string_view name = "around";
  static constexpr std::string_view doc = "Fits what is inside.";

  Estimator inside = RowSum{};
  std::vector<std::pair<Value, Estimator>> branches = {};

  static void describe(auto& self, auto&& field) {
    field("inside", self.inside, any_value, "what is fitted");
  }
  Role role() const { return inside.role(); }
  Tags tags() const { return inside.tags(); }
  void add_branch(const Value& selector, Estimator branch) {
    branches.emplace_back(selector, std::move(branch));
  }
  ModelPtr fit(const MatrixView& X, const Target& y, const Context& context = {}) const {
    return inside.fit(X, y, context);
  }
  bool operator==(const Around&) const = default;
};

const Registry& registry();
ModelPtr load(std::string_view name, InputArchive& archive);  // by the registry's loaders
ModelPtr saved_and_loaded(const ModelPtr& model);

}  // namespace lathe::toys
