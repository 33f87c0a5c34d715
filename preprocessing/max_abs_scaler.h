// Divides each column by its largest absolute value, so that it lies in [-1, 1] and 0 stays 0.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/ml/core/estimator.h"

namespace lathe {

class MaxAbsScalerModel final : public Transformer {
 public:
  // max_abs: per column, over the cells that are present; 0 for a column without any.
  MaxAbsScalerModel(Vector max_abs, std::int64_t n_samples_seen);
  explicit MaxAbsScalerModel(InputArchive& archive);

  std::string_view name() const override;
  Index n_features_in() const override { return max_abs_.size(); }
  Index n_outputs() const override { return max_abs_.size(); }
  Schema columns_out(const Schema& in) const override { return in; }
  void transform_into(const MatrixView& X, MatrixRef out) const override;
  Matrix inverse_transform(const MatrixView& X) const;  // back to the original columns
  void save(OutputArchive& archive) const override;
  std::vector<Attribute> attributes() const override;
  std::vector<std::string> warnings() const override;

  const Vector& max_abs() const { return max_abs_; }
  const Vector& scale() const { return scale_; }  // max_abs, but 1 where that is 0
  std::int64_t n_samples_seen() const { return n_samples_seen_; }

 private:
  static void state(auto& self, auto& archive);
  void prepare();

  Vector max_abs_;
  std::int64_t n_samples_seen_ = 0;
  std::vector<std::int64_t> unobserved_;  // columns without any cell in training
  Vector zero_;
  Vector scale_;

  friend struct MaxAbsScaler;
};

// MaxAbsScaler{}.fit(X).transform(X_new)
//
// Missing cells are left out of the statistics and stay missing. A column of zeros, or without any
// cell, stays as it is, the latter with a warning.
struct MaxAbsScaler {
  static constexpr std::string_view name = "max_abs_scaler";
  static constexpr std::string_view doc = "Divides each column by its largest absolute value.";
  static constexpr Tags tags{.missing = true};

  static void describe(auto&, auto&&) {}

  // X: n_samples x n_features; NaN is missing. O(n d) time. Throws InvalidArgument on categorical
  // columns and infinite cells.
  MaxAbsScalerModel fit(const MatrixView& X, const Context& context = {}) const;

  bool operator==(const MaxAbsScaler&) const = default;
};

}  // namespace lathe
