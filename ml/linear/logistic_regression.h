// Logistic regression, binary and multinomial: with scores z = W x + b and probabilities
// softmax(z), minimises C * sum weight * log loss + |W|^2 / 2 (Cox 1958; Hastie, Tibshirani and
// Friedman 2009, 4.4). With two classes there is one row of W, for the second class, and its
// probability is 1 / (1 + exp(-z)). Solved by Newton's method to the optimum.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <variant>

#include "lathe/ml/core/estimator.h"

namespace lathe {

enum class Penalty { l2 };
constexpr std::array<std::string_view, 1> names(Penalty) { return {"l2"}; }

enum class ClassWeight { balanced };
constexpr std::array<std::string_view, 1> names(ClassWeight) { return {"balanced"}; }

class LogisticRegressionModel final : public Classifier {
 public:
  enum class End { converged, max_iter, separable };
  struct Fitted {
    Matrix coef;
    Vector intercept;
    Classes classes;
    std::int64_t n_iter = 0;
    double objective = 0.0;
    End end = End::converged;
  };

  explicit LogisticRegressionModel(Fitted fitted) : fitted_(std::move(fitted)) {}
  explicit LogisticRegressionModel(InputArchive& archive);

  std::string_view name() const override;
  Index n_features_in() const override { return fitted_.coef.cols(); }
  const Classes& classes() const override { return fitted_.classes; }
  void predict_proba_into(const MatrixView& X, MatrixRef out) const override;
  void save(OutputArchive& archive) const override;
  std::vector<Attribute> attributes() const override;
  bool converged() const override { return fitted_.end == End::converged; }
  std::vector<std::string> warnings() const override;

  // The scores: n x 1 with two classes (positive: the second), else n x n_classes.
  Matrix decision_function(const MatrixView& X) const;

  // 1 x n_features with two classes, else n_classes x n_features, each column adding up to 0.
  const Matrix& coef() const { return fitted_.coef; }
  const Vector& intercept() const { return fitted_.intercept; }  // adds up to 0 likewise
  std::int64_t n_iter() const { return fitted_.n_iter; }         // Newton steps
  double objective() const { return fitted_.objective; }         // what was minimised

 private:
  static void state(auto& self, auto& archive);

  Fitted fitted_;
};

// LogisticRegression{.C = 0.5}.fit(X, labels).predict(X_new)
struct LogisticRegression {
  static constexpr std::string_view name = "logistic_regression";
  static constexpr std::string_view doc =
      "Linear scores as log odds of classes, by maximum likelihood with an L2 penalty.";
  static constexpr Tags tags{.weights = true};

  double C = 1.0;
  std::optional<Penalty> penalty = Penalty::l2;
  bool fit_intercept = true;
  std::optional<std::variant<ClassWeight, LabelWeights>> class_weight = std::nullopt;
  double tol = 1e-10;
  std::int64_t max_iter = 100;

  static void describe(auto& self, auto&& field) {
    field("C", self.C, above(0.0), "inverse of the strength of the penalty");
    field("penalty", self.penalty, any_value,
          "what is added to the loss; none: nothing, whatever C");
    field("fit_intercept", self.fit_intercept, any_value, "also fit a constant, unpenalised");
    field(
        "class_weight", self.class_weight, above(0.0),
        "weights of classes (1 where none is given); balanced: so that all classes weigh the same");
    field(
        "tol", self.tol, above(0.0),
        "stop when the next step would change no parameter by more than this share of the largest");
    field("max_iter", self.max_iter, at_least(1), "the most Newton steps");
  }

  // X: n_samples x n_features, y: n_samples labels, of two or more classes with weight. Columns may
  // have any scale and offset; constant ones get 0; without a penalty, of several optima the one of
  // least |W|^2. Rows of weight 0 are as if they were not there. Classes that can be separated
  // without error have no optimum without a penalty: the model then says that it has not
  // converged, and why. Each step takes O(n d^2 K^2) time for up to 1000 parameters, O(n d K) for
  // each of its conjugate gradients beyond; memory besides X is O(d^2 K^2) or O(d K).
  // Throws InvalidArgument on NaN, infinity, mismatched rows or weights, a single class (T008), and
  // weights for labels that y does not hold (L002).
  LogisticRegressionModel fit(const MatrixView& X, const Labels& y,
                              const Context& context = {}) const;

  bool operator==(const LogisticRegression&) const = default;
};

}  // namespace lathe
