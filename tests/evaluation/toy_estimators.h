// Estimators whose cross-validation can be worked out by hand.
#pragma once

#include <string_view>
#include <utility>

#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/estimator.h"
#include "lathe/ml/core/model.h"
#include "lathe/ml/core/random.h"

namespace lathe {

class ConstantModel final : public Regressor {
 public:
  ConstantModel(Index n_features, RowVector value)
      : n_features_(n_features), value_(std::move(value)) {}
  std::string_view name() const override { return "constant"; }
  Index n_features_in() const override { return n_features_; }
  Index n_targets() const override { return value_.size(); }
  void predict_into(const MatrixView& X, MatrixRef out) const override {
    for (Index i = 0; i < X.rows(); ++i) out.row(i) = value_;
  }
  void save(OutputArchive&) const override {}
  std::vector<std::string> warnings() const override { return {"it is only a mean"}; }

 private:
  Index n_features_;
  RowVector value_;
};

struct MeanRegressor {
  static constexpr std::string_view name = "mean_regressor";
  static constexpr Tags tags{.weights = true, .multi_target = true};
  static void describe(auto&, auto&&) {}

  ConstantModel fit(const MatrixView& X, const MatrixView& y, const Context& context = {}) const {
    check_fit(*this, X, y, context);
    RowVector sum = RowVector::Zero(y.cols());
    double total = 0.0;
    for (Index i = 0; i < y.rows(); ++i) {
      const double w = context.weight.empty() ? 1.0 : context.weight[static_cast<std::size_t>(i)];
      sum += w * y.row(i);
      total += w;
    }
    return {X.cols(), sum / total};
  }
  bool operator==(const MeanRegressor&) const = default;
};

// Predicts a number drawn from its seed, and takes no weights.
struct SeedRegressor {
  static constexpr std::string_view name = "seed_regressor";
  static void describe(auto&, auto&&) {}

  ConstantModel fit(const MatrixView& X, const MatrixView& y, const Context& context = {}) const {
    check_fit(*this, X, y, context);
    return {X.cols(), RowVector::Constant(1, Random(context.seed, name).uniform())};
  }
  bool operator==(const SeedRegressor&) const = default;
};

// NotSupported where the training rows hold the number 99, NotFound for 98.
struct RefusingRegressor {
  static constexpr std::string_view name = "refusing_regressor";
  static void describe(auto&, auto&&) {}

  ConstantModel fit(const MatrixView& X, const MatrixView&, const Context& = {}) const {
    if ((X.array() == 99.0).any()) throw NotSupported("Z099", "it cannot be", "try 98");
    if ((X.array() == 98.0).any()) throw NotFound("Z098", "it is not there");
    return {X.cols(), RowVector::Zero(1)};
  }
  bool operator==(const RefusingRegressor&) const = default;
};

class ShareModel final : public Classifier {
 public:
  ShareModel(Index n_features, RowVector shares, Classes classes)
      : n_features_(n_features), shares_(std::move(shares)), classes_(std::move(classes)) {}
  std::string_view name() const override { return "shares"; }
  Index n_features_in() const override { return n_features_; }
  const Classes& classes() const override { return classes_; }
  void predict_proba_into(const MatrixView& X, MatrixRef out) const override {
    for (Index i = 0; i < X.rows(); ++i) out.row(i) = shares_;
  }
  void save(OutputArchive&) const override {}

 private:
  Index n_features_;
  RowVector shares_;
  Classes classes_;
};

// The share of each class in the training rows, whatever the row.
struct ShareClassifier {
  static constexpr std::string_view name = "share_classifier";
  static void describe(auto&, auto&&) {}

  ShareModel fit(const MatrixView& X, const Labels& y, const Context& = {}) const {
    RowVector shares = RowVector::Zero(y.classes().size());
    for (const std::int32_t code : y.codes()) shares[code] += 1.0;
    return {X.cols(), shares / static_cast<double>(y.size()), y.classes()};
  }
  bool operator==(const ShareClassifier&) const = default;
};

// Subtracts the training rows' means.
class CentredModel final : public Transformer {
 public:
  explicit CentredModel(RowVector means) : means_(std::move(means)) {}
  std::string_view name() const override { return "centre"; }
  Index n_features_in() const override { return means_.size(); }
  Index n_outputs() const override { return means_.size(); }
  Schema columns_out(const Schema& in) const override { return in; }
  void transform_into(const MatrixView& X, MatrixRef out) const override {
    for (Index i = 0; i < X.rows(); ++i) out.row(i) = X.row(i) - means_;
  }
  void save(OutputArchive&) const override {}
  const RowVector& means() const { return means_; }

 private:
  RowVector means_;
};

struct Centre {
  static constexpr std::string_view name = "centre";
  static void describe(auto&, auto&&) {}
  CentredModel fit(const MatrixView& X, const Context& = {}) const {
    return CentredModel(X.colwise().mean());
  }
  bool operator==(const Centre&) const = default;
};

// Two clusters: rows whose first column is negative, and the others.
class SignModel final : public Clusterer {
 public:
  explicit SignModel(Index n_features) : n_features_(n_features) {}
  std::string_view name() const override { return "sign_clusterer"; }
  Index n_features_in() const override { return n_features_; }
  Index n_clusters() const override { return 2; }
  void predict_into(const MatrixView& X, MatrixRef out) const override {
    for (Index i = 0; i < X.rows(); ++i) out(i, 0) = X(i, 0) < 0.0 ? 0.0 : 1.0;
  }
  void save(OutputArchive&) const override {}

 private:
  Index n_features_;
};

struct SignClusterer {
  static constexpr std::string_view name = "sign_clusterer";
  static constexpr Tags tags{.weights = true};
  static void describe(auto&, auto&&) {}
  SignModel fit(const MatrixView& X, const Context& = {}) const { return SignModel(X.cols()); }
  bool operator==(const SignClusterer&) const = default;
};

}  // namespace lathe
