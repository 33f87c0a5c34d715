// Ordinary least squares: minimises sum weight |y - W x - b|^2, to the last digit that the data
// determine (Cholesky or QR factors, refined with double-double residuals; least_squares.h).
#pragma once

#include <memory>
#include <string_view>

#include "lathe/ml/core/estimator.h"
#include "lathe/ml/linear/linear_model.h"

namespace lathe {

// The classical theory of the fit, for each target. Weights are inverse variances: the degrees of
// freedom count rows of positive weight. NaN where the data do not determine a figure: no degrees
// of freedom left, a constant column, one that is a combination of others. Without standard_errors
// they are NaN too, and what LinearTests say of coefficients.
struct LinearSummary {
  Matrix standard_error;            // n_targets x n_features, of the coefficients
  Vector intercept_standard_error;  // 0 without an intercept
  Vector residual_sd;
  Vector r_squared;           // about the mean with an intercept, else about 0
  Vector f_statistic;         // of the two mean squares: a sum over its degrees of freedom
  Vector regression_squares;  // sum weight (prediction - mean)^2, about 0 without an intercept
  Vector residual_squares;
  std::int64_t regression_dof = 0;  // the rank
  std::int64_t residual_dof = 0;
};

// Confidence intervals and tests that each coefficient is 0.
struct LinearTests {
  Matrix t_value;  // n_targets x n_features, as all below
  Matrix p_value;  // two-sided
  Matrix lower;
  Matrix upper;
  Vector intercept_t_value;  // n_targets, as all below
  Vector intercept_p_value;
  Vector intercept_lower;
  Vector intercept_upper;
  Vector f_p_value;
};

class LinearRegressionModel final : public LinearModel {
 public:
  LinearRegressionModel(LeastSquares&& fitted, LinearSummary summary);
  explicit LinearRegressionModel(InputArchive& archive);

  std::string_view name() const override;
  void save(OutputArchive& archive) const override;
  std::vector<Attribute> attributes() const override;

  const LinearSummary& summary() const { return summary_; }
  // Throws InvalidArgument (L001) unless 0 < level < 1.
  LinearTests tests(double level = 0.95) const;

 private:
  static void state(auto& self, auto& archive);

  LinearSummary summary_;
};

// LinearRegression{}.fit(X, y).predict(X_new)
struct LinearRegression {
  static constexpr std::string_view name = "linear_regression";
  static constexpr std::string_view doc =
      "Least squares; of least norm where the columns are dependent.";
  static constexpr Tags tags{.weights = true, .multi_target = true};

  bool fit_intercept = true;
  Refine refine = Refine::automatic;
  bool standard_errors = true;

  static void describe(auto& self, auto&& field) {
    field("fit_intercept", self.fit_intercept, any_value, "also fit a constant");
    field("refine", self.refine, any_value,
          "auto: to the last digit, but for large data whose coefficients have 13 anyway; always");
    field("standard_errors", self.standard_errors, any_value,
          "false: none, nor what follows from them (NaN); faster where columns are many");
  }

  // X: n_samples x n_features, y: n_samples x n_targets (a Vector is one target). Constant columns
  // get 0. O(n d^2) time, O(d^2) memory besides X; where n < d, O(n^2 d) time and O(n^2) memory, or
  // a copy of X where rows nearly depend on one another. Throws InvalidArgument on NaN, infinity,
  // mismatched rows or weights.
  LinearRegressionModel fit(const MatrixView& X, const MatrixView& y,
                            const Context& context = {}) const;

  const StatisticsKind* statistics() const;
  std::unique_ptr<StatisticsFit> fit_statistics(const Statistics& rows,
                                                const TrainingRows* source) const;

  bool operator==(const LinearRegression&) const = default;
};

}  // namespace lathe
