// Principal components: the directions along which centred rows vary most, from the singular value
// decomposition X - mean = U S V' (Pearson 1901; Jolliffe 2002).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/ml/core/model.h"
#include "lathe/ml/core/options.h"
#include "lathe/ml/core/statistics.h"
#include "lathe/ml/core/target.h"

namespace lathe {

enum class PcaSolver { automatic, full, covariance_eigh, randomized };
constexpr auto names(PcaSolver) {
  return std::array{std::string_view("auto"), std::string_view("full"),
                    std::string_view("covariance_eigh"), std::string_view("randomized")};
}

struct PcaResult {
  Vector mean;                         // n_features
  Matrix components;                   // n_components x n_features, orthonormal rows
  Vector explained_variance;           // squared singular values / (n_samples - 1)
  Vector explained_variance_ratio;     // of the variance of all columns; 0 where that is 0
  Vector singular_values;              // descending
  Vector scale;                        // what whitening divides scores by; 1 without it
  double noise_variance = 0.0;         // mean variance along the directions left out
  PcaSolver solver = PcaSolver::full;  // that was used: never auto
  double error = 0.0;                  // of a randomised one, else 0: see PcaModel::error()
  std::vector<std::string> warnings;
};

class PcaModel final : public Transformer {
 public:
  explicit PcaModel(PcaResult result) : result_(std::move(result)) {}
  explicit PcaModel(InputArchive& archive);

  std::string_view name() const override;
  Index n_features_in() const override { return result_.components.cols(); }
  Index n_outputs() const override { return n_components(); }
  // (x - mean) components' / scale
  void transform_into(const MatrixView& X, MatrixRef out) const override;
  void save(OutputArchive& archive) const override;
  Schema columns_out(const Schema& in) const override;  // pca0, pca1, ...
  std::vector<Attribute> attributes() const override;
  std::vector<std::string> warnings() const override { return result_.warnings; }

  Index n_components() const { return result_.components.rows(); }
  const Vector& mean() const { return result_.mean; }
  const Matrix& components() const { return result_.components; }
  const Vector& explained_variance() const { return result_.explained_variance; }
  const Vector& explained_variance_ratio() const { return result_.explained_variance_ratio; }
  const Vector& singular_values() const { return result_.singular_values; }
  double noise_variance() const { return result_.noise_variance; }
  PcaSolver solver() const { return result_.solver; }
  // Where the solver was randomized: no singular value is farther than this times the largest from
  // a true one. 0 elsewhere.
  double error() const { return result_.error; }

  // Rows as near as the components come to those that `scores` (n x n_components) were made of.
  // Throws InvalidArgument for another width, NaN or infinity.
  Matrix inverse_transform(const MatrixView& scores) const;

 private:
  static void state(auto& self, auto& archive);

  PcaResult result_;
};

// Pca{.n_components = 2}.fit(X).transform(X)
//
// Signs are scikit-learn 1.2.1's: the score of largest size along a component is positive (the
// first row that has it), so the columns of U lead. A component along which nothing varies beyond
// rounding has no such score: there its first entry of largest size is positive, and whitening
// leaves it as it is.
//
// Solvers:
// - full: QR and Jacobi rotations. Every singular value to 1e-14 of the largest, and to its own
//   digits where columns differ by scale alone.
// - covariance_eigh: eigenvectors of the smaller Gram matrix, formed in one pass without a copy of
//   X. A singular value r times the largest keeps 16 digits less twice those of r; where r < 1e-6
//   it is the length of the scores along its vector, so 0 but for rounding where nothing varies.
// - auto: covariance_eigh where the smallest singular value that is wanted turns out to be above
//   1e-2 of the largest (12 digits), else full.
// - randomized: subspace iteration from a random start, unless the exact way is cheaper. The model
//   says how far its values can be off.
struct Pca {
  static constexpr std::string_view name = "pca";
  static constexpr std::string_view doc = "Scores along the directions of largest variance.";

  std::optional<CountOrShare> n_components = {};
  bool whiten = false;
  PcaSolver svd_solver = PcaSolver::automatic;
  std::optional<std::int64_t> iterated_power = {};
  std::int64_t n_oversamples = 10;
  std::optional<std::int64_t> random_state = {};

  static void describe(auto& self, auto&& field) {
    field("n_components", self.n_components, share_or_count,
          "how many, or the least share of the variance that they must exceed; none: as many as "
          "rows and columns allow");
    field("whiten", self.whiten, any_value, "scale the scores to unit variance");
    field("svd_solver", self.svd_solver, any_value,
          "full: every digit; covariance_eigh: fast, half the digits of small singular values; "
          "auto: covariance_eigh where that costs nothing that shows, else full; randomized: "
          "approximate, for few components of large data");
    field("iterated_power", self.iterated_power, at_least(0),
          "iterations of randomized; none: 7 for less than a tenth of the components, else 4");
    field("n_oversamples", self.n_oversamples, at_least(0),
          "further directions that randomized follows and then leaves out");
    field("random_state", self.random_state, at_least(0),
          "seed of the start of randomized; none: the run's");
  }

  // X: n_samples x n_features, at least 2 rows; p = min(n, d). O(n d p) time. covariance_eigh takes
  // O(p^2 + k d) memory besides X and finds k of many components by some 20 products with its p x p
  // matrix; full takes two copies of X and about 10 sweeps of O(p^3); randomized O(n d k) time for
  // each iteration, O((n + d) k) memory. Throws InvalidArgument on NaN, too few rows, more
  // components than p, a share with randomized, and variances that leave the range of doubles.
  PcaModel fit(const MatrixView& X, const Context& context = {}) const;

  // For cross-validation; components have the signs that come.
  const StatisticsKind* statistics() const;
  std::unique_ptr<StatisticsFit> fit_statistics(const Statistics& rows,
                                                const TrainingRows* source) const;

  bool operator==(const Pca&) const = default;
};

}  // namespace lathe
