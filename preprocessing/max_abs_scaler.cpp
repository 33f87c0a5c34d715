#include "lathe/preprocessing/max_abs_scaler.h"

#include <utility>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/moments.h"

namespace lathe {

MaxAbsScalerModel MaxAbsScaler::fit(const MatrixView& X, const Context& context) const {
  check_fit(*this, X, context);
  const Moments moments = column_moments(X);
  MaxAbsScalerModel model(moments.max.cwiseAbs().cwiseMax(moments.min.cwiseAbs()), X.rows());
  for (Index j = 0; j < X.cols(); ++j) {
    if (moments.count[static_cast<std::size_t>(j)] == 0) model.unobserved_.push_back(j);
  }
  return model;
}

MaxAbsScalerModel::MaxAbsScalerModel(Vector max_abs, std::int64_t n_samples_seen)
    : max_abs_(std::move(max_abs)), n_samples_seen_(n_samples_seen) {
  prepare();
}

void MaxAbsScalerModel::prepare() {
  zero_ = Vector::Zero(max_abs_.size());
  scale_ = max_abs_;
  for (double& scale : scale_) scale = scale == 0.0 ? 1.0 : scale;
}

std::string_view MaxAbsScalerModel::name() const { return MaxAbsScaler::name; }

void MaxAbsScalerModel::transform_into(const MatrixView& X, MatrixRef out) const {
  check_no_infinity(name(), X, n_features_in());
  check_out(name(), X, out, n_outputs());
  kernels::standardise(X, zero_, scale_, out);
}

Matrix MaxAbsScalerModel::inverse_transform(const MatrixView& X) const {
  check_no_infinity(name(), X, n_outputs());
  return X * scale_.asDiagonal();
}

std::vector<Attribute> MaxAbsScalerModel::attributes() const {
  return {{"max_abs", Matrix(max_abs_.transpose())},
          {"scale", Matrix(scale_.transpose())},
          {"n_samples_seen", n_samples_seen_}};
}

std::vector<std::string> MaxAbsScalerModel::warnings() const {
  std::vector<std::string> result;
  for (const std::int64_t j : unobserved_) {
    result.push_back("column " + std::to_string(j) +
                     " holds only missing values in training; it is left as it is");
  }
  return result;
}

void MaxAbsScalerModel::state(auto& self, auto& archive) {
  archive.version(1);
  archive(self.max_abs_, self.n_samples_seen_);
}

MaxAbsScalerModel::MaxAbsScalerModel(InputArchive& archive) {
  state(*this, archive);
  check_state(MaxAbsScaler::name, max_abs_.size() > 0 && max_abs_.allFinite() &&
                                      (max_abs_.array() >= 0.0).all() && n_samples_seen_ >= 0);
  prepare();
}

void MaxAbsScalerModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
