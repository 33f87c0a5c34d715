// Principal components: the directions along which centred rows vary most, from the singular value
// decomposition X - mean = U S V' (Pearson 1901; Jolliffe 2002).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/ml/core/model.h"
#include "lathe/ml/core/options.h"
#include "lathe/ml/core/target.h"

namespace lathe {

struct PcaResult {
  Vector mean;                      // n_features
  Matrix components;                // n_components x n_features, orthonormal rows
  Vector explained_variance;        // squared singular values / (n_samples - 1)
  Vector explained_variance_ratio;  // of the variance of all columns; 0 where that is 0
  Vector singular_values;           // descending
  Vector scale;                     // what whitening divides scores by; 1 without it
  double noise_variance = 0.0;      // mean variance along the directions left out
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

  // Rows as near as the components come to those that `scores` (n x n_components) were made of.
  // Throws InvalidArgument for another width, NaN or infinity.
  Matrix inverse_transform(const MatrixView& scores) const;

 private:
  static void state(auto& self, auto& archive);

  PcaResult result_;
};

enum class PcaSolver { automatic, full };
constexpr auto names(PcaSolver) {
  return std::array{std::string_view("auto"), std::string_view("full")};
}

// Pca{.n_components = 2}.fit(X).transform(X)
//
// Signs are scikit-learn 1.2.1's: the score of largest size along a component is positive (the
// first row that has it), so the columns of U lead. A component along which nothing varies beyond
// rounding has no such score: there its first entry of largest size is positive, and whitening
// leaves it as it is.
struct Pca {
  static constexpr std::string_view name = "pca";
  static constexpr std::string_view doc = "Scores along the directions of largest variance.";

  std::optional<CountOrShare> n_components = {};
  bool whiten = false;
  PcaSolver svd_solver = PcaSolver::automatic;

  static void describe(auto& self, auto&& field) {
    field("n_components", self.n_components, share_or_count,
          "how many, or the least share of the variance that they must exceed; none: as many as "
          "rows and columns allow");
    field("whiten", self.whiten, any_value, "scale the scores to unit variance");
    field("svd_solver", self.svd_solver, any_value,
          "full and auto both find every singular value to its last digits");
  }

  // X: n_samples x n_features, at least 2 rows. O(n d min(n, d)) time, two copies of X. Throws
  // InvalidArgument on NaN, too few rows, more components than min(n, d), and variances that leave
  // the range of doubles.
  PcaModel fit(const MatrixView& X, const Context& context = {}) const;

  bool operator==(const Pca&) const = default;
};

}  // namespace lathe
