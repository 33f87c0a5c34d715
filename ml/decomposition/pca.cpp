#include "lathe/ml/decomposition/pca.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/core/scratch.h"
#include "lathe/ml/decomposition/signs.h"
#include "lathe/ml/decomposition/spectrum.h"

namespace lathe {
namespace {

// The smallest singular value that auto leaves to the Gram matrix, as a share of the largest: it
// keeps 12 digits there.
constexpr double gram_least = 1e-2;

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

// As scikit-learn: the fewest components whose cumulated share of the variance is above `share`.
Index count_for_share(const Vector& values, double total_squares, double share) {
  double sum = 0.0;
  for (Index k = 0; k < values.size(); ++k) {
    sum += values[k] * values[k] / total_squares;
    if (sum > share) return k + 1;
  }
  return values.size();
}

Wanted wanted_of(const Pca& options, const MatrixView& X) {
  if (!options.n_components) return {std::min(X.rows(), X.cols()), {}};
  if (const auto* count = std::get_if<std::int64_t>(&*options.n_components)) return {*count, {}};
  const double share = std::get<double>(*options.n_components);
  return {std::nullopt, [share](const Vector& values, double total) {
            return count_for_share(values, total, share);
          }};
}

struct Solved {
  Spectrum spectrum;
  PcaSolver solver;
};

// Few components of large data, if they are cheaper than exact ones.
std::optional<Solved> solve_randomized(const Pca& options, const MatrixView& X, Index count,
                                       std::uint64_t seed) {
  const auto least = static_cast<double>(std::min(X.rows(), X.cols()));
  const std::int64_t usual = static_cast<double>(count) < 0.1 * least ? 7 : 4;
  const RandomizedOptions randomized{.count = count,
                                     .oversamples = options.n_oversamples,
                                     .power = options.iterated_power.value_or(usual),
                                     .seed = seed_of(options.random_state, seed)};
  // Products per cell of X, of which the Gram matrix needs half by its symmetry.
  const double steps = 4.0 * static_cast<double>(randomized.power + 1) *
                       static_cast<double>(count + randomized.oversamples);
  if (least <= steps) {
    if (auto spectrum = gram_spectrum(X, {count, {}}, gram_least)) {
      return Solved{*std::move(spectrum), PcaSolver::covariance_eigh};
    }
  }
  if (auto spectrum = randomized_spectrum(X, randomized)) {
    return Solved{*std::move(spectrum), PcaSolver::randomized};
  }
  return std::nullopt;
}

Solved solve(const Pca& options, const MatrixView& X, const Context& context) {
  const Wanted wanted = wanted_of(options, X);
  switch (options.svd_solver) {
    case PcaSolver::automatic:
    case PcaSolver::covariance_eigh: {
      const bool given = options.svd_solver == PcaSolver::covariance_eigh;
      if (auto spectrum = gram_spectrum(X, wanted, given ? 0.0 : gram_least)) {
        return {*std::move(spectrum), PcaSolver::covariance_eigh};
      }
      check_fit_cells(Pca::name, {}, X, context);
      break;
    }
    case PcaSolver::randomized:
      check_fit_cells(Pca::name, {}, X, context);
      if (!wanted.count) {
        throw InvalidArgument("N003",
                              "pca: svd_solver = randomized cannot tell how many components make "
                              "up a share of the variance",
                              "give n_components as a count, or take svd_solver=auto");
      }
      if (auto solved = solve_randomized(options, X, *wanted.count, context.seed)) return *solved;
      break;
    case PcaSolver::full:
      check_fit_cells(Pca::name, {}, X, context);
      break;
  }
  check_squarable(Pca::name, X);
  return {full_spectrum(X), PcaSolver::full};
}

// Constant data come from centred cells of exactly 0.
Index count_of(const Wanted& wanted, const Spectrum& spectrum) {
  if (wanted.count) return *wanted.count;
  if (!(spectrum.total_squares > 0.0)) return spectrum.values.size();
  return std::min(wanted.choose(spectrum.values, spectrum.total_squares), spectrum.vectors.rows());
}

}  // namespace

PcaModel Pca::fit(const MatrixView& X, const Context& context) const {
  check_options(*this);
  check_fit_shape(name, {}, X, context);
  check_shape(*this, X);
  auto [spectrum, solver] = solve(*this, X, context);

  PcaResult result;
  const Index p = std::min(X.rows(), X.cols());
  const Index k = count_of(wanted_of(*this, X), spectrum);
  const double dof = static_cast<double>(X.rows() - 1);
  result.solver = solver;
  result.error = spectrum.error;
  result.singular_values = spectrum.values.head(k);
  result.components = std::move(spectrum.vectors);
  result.components.conservativeResize(k, Eigen::NoChange);
  result.explained_variance = result.singular_values.cwiseAbs2() / dof;
  const double total = spectrum.total_squares / dof;
  result.explained_variance_ratio =
      total > 0.0 ? Vector(result.explained_variance / total) : Vector::Zero(k);
  if (k < p) {
    const double rest = spectrum.values.size() == p
                            ? spectrum.values.tail(p - k).squaredNorm()
                            : spectrum.total_squares - result.singular_values.squaredNorm();
    result.noise_variance = std::max(0.0, rest) / dof / static_cast<double>(p - k);
  }

  const double rounding = static_cast<double>(std::max(X.rows(), X.cols())) *
                          std::numeric_limits<double>::epsilon() * spectrum.values[0];
  const Index rank = (result.singular_values.array() > rounding).count();
  set_signs(X, spectrum, rank, result.components);
  result.mean = std::move(spectrum.mean);

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
          {"solver", std::string(names(result_.solver)[static_cast<std::size_t>(result_.solver)])},
          {"error", result_.error},
          {"n_components", std::int64_t{n_components()}}};
}

void PcaModel::state(auto& self, auto& archive) {
  const int version = archive.version(2);
  auto& r = self.result_;
  archive(r.mean, r.components, r.explained_variance, r.explained_variance_ratio, r.singular_values,
          r.scale, r.noise_variance);
  if (version < 2) return;  // all were full
  auto solver = static_cast<std::int64_t>(r.solver);
  archive(solver, r.error);
  if constexpr (!std::is_const_v<std::remove_reference_t<decltype(self)>>) {
    check_state(Pca::name, solver > 0 && solver < std::ssize(names(r.solver)));
    r.solver = static_cast<PcaSolver>(solver);
  }
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
                             r.noise_variance >= 0.0 && std::isfinite(r.error) && r.error >= 0.0);
}

void PcaModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
