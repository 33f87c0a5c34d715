#include "lathe/evaluation/metrics_clustering.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "lathe/evaluation/accurate_sum.h"
#include "lathe/evaluation/metric_checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

constexpr Index tile_rows = 128;
constexpr Index block_rows = 32;

// Rows in the order of their clusters, cut into tiles of rows of one cluster.
struct Tile {
  Index cluster;
  Matrix rows;
};

std::vector<Tile> make_tiles(const MatrixView& X, const Labels& clusters) {
  std::vector<Index> order(static_cast<std::size_t>(X.rows()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return clusters[a] < clusters[b]; });
  std::vector<Tile> tiles;
  for (std::size_t begin = 0; begin < order.size();) {
    const std::int32_t cluster = clusters[order[begin]];
    std::size_t end = begin;
    while (end < order.size() && end - begin < tile_rows && clusters[order[end]] == cluster) ++end;
    Tile tile{cluster, Matrix(static_cast<Index>(end - begin), X.cols())};
    for (std::size_t i = begin; i < end; ++i) {
      tile.rows.row(static_cast<Index>(i - begin)) = X.row(order[i]);
    }
    tiles.push_back(std::move(tile));
    begin = end;
  }
  return tiles;
}

// totals(i, c) = sum of the distances of row i of `block` to the rows of cluster c.
void add_distances(const MatrixView& block, const std::vector<Tile>& tiles, Matrix& totals) {
  Matrix squared(block.rows(), tile_rows);
  for (const Tile& tile : tiles) {
    const Index n = tile.rows.rows();
    kernels::squared_distances(block, tile.rows, squared.leftCols(n));
    for (Index i = 0; i < block.rows(); ++i) {
      double* distances = squared.data() + i * tile_rows;
      for (Index j = 0; j < n; ++j) distances[j] = std::sqrt(distances[j]);
      totals(i, tile.cluster) += kernels::sum(distances, n);
    }
  }
}

double silhouette(const double* totals, Index own, const std::vector<Index>& sizes) {
  const auto size = [&](Index c) {
    return static_cast<double>(sizes[static_cast<std::size_t>(c)]);
  };
  if (size(own) == 1.0) return 0.0;
  const double within = totals[own] / (size(own) - 1.0);
  double nearest = std::numeric_limits<double>::infinity();
  for (Index c = 0; c < static_cast<Index>(sizes.size()); ++c) {
    if (c != own) nearest = std::min(nearest, totals[c] / size(c));
  }
  const double larger = std::max(within, nearest);
  return larger == 0.0 ? 0.0 : (nearest - within) / larger;
}

using Pairs = unsigned __int128;  // counts of pairs of pairs: up to n^4

// The sum of the squares of how often each key occurs; sorts them.
std::uint64_t squared_counts(std::vector<std::uint64_t>& keys) {
  std::sort(keys.begin(), keys.end());
  std::uint64_t total = 0;
  for (std::size_t begin = 0; begin < keys.size();) {
    std::size_t end = begin;
    while (end < keys.size() && keys[end] == keys[begin]) ++end;
    total += (end - begin) * (end - begin);
    begin = end;
  }
  return total;
}

}  // namespace

Vector silhouette_samples(const MatrixView& X, const Labels& clusters) {
  detail::check_metric_rows("silhouette", X.rows(), clusters.size(), {});
  detail::check_metric_finite("silhouette", "X", X);
  const Labels present = clusters.compact();
  const Index n_clusters = present.classes().size();
  if (n_clusters < 2 || n_clusters >= X.rows()) {
    throw InvalidArgument("Q010", "silhouette needs 2 to n - 1 clusters, but " +
                                      std::to_string(X.rows()) + " rows are in " +
                                      std::to_string(n_clusters));
  }
  std::vector<Index> sizes(static_cast<std::size_t>(n_clusters), 0);
  for (const std::int32_t code : present.codes()) ++sizes[static_cast<std::size_t>(code)];

  const std::vector<Tile> tiles = make_tiles(X, present);
  Vector samples(X.rows());
  parallel_blocks(X.rows(), block_rows, [&](Index, Index begin, Index end) {
    Matrix totals = Matrix::Zero(end - begin, n_clusters);
    add_distances(X.middleRows(begin, end - begin), tiles, totals);
    for (Index i = begin; i < end; ++i) {
      samples[i] = silhouette(totals.data() + (i - begin) * n_clusters, present[i], sizes);
    }
  });
  return samples;
}

double silhouette_score(const MatrixView& X, const Labels& clusters) {
  const Vector samples = silhouette_samples(X, clusters);
  AccurateSum sum;
  for (Index i = 0; i < samples.size(); ++i) sum.add(samples[i]);
  return sum.value() / static_cast<double>(samples.size());
}

double adjusted_rand_score(const Labels& labels_true, const Labels& labels_pred) {
  detail::check_metric_rows("adjusted_rand", labels_true.size(), labels_pred.size(), {});
  const auto n = static_cast<std::size_t>(labels_true.size());
  std::vector<std::uint64_t> truth(n);
  std::vector<std::uint64_t> guess(n);
  std::vector<std::uint64_t> both(n);
  for (std::size_t i = 0; i < n; ++i) {
    truth[i] = static_cast<std::uint32_t>(labels_true.codes()[i]);
    guess[i] = static_cast<std::uint32_t>(labels_pred.codes()[i]);
    both[i] = truth[i] << 32U | guess[i];
  }
  // Ordered pairs of different rows that are together in both, in one only, and in neither.
  const std::uint64_t squares = squared_counts(both);
  const std::uint64_t in_both = squares - n;
  const std::uint64_t in_truth = squared_counts(truth) - squares;
  const std::uint64_t in_guess = squared_counts(guess) - squares;
  const std::uint64_t in_none = n * n - in_truth - in_guess - squares;
  if (in_truth == 0 && in_guess == 0) return 1.0;

  const auto times = [](std::uint64_t a, std::uint64_t b) { return Pairs{a} * b; };
  const Pairs agree = times(in_both, in_none);
  const Pairs differ = times(in_truth, in_guess);
  const double excess =
      agree >= differ ? static_cast<double>(agree - differ) : -static_cast<double>(differ - agree);
  const Pairs most =
      times(in_both + in_truth, in_truth + in_none) + times(in_both + in_guess, in_guess + in_none);
  return 2.0 * excess / static_cast<double>(most);
}

}  // namespace lathe
