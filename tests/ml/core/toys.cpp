#include "tests/ml/core/toys.h"

#include <cmath>

#include <gtest/gtest.h>

namespace lathe::toys {

CentreModel Centre::fit(const MatrixView& X, const Context& context) const {
  check_fit(*this, X, context);
  Vector mean = Vector::Zero(X.cols());
  for (Index j = 0; j < X.cols(); ++j) {
    double total = 0.0;
    for (Index i = 0; i < X.rows(); ++i) {
      if (std::isnan(X(i, j))) continue;
      const double weight = context.weight.empty() ? 1.0 : context.weight[std::size_t(i)];
      mean[j] += weight * X(i, j);
      total += weight;
    }
    mean[j] *= factor / total;
  }
  return CentreModel(std::move(mean));
}

CentreModel::CentreModel(InputArchive& archive) {
  state(*this, archive);
  check_state(name(), mean_.size() > 0 && mean_.allFinite());
}

void CentreModel::transform_into(const MatrixView& X, MatrixRef out) const {
  check_no_infinity(name(), X, n_features_in());
  check_out(name(), X, out, n_outputs());
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index j = 0; j < X.cols(); ++j) out(i, j) = X(i, j) - mean_[j];
  }
}

void CentreModel::save(OutputArchive& archive) const { state(*this, archive); }

SquaresModel Squares::fit(const MatrixView& X, const Context& context) const {
  check_fit(*this, X, context);
  return SquaresModel(X.cols());
}

SquaresModel::SquaresModel(InputArchive& archive) {
  state(*this, archive);
  check_state(name(), n_features_ > 0 && n_features_ < 1000);
}

Schema SquaresModel::columns_out(const Schema& in) const {
  Schema out;
  for (const Column& column : in.columns) {
    out.columns.push_back(column);
    out.columns.push_back({column.name + "^2", {}, {}});
  }
  return out;
}

void SquaresModel::transform_into(const MatrixView& X, MatrixRef out) const {
  check_finite_rows(name(), X, n_features_in());
  check_out(name(), X, out, n_outputs());
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index j = 0; j < X.cols(); ++j) {
      out(i, 2 * j) = X(i, j);
      out(i, 2 * j + 1) = X(i, j) * X(i, j);
    }
  }
}

void SquaresModel::save(OutputArchive& archive) const { state(*this, archive); }

RowSumModel RowSum::fit(const MatrixView& X, const MatrixView& y, const Context& context) const {
  check_fit(*this, X, y, context);
  Vector offsets = Vector::Constant(y.cols(), offset);
  double total = 0.0;
  for (Index i = 0; i < y.rows(); ++i) {
    total += context.weight.empty() ? 1.0 : context.weight[std::size_t(i)];
  }
  for (Index i = 0; i < y.rows(); ++i) {
    const double weight = context.weight.empty() ? 1.0 : context.weight[std::size_t(i)];
    for (Index t = 0; t < y.cols(); ++t) offsets[t] += y(i, t) * weight / total;
  }
  return {X.cols(), std::move(offsets), context.seed};
}

RowSumModel::RowSumModel(InputArchive& archive) {
  state(*this, archive);
  check_state(name(), n_features_ > 0 && offsets_.size() > 0 && offsets_.allFinite());
}

void RowSumModel::predict_into(const MatrixView& X, MatrixRef out) const {
  check_finite_rows(name(), X, n_features_in());
  check_out(name(), X, out, n_outputs());
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index t = 0; t < n_targets(); ++t) {
      out(i, t) = offsets_[t];
      for (Index j = 0; j < X.cols(); ++j) out(i, t) += X(i, j);
    }
  }
}

void RowSumModel::save(OutputArchive& archive) const { state(*this, archive); }

NearModel Near::fit(const MatrixView& X, const Labels& y, const Context& context) const {
  check_fit(*this, X, y, context);
  return {X.cols(), y.compact().classes()};
}

NearModel::NearModel(InputArchive& archive) {
  state(*this, archive);
  check_state(name(), n_features_ > 0 && classes_.size() > 1);
}

void NearModel::predict_proba_into(const MatrixView& X, MatrixRef out) const {
  check_finite_rows(name(), X, n_features_in());
  check_out(name(), X, out, classes_.size());
  for (Index i = 0; i < X.rows(); ++i) {
    double total = 0.0;
    for (Index k = 0; k < classes_.size(); ++k) {
      out(i, k) = 1.0 + std::abs(X(i, 0) - static_cast<double>(k));
      total += out(i, k);
    }
    for (Index k = 0; k < classes_.size(); ++k) out(i, k) /= total;
  }
}

void NearModel::save(OutputArchive& archive) const { state(*this, archive); }

SignModel Sign::fit(const MatrixView& X, const Context& context) const {
  check_fit(*this, X, context);
  return SignModel(X.cols());
}

SignModel::SignModel(InputArchive& archive) {
  state(*this, archive);
  check_state(name(), n_features_ > 0);
}

void SignModel::predict_into(const MatrixView& X, MatrixRef out) const {
  check_finite_rows(name(), X, n_features_in());
  check_out(name(), X, out, 1);
  for (Index i = 0; i < X.rows(); ++i) out(i, 0) = X(i, 0) > 0.0 ? 1.0 : 0.0;
}

void SignModel::save(OutputArchive& archive) const { state(*this, archive); }

const Registry& registry() {
  static constexpr std::array entries{
      EstimatorEntry{Around::name, Role::regressor, Around::doc, [] { return Estimator(Around{}); },
                     nullptr},
      registry_entry<Centre, CentreModel>(Role::transformer),
      registry_entry<Near, NearModel>(Role::classifier),
      registry_entry<RowSum, RowSumModel>(Role::regressor),
      registry_entry<Sign, SignModel>(Role::clusterer),
      registry_entry<Squares, SquaresModel>(Role::transformer),
  };
  static constexpr Registry all{entries};
  return all;
}

ModelPtr load(std::string_view name, InputArchive& archive) {
  if (name == Pipeline::name) return load_pipeline(archive);
  const EstimatorEntry* entry = registry().find(name);
  return entry != nullptr && entry->load != nullptr ? entry->load(archive) : nullptr;
}

ModelPtr saved_and_loaded(const ModelPtr& model) {
  OutputArchive out;
  out(model);
  const std::string bytes = out.bytes();
  InputArchive in(bytes, load);
  ModelPtr loaded;
  in(loaded);
  EXPECT_EQ(in.bytes_left(), 0U);
  return loaded;
}

}  // namespace lathe::toys
