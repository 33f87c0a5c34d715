#include "lathe/preprocessing/min_max_scaler.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/moments.h"

namespace lathe {
namespace {

bool is_range(double lo, double hi) { return lo < hi && std::isfinite(hi - lo); }

}  // namespace

MinMaxScalerModel MinMaxScaler::fit(const MatrixView& X, const Context& context) const {
  check_fit(*this, X, context);
  if (feature_range.size() != 2 || !is_range(feature_range[0], feature_range[1])) {
    throw InvalidArgument(
        "G001",
        "min_max_scaler: feature_range = " + to_text(options::to_value(feature_range)) +
            " is not [lo, hi] with lo < hi",
        "write feature_range=[0, 1]");
  }
  const Moments moments = column_moments(X);
  MinMaxScalerModel::Learned learned{.data_min = moments.min,
                                     .data_max = moments.max,
                                     .lo = feature_range[0],
                                     .hi = feature_range[1],
                                     .clip = clip,
                                     .n_samples_seen = X.rows(),
                                     .unobserved = {}};
  for (Index j = 0; j < X.cols(); ++j) {
    if (moments.count[static_cast<std::size_t>(j)] == 0) learned.unobserved.push_back(j);
    if (!std::isfinite(moments.max[j] - moments.min[j])) {
      throw InvalidArgument("G002", "min_max_scaler: " + column_name(context.columns, j) +
                                        " goes from " + to_text(moments.min[j]) + " to " +
                                        to_text(moments.max[j]) +
                                        ", which is wider than a double can hold");
    }
  }
  return MinMaxScalerModel(std::move(learned));
}

MinMaxScalerModel::MinMaxScalerModel(Learned learned) : learned_(std::move(learned)) { prepare(); }

void MinMaxScalerModel::prepare() {
  range_ = data_range();
  for (double& range : range_) range = range == 0.0 ? 1.0 : range;
}

std::string_view MinMaxScalerModel::name() const { return MinMaxScaler::name; }

void MinMaxScalerModel::transform_into(const MatrixView& X, MatrixRef out) const {
  check_no_infinity(name(), X, n_features_in());
  check_out(name(), X, out, n_outputs());
  const auto& [least, most, lo, hi, clip, seen, unobserved] = learned_;
  const double width = hi - lo;
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index j = 0; j < X.cols(); ++j) {
      const double scaled = (X(i, j) - least[j]) / range_[j] * width + lo;
      out(i, j) = clip ? std::clamp(scaled, lo, hi) : scaled;  // NaN stays NaN
    }
  }
}

Matrix MinMaxScalerModel::inverse_transform(const MatrixView& X) const {
  check_no_infinity(name(), X, n_outputs());
  const double width = learned_.hi - learned_.lo;
  Matrix out(X.rows(), X.cols());
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index j = 0; j < X.cols(); ++j) {
      out(i, j) = (X(i, j) - learned_.lo) / width * range_[j] + learned_.data_min[j];
    }
  }
  return out;
}

Vector MinMaxScalerModel::scale() const { return (learned_.hi - learned_.lo) / range_.array(); }

Vector MinMaxScalerModel::min() const {
  return learned_.lo - learned_.data_min.array() * scale().array();
}

std::vector<Attribute> MinMaxScalerModel::attributes() const {
  return {{"data_min", Matrix(data_min().transpose())},
          {"data_max", Matrix(data_max().transpose())},
          {"data_range", Matrix(data_range().transpose())},
          {"scale", Matrix(scale().transpose())},
          {"min", Matrix(min().transpose())},
          {"n_samples_seen", n_samples_seen()}};
}

std::vector<std::string> MinMaxScalerModel::warnings() const {
  std::vector<std::string> result;
  for (const std::int64_t j : learned_.unobserved) {
    result.push_back("column " + std::to_string(j) +
                     " holds only missing values in training; it is scaled as though it were 0");
  }
  return result;
}

void MinMaxScalerModel::state(auto& self, auto& archive) {
  archive.version(1);
  auto& learned = self.learned_;
  archive(learned.data_min, learned.data_max, learned.lo, learned.hi, learned.clip,
          learned.n_samples_seen);
}

MinMaxScalerModel::MinMaxScalerModel(InputArchive& archive) {
  state(*this, archive);
  const Vector& least = learned_.data_min;
  const Vector& most = learned_.data_max;
  check_state(MinMaxScaler::name, least.size() > 0 && most.size() == least.size());
  check_state(MinMaxScaler::name, least.allFinite() && most.allFinite() &&
                                      (most.array() >= least.array()).all() &&
                                      data_range().allFinite());
  check_state(MinMaxScaler::name,
              is_range(learned_.lo, learned_.hi) && learned_.n_samples_seen >= 0);
  prepare();
}

void MinMaxScalerModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
