// Scales each column to mean 0 and variance 1: (x - mean) / standard deviation, with n in the
// denominator of the variance.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/ml/core/estimator.h"
#include "lathe/ml/core/unchecked_rows.h"

namespace lathe {

struct Moments;
struct StandardScaler;

class StandardScalerModel final : public Transformer, public UncheckedRows {
 public:
  StandardScalerModel(const StandardScaler& options, const Moments& moments);
  explicit StandardScalerModel(InputArchive& archive);

  std::string_view name() const override;
  Index n_features_in() const override { return mean_.size(); }
  Index n_outputs() const override { return mean_.size(); }
  Schema columns_out(const Schema& in) const override { return in; }
  void transform_into(const MatrixView& X, MatrixRef out) const override;
  void rows_into(const double* X, Index rows, Index stride, double* out,
                 Index out_stride) const override;
  Matrix inverse_transform(const MatrixView& X) const;  // back to the original columns
  void save(OutputArchive& archive) const override;
  std::vector<Attribute> attributes() const override;
  std::vector<std::string> warnings() const override;

  const Vector& mean() const { return mean_; }
  const Vector& variance() const { return variance_; }  // may overflow or underflow; scale does not
  const Vector& scale() const { return scale_; }        // 1 for a constant column
  const Vector& n_samples_seen() const { return n_samples_seen_; }  // cells, or their weight
  const Vector& shift() const { return shift_; }                    // what transform subtracts
  const Vector& divisor() const { return divisor_; }                // and then divides by

 private:
  static void state(auto& self, auto& archive);
  void prepare();
  void write_wide(const double* X, Index rows, Index stride, double* out, Index out_stride) const;

  Vector mean_;
  Vector variance_;
  Vector scale_;
  Vector n_samples_seen_;
  bool with_mean_ = true;
  bool with_std_ = true;
  Vector shift_;             // what is subtracted: mean_ or zeros
  Vector divisor_;           // what is divided by: scale_ or ones
  std::vector<Index> wide_;  // columns of which a difference may leave the range of doubles
};

// StandardScaler{}.fit(X).transform(X_new)
//
// Missing cells are left out of the statistics and stay missing. A column whose deviation is within
// 4 units in the last place of its mean is constant: it is only shifted. (scikit-learn's bound for
// this grows with the number of rows, for it allows for its own rounding; ours has none to allow
// for.) A column without any cell is left as it is, with a warning.
struct StandardScaler {
  static constexpr std::string_view name = "standard_scaler";
  static constexpr std::string_view doc = "Scales each column to mean 0 and variance 1.";
  static constexpr Tags tags{.missing = true, .weights = true};

  bool with_mean = true;
  bool with_std = true;

  static void describe(auto& self, auto&& field) {
    field("with_mean", self.with_mean, any_value, "subtract the mean");
    field("with_std", self.with_std, any_value, "divide by the standard deviation");
  }

  // X: n_samples x n_features; NaN is missing. O(n d) time. Throws InvalidArgument on categorical
  // columns and infinite cells, and without with_std where a difference from the mean is no double.
  StandardScalerModel fit(const MatrixView& X, const Context& context = {}) const;

  const StatisticsKind* statistics() const;
  std::unique_ptr<StatisticsFit> fit_statistics(const Statistics& rows,
                                                const TrainingRows* source) const;

  bool operator==(const StandardScaler&) const = default;
};

}  // namespace lathe
