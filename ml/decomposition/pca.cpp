#include "lathe/ml/decomposition/pca.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <variant>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/scratch.h"
#include "lathe/ml/decomposition/jacobi_svd.h"

namespace lathe {
namespace {

void check_shape(const Pca& options, const MatrixView& X) {
  if (X.rows() < 2) {
    throw InvalidArgument("N001", "pca: X has 1 row, but a variance needs at least 2");
  }
  if (!options.n_components) return;
  const auto* count = std::get_if<std::int64_t>(&*options.n_components);
  const Index most = std::min(X.rows(), X.cols());
  if (count != nullptr && *count > most) {
    throw InvalidArgument("N002", "pca: n_components = " + std::to_string(*count) + " but X is " +
                                      std::to_string(X.rows()) + " x " + std::to_string(X.cols()) +
                                      ": it must be <= " + std::to_string(most));
  }
}

// X - mean. Taken about the first row, and centred a second time, so that columns far from 0 keep
// the digits they have.
Matrix centred(const MatrixView& X, Vector& mean) {
  const RowVector first = X.row(0);
  Matrix A = X.rowwise() - first;
  const RowVector about_first = A.colwise().mean();
  A.rowwise() -= about_first;
  const RowVector rest = A.colwise().mean();
  A.rowwise() -= rest;
  mean = (first + (about_first + rest)).transpose();
  return A;
}

// As scikit-learn: the fewest components whose cumulated share is above `share`.
Index count_for_share(const Vector& ratio, double share) {
  double sum = 0.0;
  for (Index k = 0; k < ratio.size(); ++k) {
    sum += ratio[k];
    if (sum > share) return k + 1;
  }
  return ratio.size();
}

Index count_of(const std::optional<CountOrShare>& n_components, const Vector& ratio) {
  if (!n_components) return ratio.size();
  const auto* count = std::get_if<std::int64_t>(&*n_components);
  return count != nullptr ? *count : count_for_share(ratio, std::get<double>(*n_components));
}

// The entry of largest size, the first of them, made positive in `component`; of the component's
// scores where it has any.
void set_sign(Eigen::Ref<RowVector> component, const Matrix& A, bool has_scores) {
  double lead = 0.0;
  const auto consider = [&](double value) {
    if (std::abs(value) > std::abs(lead)) lead = value;
  };
  if (has_scores) {
    for (Index i = 0; i < A.rows(); ++i) {
      consider(kernels::dot(A.data() + i * A.cols(), component.data(), A.cols()));
    }
  } else {
    for (double value : component) consider(value);
  }
  if (lead < 0.0) component = -component;
}

}  // namespace

PcaModel Pca::fit(const MatrixView& X, const Context& context) const {
  check_fit(*this, X, context);
  check_shape(*this, X);
  check_squarable(name, X);

  PcaResult result;
  Matrix A = centred(X, result.mean);
  RightSingular svd = right_singular(A);

  const Vector variance = svd.values.cwiseAbs2() / static_cast<double>(X.rows() - 1);
  const double total = variance.sum();
  const Vector ratio = total > 0.0 ? Vector(variance / total) : Vector::Zero(variance.size());
  const Index k = count_of(n_components, ratio);
  result.components = svd.vectors.topRows(k);
  result.singular_values = svd.values.head(k);
  result.explained_variance = variance.head(k);
  result.explained_variance_ratio = ratio.head(k);
  if (k < variance.size()) result.noise_variance = variance.tail(variance.size() - k).mean();

  const double rounding = static_cast<double>(std::max(X.rows(), X.cols())) *
                          std::numeric_limits<double>::epsilon() * svd.values[0];
  const Index rank = (result.singular_values.array() > rounding).count();
  parallel_for(k, [&](Index c) { set_sign(result.components.row(c), A, c < rank); });

  result.scale = Vector::Ones(k);
  if (whiten) result.scale.head(rank) = result.explained_variance.head(rank).cwiseSqrt();
  if (whiten && rank < k) {
    result.warnings.push_back("pca: whiten leaves " + std::to_string(k - rank) +
                              " component(s) as they are: nothing varies along them beyond "
                              "rounding");
  }
  return PcaModel(std::move(result));
}

std::string_view PcaModel::name() const { return Pca::name; }

void PcaModel::transform_into(const MatrixView& X, MatrixRef out) const {
  check_finite_rows(Pca::name, X, n_features_in());
  check_out(Pca::name, X, out, n_outputs());
  // The mean goes first: as an intercept it would cost the digits of columns far from 0.
  const Index d = n_features_in();
  Scratch scratch(1, d);
  double* centred_row = scratch.matrix().data();
  for (Index i = 0; i < X.rows(); ++i) {
    const double* row = X.data() + i * X.outerStride();
    for (Index j = 0; j < d; ++j) centred_row[j] = row[j] - result_.mean[j];
    for (Index c = 0; c < n_components(); ++c) {
      out(i, c) =
          kernels::dot(centred_row, result_.components.data() + c * d, d) / result_.scale[c];
    }
  }
}

Matrix PcaModel::inverse_transform(const MatrixView& scores) const {
  check_finite_rows(Pca::name, scores, n_components());
  Matrix X = result_.mean.transpose().replicate(scores.rows(), 1);
  for (Index i = 0; i < scores.rows(); ++i) {
    RowVector row = RowVector::Zero(n_features_in());
    for (Index c = 0; c < n_components(); ++c) {
      row += (scores(i, c) * result_.scale[c]) * result_.components.row(c);
    }
    X.row(i) += row;
  }
  return X;
}

Schema PcaModel::columns_out(const Schema&) const {
  Schema schema;
  for (Index c = 0; c < n_components(); ++c) {
    schema.columns.push_back({"pca" + std::to_string(c), ColumnKind::numeric, {}});
  }
  return schema;
}

std::vector<Attribute> PcaModel::attributes() const {
  const auto row = [](const Vector& v) { return Matrix(v.transpose()); };
  return {{"components", result_.components},
          {"explained_variance", row(result_.explained_variance)},
          {"explained_variance_ratio", row(result_.explained_variance_ratio)},
          {"singular_values", row(result_.singular_values)},
          {"mean", row(result_.mean)},
          {"noise_variance", result_.noise_variance},
          {"n_components", std::int64_t{n_components()}}};
}

void PcaModel::state(auto& self, auto& archive) {
  archive.version(1);
  auto& r = self.result_;
  archive(r.mean, r.components, r.explained_variance, r.explained_variance_ratio, r.singular_values,
          r.scale, r.noise_variance);
}

PcaModel::PcaModel(InputArchive& archive) {
  state(*this, archive);
  const PcaResult& r = result_;
  const Index k = r.components.rows();
  const auto amounts = [&](const Vector& v) {
    return v.size() == k && v.allFinite() && (v.array() >= 0.0).all();
  };
  check_state(Pca::name, k > 0 && r.components.cols() > 0 && r.components.allFinite() &&
                             r.mean.size() == r.components.cols() && r.mean.allFinite() &&
                             amounts(r.explained_variance) && amounts(r.explained_variance_ratio) &&
                             amounts(r.singular_values) && amounts(r.scale) &&
                             (r.scale.array() > 0.0).all() && std::isfinite(r.noise_variance) &&
                             r.noise_variance >= 0.0);
}

void PcaModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
