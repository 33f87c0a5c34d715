// k-means: centres c_1 .. c_k that minimise sum_i w_i min_j |x_i - c_j|^2, by Lloyd's iterations
// (Lloyd 1982) from greedy k-means++ starts (Arthur and Vassilvitskii 2007).
//
// An iteration scores all rows, or, where a cost model says that it pays (24 columns or more), only
// those that the triangle inequality does not rule out (Hamerly 2010). The labels, centres and
// inertia are the same bits either way, and the labels those of Lloyd's iterations on paper: what
// scores in floats leave in doubt is decided by doubles, and near-ties by exact distances.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lathe/ml/core/estimator.h"
#include "lathe/ml/core/model.h"
#include "lathe/ml/core/options.h"
#include "lathe/ml/core/target.h"

namespace lathe {

// What a k-means fit found, besides the model's methods.
struct KMeansResult {
  Matrix cluster_centers;            // n_clusters x n_features
  std::vector<std::int32_t> labels;  // of the training rows
  double inertia = 0.0;              // sum_i w_i |x_i - its centre|^2
  std::int64_t n_iter = 0;           // Lloyd iterations of the best start
  bool converged = true;
  std::vector<std::string> warnings;
};

class KMeansModel final : public Clusterer {
 public:
  explicit KMeansModel(KMeansResult result);
  explicit KMeansModel(InputArchive& archive);

  std::string_view name() const override;
  Index n_features_in() const override { return result_.cluster_centers.cols(); }
  Index n_clusters() const override { return result_.cluster_centers.rows(); }

  // The number of the nearest centre, the lower one where two are equally near (to one part in 2^46
  // of the squared distance).
  void predict_into(const MatrixView& X, MatrixRef out) const override;
  void save(OutputArchive& archive) const override;
  std::vector<Attribute> attributes() const override;
  bool converged() const override { return result_.converged; }
  std::vector<std::string> warnings() const override { return result_.warnings; }

  const Matrix& cluster_centers() const { return result_.cluster_centers; }
  double inertia() const { return result_.inertia; }
  std::int64_t n_iter() const { return result_.n_iter; }
  // All that the fit found, without a copy.
  const KMeansResult& result() const { return result_; }
  // One per training row, equal to predict() of those rows. Empty on a loaded model.
  std::vector<std::int64_t> labels() const {
    return {result_.labels.begin(), result_.labels.end()};
  }

  // Distances to the centres: n x n_clusters. Throws InvalidArgument as predict does.
  Matrix transform(const MatrixView& X) const;

 private:
  static void state(auto& self, auto& archive);
  void pack();

  KMeansResult result_;
  Vector packed_;  // the centres, laid out for the kernels
};

enum class KMeansInit { kmeans_plus_plus, random };
constexpr auto names(KMeansInit) {
  return std::array{std::string_view("k-means++"), std::string_view("random")};
}

// KMeans{.n_clusters = 3}.fit(X).predict(X_new)
//
// Weights count as repeated rows, in the start too. A cluster that loses all its rows is moved to
// the row that is farthest from its own centre (the next farthest for a second one; the lower row
// where two are equally far), which is taken from a cluster that keeps another row; it stays where
// it is if no row is away from its centre. The inertia never rises from one iteration to the next.
struct KMeans {
  static constexpr std::string_view name = "kmeans";
  static constexpr std::string_view doc = "Groups of rows around n_clusters means.";
  static constexpr Tags tags{.weights = true};

  std::int64_t n_clusters = 8;
  std::variant<KMeansInit, Matrix> init = KMeansInit::kmeans_plus_plus;
  std::int64_t n_init = 10;
  std::int64_t max_iter = 300;
  double tol = 1e-4;
  std::optional<std::int64_t> random_state = {};

  static void describe(auto& self, auto&& field) {
    field("n_clusters", self.n_clusters, at_least(1), "number of clusters");
    field("init", self.init, any_value,
          "how the centres start; a matrix gives them, one row per cluster");
    field("n_init", self.n_init, at_least(1),
          "starts, of which the one with the lowest inertia is kept; given centres start once");
    field("max_iter", self.max_iter, at_least(1), "Lloyd iterations of each start at most");
    field("tol", self.tol, at_least(0.0),
          "stop when the squared shift of the centres is at most this times the mean variance of "
          "the columns, or when no row changes its cluster");
    field("random_state", self.random_state, at_least(0), "seed of the starts; none: the run's");
  }

  // X: n_samples x n_features, at least n_clusters rows of positive weight. One pass over X, then
  // at most O(n k d) time for each iteration. Memory besides X: 4 bytes a row for labels and
  // 4 for those of the best start, 8 while a start is drawn, and 8 with bounds; O(k d) for each
  // thread. Small data are fitted a thread to a start. The same bits for any number of
  // threads. Throws InvalidArgument on NaN, too few rows, given centres of another shape, and data
  // so far apart, or so close together, that squared distances leave the range of doubles.
  KMeansModel fit(const MatrixView& X, const Context& context = {}) const;

  bool operator==(const KMeans& other) const;
};

}  // namespace lathe
