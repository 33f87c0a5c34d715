#include "lathe/ml/cluster/kmeans.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lathe/ml/cluster/kmeans_start.h"
#include "lathe/ml/cluster/lloyd.h"
#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/random.h"

namespace lathe {
namespace {

// Weight, mean and sum of squares about it of the columns.
struct Moments {
  double weight = 0.0;
  RowVector mean;
  RowVector squares;
};

Moments block_moments(const MatrixView& X, std::span<const double> weight, Index begin, Index end) {
  Moments moments{0.0, RowVector::Zero(X.cols()), RowVector::Zero(X.cols())};
  const auto weight_at = [&](Index i) {
    return weight.empty() ? 1.0 : weight[static_cast<std::size_t>(i)];
  };
  for (Index i = begin; i < end; ++i) {
    moments.weight += weight_at(i);
    moments.mean += weight_at(i) * X.row(i);
  }
  if (moments.weight == 0.0) return moments;
  moments.mean /= moments.weight;
  for (Index i = begin; i < end; ++i) {
    moments.squares += weight_at(i) * (X.row(i) - moments.mean).cwiseAbs2();
  }
  return moments;
}

// Blocks are merged by their centred moments, which loses no digits (Chan, Golub and LeVeque 1979).
double mean_variance(const MatrixView& X, std::span<const double> weight) {
  const Index block_rows = start_block(X.rows(), X.cols());
  std::vector<Moments> blocks(static_cast<std::size_t>((X.rows() + block_rows - 1) / block_rows));
  parallel_blocks(X.rows(), block_rows, [&](Index block, Index begin, Index end) {
    blocks[static_cast<std::size_t>(block)] = block_moments(X, weight, begin, end);
  });
  Moments all{0.0, RowVector::Zero(X.cols()), RowVector::Zero(X.cols())};
  for (const Moments& block : blocks) {
    if (block.weight == 0.0) continue;
    const double share = block.weight / (all.weight + block.weight);
    const RowVector difference = block.mean - all.mean;
    all.squares += block.squares + difference.cwiseAbs2() * (all.weight * share);
    all.mean += difference * share;
    all.weight += block.weight;
  }
  return all.squares.mean() / all.weight;
}

void check_clusters(const KMeans& options, const MatrixView& X, std::span<const double> weight) {
  const auto weighted = weight.empty() ? X.rows()
                                       : std::count_if(weight.begin(), weight.end(),
                                                       [](double w) { return w > 0.0; });
  if (options.n_clusters > weighted) {
    throw InvalidArgument("K001", "kmeans: n_clusters = " + std::to_string(options.n_clusters) +
                                      " but X has only " + std::to_string(weighted) +
                                      " row(s) of positive weight");
  }
  const Matrix* given = std::get_if<Matrix>(&options.init);
  if (given == nullptr) return;
  if (given->rows() != options.n_clusters || given->cols() != X.cols()) {
    throw InvalidArgument(
        "K002", "kmeans: init has " + std::to_string(given->rows()) + " row(s) and " +
                    std::to_string(given->cols()) +
                    " column(s): it must have n_clusters = " + std::to_string(options.n_clusters) +
                    " row(s) and X's " + std::to_string(X.cols()) + " column(s)");
  }
}

Matrix start(const KMeans& options, const MatrixView& X, std::span<const double> weight,
             Random& random) {
  if (const auto* given = std::get_if<Matrix>(&options.init)) return *given;
  return std::get<KMeansInit>(options.init) == KMeansInit::random
             ? random_start(X, weight, options.n_clusters, random)
             : kmeans_plus_plus(X, weight, options.n_clusters, random);
}

std::vector<std::string> warnings_of(const KMeans& options, const LloydResult& result) {
  std::vector<std::string> warnings;
  if (!result.converged) {
    warnings.push_back("kmeans: stopped after max_iter = " + std::to_string(options.max_iter) +
                       " iterations while centres still moved");
  }
  std::vector<bool> used(static_cast<std::size_t>(options.n_clusters));
  for (std::int64_t label : result.labels) used[static_cast<std::size_t>(label)] = true;
  const auto distinct = std::count(used.begin(), used.end(), true);
  if (distinct < options.n_clusters) {
    warnings.push_back("kmeans: found " + std::to_string(distinct) +
                       " distinct clusters, fewer than n_clusters = " +
                       std::to_string(options.n_clusters) + ": X may have duplicate rows");
  }
  return warnings;
}

}  // namespace

KMeansModel KMeans::fit(const MatrixView& X, const Context& context) const {
  check_fit(*this, X, context);
  check_clusters(*this, X, context.weight);
  check_squarable(name, X);

  const bool given = std::holds_alternative<Matrix>(init);
  const std::uint64_t seed = seed_of(random_state, context.seed);
  const double shift_tol = tol * mean_variance(X, context.weight);
  Lloyd lloyd(X, context.weight);
  LloydResult best;
  for (std::int64_t run = 0; run < (given ? 1 : n_init); ++run) {
    Random random(seed, "kmeans.start", static_cast<std::uint64_t>(run));
    LloydResult result = lloyd.run(start(*this, X, context.weight, random), max_iter, shift_tol);
    if (run == 0 || result.inertia < best.inertia) best = std::move(result);
  }
  std::vector<std::string> warnings = warnings_of(*this, best);
  return KMeansModel({std::move(best.centres), std::move(best.labels), best.inertia, best.n_iter,
                      best.converged, std::move(warnings)});
}

bool KMeans::operator==(const KMeans& other) const {
  const auto same_start = [&] {
    const auto* mine = std::get_if<Matrix>(&init);
    const auto* theirs = std::get_if<Matrix>(&other.init);
    if (mine == nullptr || theirs == nullptr) {
      return mine == theirs && std::get<KMeansInit>(init) == std::get<KMeansInit>(other.init);
    }
    // Eigen compares matrices of one shape only.
    return mine->rows() == theirs->rows() && mine->cols() == theirs->cols() && *mine == *theirs;
  };
  return n_clusters == other.n_clusters && n_init == other.n_init && max_iter == other.max_iter &&
         tol == other.tol && random_state == other.random_state && same_start();
}

std::string_view KMeansModel::name() const { return KMeans::name; }

void KMeansModel::predict_into(const MatrixView& X, MatrixRef out) const {
  check_finite_rows(KMeans::name, X, n_features_in());
  check_out(KMeans::name, X, out, n_outputs());
  for (Index i = 0; i < X.rows(); ++i) {
    const NearestCentre nearest =
        nearest_centre(X.data() + i * X.outerStride(), result_.cluster_centers);
    out(i, 0) = static_cast<double>(nearest.index);
  }
}

Matrix KMeansModel::transform(const MatrixView& X) const {
  check_finite_rows(KMeans::name, X, n_features_in());
  Matrix distances(X.rows(), n_clusters());
  parallel_blocks(X.rows(), row_block(X.cols()), [&](Index, Index begin, Index end) {
    auto out = distances.middleRows(begin, end - begin);
    kernels::squared_distances(X.middleRows(begin, end - begin), result_.cluster_centers, out);
    out = out.cwiseSqrt();
  });
  return distances;
}

std::vector<Attribute> KMeansModel::attributes() const {
  return {{"cluster_centers", result_.cluster_centers},
          {"inertia", result_.inertia},
          {"n_iter", result_.n_iter}};
}

void KMeansModel::state(auto& self, auto& archive) {
  archive.version(1);
  archive(self.result_.cluster_centers, self.result_.inertia, self.result_.n_iter,
          self.result_.converged);
}

KMeansModel::KMeansModel(InputArchive& archive) {
  state(*this, archive);
  const KMeansResult& r = result_;
  check_state(KMeans::name, r.cluster_centers.rows() > 0 && r.cluster_centers.cols() > 0 &&
                                r.cluster_centers.allFinite() && std::isfinite(r.inertia) &&
                                r.inertia >= 0.0 && r.n_iter > 0);
}

void KMeansModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
