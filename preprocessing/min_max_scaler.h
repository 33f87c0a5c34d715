// Scales each column to a given range: (x - least) / (greatest - least) * (hi - lo) + lo.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lathe/ml/core/estimator.h"

namespace lathe {

class MinMaxScalerModel final : public Transformer {
 public:
  struct Learned {
    Vector data_min;  // per column, of the cells that are present; 0 where there is none
    Vector data_max;
    double lo = 0.0;  // of the range
    double hi = 1.0;
    bool clip = false;
    std::int64_t n_samples_seen = 0;       // rows
    std::vector<std::int64_t> unobserved;  // columns without any cell
  };
  explicit MinMaxScalerModel(Learned learned);
  explicit MinMaxScalerModel(InputArchive& archive);

  std::string_view name() const override;
  Index n_features_in() const override { return learned_.data_min.size(); }
  Index n_outputs() const override { return learned_.data_min.size(); }
  Schema columns_out(const Schema& in) const override { return in; }
  void transform_into(const MatrixView& X, MatrixRef out) const override;
  Matrix inverse_transform(const MatrixView& X) const;  // back to the original columns
  void save(OutputArchive& archive) const override;
  std::vector<Attribute> attributes() const override;
  std::vector<std::string> warnings() const override;

  const Vector& data_min() const { return learned_.data_min; }
  const Vector& data_max() const { return learned_.data_max; }
  Vector data_range() const { return learned_.data_max - learned_.data_min; }
  Vector scale() const;  // out = x * scale + min, up to rounding
  Vector min() const;
  std::int64_t n_samples_seen() const { return learned_.n_samples_seen; }

 private:
  static void state(auto& self, auto& archive);
  void prepare();

  Learned learned_;
  Vector range_;  // data_max - data_min, 1 for a constant column
};

// MinMaxScaler{.feature_range = {-1, 1}}.fit(X).transform(X_new)
//
// Missing cells are left out of the statistics and stay missing. A constant column goes to the
// lower end. A column without any cell is scaled as though it were 0, with a warning. The least is
// subtracted before the division (scikit-learn multiplies first), so nothing cancels in columns far
// from zero; and only a column of one value is constant, however narrow the others are.
struct MinMaxScaler {
  static constexpr std::string_view name = "min_max_scaler";
  static constexpr std::string_view doc = "Scales each column to a given range.";
  static constexpr Tags tags{.missing = true};

  std::vector<double> feature_range = {0.0, 1.0};
  bool clip = false;

  static void describe(auto& self, auto&& field) {
    field("feature_range", self.feature_range, any_value,
          "[lo, hi] of the scaled columns, lo < hi");
    field("clip", self.clip, any_value, "cut values of new rows off at the ends of the range");
  }

  // X: n_samples x n_features; NaN is missing. O(n d) time. Throws InvalidArgument on categorical
  // columns, infinite cells, a feature_range that is not [lo, hi] with lo < hi, and a column wider
  // than the range of doubles.
  MinMaxScalerModel fit(const MatrixView& X, const Context& context = {}) const;

  bool operator==(const MinMaxScaler&) const = default;
};

}  // namespace lathe
