// Least squares with an L2 penalty: minimises sum weight |y - W x - b|^2 + alpha |W|^2 (Hoerl and
// Kennard 1970). The constant b is not penalised.
#pragma once

#include <memory>
#include <string_view>

#include "lathe/ml/core/estimator.h"
#include "lathe/ml/linear/linear_model.h"

namespace lathe {

class RidgeModel final : public LinearModel {
 public:
  explicit RidgeModel(LeastSquares&& fitted) : LinearModel(std::move(fitted)) {}
  explicit RidgeModel(InputArchive& archive);

  std::string_view name() const override;
  void save(OutputArchive& archive) const override;

 private:
  static void state(auto& self, auto& archive);
};

// Ridge{.alpha = 0.1}.fit(X, y).predict(X_new)
struct Ridge {
  static constexpr std::string_view name = "ridge";
  static constexpr std::string_view doc = "Least squares with an L2 penalty.";
  static constexpr Tags tags{.weights = true, .multi_target = true};

  double alpha = 1.0;
  bool fit_intercept = true;

  static void describe(auto& self, auto&& field) {
    field("alpha", self.alpha, at_least(0.0), "strength of the L2 penalty; 0 is least squares");
    field("fit_intercept", self.fit_intercept, any_value, "also fit a constant, unpenalised");
  }

  // X: n_samples x n_features, y: n_samples x n_targets (a Vector is one target). Solved as least
  // squares with the penalty as further rows and refined like linear_regression (with more than 4
  // million cells only where an estimate does not promise 13 digits of the longest coefficient,
  // each times its column's length; there, with 256 columns and more, from products in floats), so
  // columns may have any scale and offset; constant ones get 0. O(n d^2) time, O(d^2) memory
  // besides X; where n < d, O(n^2 d) time and O(n^2) memory, or a copy of X where rows nearly
  // depend on one another. Throws InvalidArgument on NaN, infinity, mismatched rows or weights.
  RidgeModel fit(const MatrixView& X, const MatrixView& y, const Context& context = {}) const;

  const StatisticsKind* statistics() const;
  std::unique_ptr<StatisticsFit> fit_statistics(const Statistics& rows,
                                                const TrainingRows* source) const;

  bool operator==(const Ridge&) const = default;
};

}  // namespace lathe
