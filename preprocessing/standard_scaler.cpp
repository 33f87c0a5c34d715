#include "lathe/preprocessing/standard_scaler.h"

#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/double_double.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/gram_statistics.h"
#include "lathe/ml/core/kernel_table.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/moments.h"

namespace lathe {
namespace {

// Beyond this a difference from the shift may leave the range of doubles, though it is in range
// once it is divided. Numbers whose half is rounded count for nothing there.
constexpr double wide_shift = 0x1p960;

class ScalerFit final : public StatisticsFit {
 public:
  explicit ScalerFit(std::shared_ptr<const StandardScalerModel> model) : model_(std::move(model)) {}

  ModelPtr model() const override { return model_; }

  std::unique_ptr<Statistics> transform(const Statistics& rows) const override {
    auto scaled = std::make_unique<GramStatistics>(dynamic_cast<const GramStatistics&>(rows));
    Gram& gram = scaled->gram;
    for (Index j = 0; j < gram.x_mean.size(); ++j) {
      const DoubleDouble mean(gram.x_mean[j], gram.x_mean_rest[j]);
      const DoubleDouble moved = (mean - model_->shift()[j]) / model_->divisor()[j];
      gram.x_mean[j] = moved.hi;
      gram.x_mean_rest[j] = moved.lo;
    }
    const Vector factor = model_->divisor().cwiseInverse();
    gram.xx = factor.asDiagonal() * gram.xx * factor.asDiagonal();
    gram.xy = factor.asDiagonal() * gram.xy;
    return scaled;
  }

 private:
  std::shared_ptr<const StandardScalerModel> model_;
};

// Refuses columns whose differences from the mean are no doubles.
void check_differences(const Moments& moments, const Schema* columns) {
  for (Index j = 0; j < moments.cols(); ++j) {
    const double least = moments.min[j];
    const double most = moments.max[j];
    if (std::isfinite(least - moments.mean[j]) && std::isfinite(most - moments.mean[j])) continue;
    throw InvalidArgument("G002",
                          "standard_scaler: " + column_name(columns, j) + " goes from " +
                              to_text(least) + " to " + to_text(most) +
                              ", too far from its mean for a double to hold the difference",
                          "with_std=true divides it, and with_mean=false leaves it");
  }
}

}  // namespace

const StatisticsKind* StandardScaler::statistics() const { return gram_statistics(); }

std::unique_ptr<StatisticsFit> StandardScaler::fit_statistics(const Statistics& rows,
                                                              const TrainingRows*) const {
  const auto& statistics = dynamic_cast<const GramStatistics&>(rows);
  const Gram& gram = statistics.gram;
  const Index d = gram.x_mean.size();
  Moments moments;
  moments.count.assign(static_cast<std::size_t>(d), statistics.positive);
  moments.weight = Vector::Constant(d, gram.weight);
  moments.mean = gram.x_mean.transpose();
  moments.mean_rest = gram.x_mean_rest.transpose();
  moments.spread = gram.xx.diagonal() / gram.weight;
  moments.unit = Vector::Ones(d);
  moments.min = moments.mean;  // not known, and not asked for
  moments.max = moments.mean;
  // Where squares may have vanished or lost their digits, only the rows tell a constant column.
  const auto least = (1e-8 * moments.mean.array()).square().max(0x1p-900);
  if (!(moments.spread.array() > least).all()) return nullptr;
  return std::make_unique<ScalerFit>(std::make_shared<const StandardScalerModel>(*this, moments));
}

StandardScalerModel StandardScaler::fit(const MatrixView& X, const Context& context) const {
  check_fit(*this, X, context);
  const Moments moments = column_moments(X, context.weight);
  if (with_mean && !with_std) check_differences(moments, context.columns);
  return {*this, moments};
}

StandardScalerModel::StandardScalerModel(const StandardScaler& options, const Moments& moments)
    : mean_(moments.mean),
      variance_(moments.variance()),
      scale_(moments.deviation()),
      n_samples_seen_(moments.weight),
      with_mean_(options.with_mean),
      with_std_(options.with_std) {
  for (Index j = 0; j < scale_.size(); ++j) {
    const double noise = 4.0 * std::numeric_limits<double>::epsilon() * std::abs(mean_[j]);
    if (scale_[j] <= noise) scale_[j] = 1.0;
  }
  prepare();
}

void StandardScalerModel::prepare() {
  shift_ = with_mean_ ? mean_ : Vector::Zero(mean_.size());
  divisor_ = with_std_ ? scale_ : Vector::Ones(mean_.size());
  for (Index j = 0; j < shift_.size(); ++j) {
    if (std::abs(shift_[j]) > wide_shift) wide_.push_back(j);
  }
}

// Writes the columns of wide_ by halves: the same bits where differences are in range.
void StandardScalerModel::write_wide(const double* X, Index rows, Index stride, double* out,
                                     Index out_stride) const {
  for (const Index j : wide_) {
    for (Index i = 0; i < rows; ++i) {
      const double half = 0.5 * X[i * stride + j] - 0.5 * shift_[j];
      out[i * out_stride + j] = half / (0.5 * divisor_[j]);
    }
  }
}

std::string_view StandardScalerModel::name() const { return StandardScaler::name; }

void StandardScalerModel::transform_into(const MatrixView& X, MatrixRef out) const {
  check_no_infinity(name(), X, n_features_in());
  check_out(name(), X, out, n_outputs());
  kernels::standardise(X, shift_, divisor_, out);
  write_wide(X.data(), X.rows(), X.outerStride(), out.data(), out.outerStride());
}

// Shifts and divisors are finite, so NaN and infinity stay what they are.
void StandardScalerModel::rows_into(const double* X, Index rows, Index stride, double* out,
                                    Index out_stride) const {
  kernels::table().standardise(X, rows, shift_.size(), stride, shift_.data(), divisor_.data(), out,
                               out_stride);
  write_wide(X, rows, stride, out, out_stride);
}

Matrix StandardScalerModel::inverse_transform(const MatrixView& X) const {
  check_no_infinity(name(), X, n_outputs());
  Matrix out(X.rows(), X.cols());
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index j = 0; j < X.cols(); ++j) out(i, j) = X(i, j) * divisor_[j] + shift_[j];
    for (const Index j : wide_) {
      out(i, j) = 2.0 * (X(i, j) * (0.5 * divisor_[j]) + 0.5 * shift_[j]);
    }
  }
  return out;
}

std::vector<Attribute> StandardScalerModel::attributes() const {
  std::vector<Attribute> result;
  result.push_back({"mean", Matrix(mean_.transpose())});
  if (with_std_) {
    result.push_back({"var", Matrix(variance_.transpose())});
    result.push_back({"scale", Matrix(scale_.transpose())});
  }
  result.push_back({"n_samples_seen", Matrix(n_samples_seen_.transpose())});
  return result;
}

std::vector<std::string> StandardScalerModel::warnings() const {
  std::vector<std::string> result;
  for (Index j = 0; j < n_samples_seen_.size(); ++j) {
    if (n_samples_seen_[j] == 0.0) {
      result.push_back("column " + std::to_string(j) +
                       " holds only missing values in training; it is left as it is");
    }
  }
  return result;
}

void StandardScalerModel::state(auto& self, auto& archive) {
  archive.version(1);
  archive(self.with_mean_, self.with_std_, self.mean_, self.variance_, self.scale_,
          self.n_samples_seen_);
}

StandardScalerModel::StandardScalerModel(InputArchive& archive) {
  state(*this, archive);
  const Index d = mean_.size();
  check_state(StandardScaler::name,
              d > 0 && variance_.size() == d && scale_.size() == d && n_samples_seen_.size() == d);
  check_state(StandardScaler::name,
              mean_.allFinite() && scale_.allFinite() && (scale_.array() > 0.0).all() &&
                  (variance_.array() >= 0.0).all() && n_samples_seen_.allFinite() &&
                  (n_samples_seen_.array() >= 0.0).all());
  prepare();
}

void StandardScalerModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
