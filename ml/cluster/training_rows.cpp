#include "lathe/ml/cluster/training_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "lathe/ml/core/kernel_cluster_table.h"
#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

struct Moments {
  explicit Moments(Index d)
      : mean(RowVector::Zero(d)),
        squares(RowVector::Zero(d)),
        least(RowVector::Constant(d, infinite)),
        greatest(RowVector::Constant(d, -infinite)) {}

  double weight = 0.0;
  RowVector mean, squares, least, greatest;
  bool finite = true;
};

void add(Moments& moments, const ClusterRows& data, Index begin, Index end) {
  const Index d = data.cols();
  const Index n = end - begin;
  double weight = 0.0;
  for (Index i = begin; i < end; ++i) weight += data.weight_of(i);
  const Index ahead = d >= 64 ? std::min(n, data.rows() - end) : 0;  // shorter rows come themselves
  moments.finite &= kernels::cluster_sum_table().add_moments(
      data.row(begin), n, ahead, data.X.outerStride(), d,
      data.weight.empty() ? nullptr : data.weight.data() + begin, weight, moments.weight,
      {moments.mean.data(), moments.squares.data(), moments.least.data(), moments.greatest.data()});
  moments.weight += weight;
}

void add(Moments& moments, const Moments& next) {
  moments.least = moments.least.cwiseMin(next.least);
  moments.greatest = moments.greatest.cwiseMax(next.greatest);
  moments.finite &= next.finite;
  if (next.weight == 0.0) return;
  const double share = next.weight / (moments.weight + next.weight);
  if (moments.weight == 0.0) moments.mean = next.mean;
  const RowVector difference = next.mean - moments.mean;
  moments.squares += next.squares + difference.cwiseAbs2() * (moments.weight * share);
  moments.mean += difference * share;
  moments.weight += next.weight;
}

}  // namespace

Index start_block(Index n, Index d) {
  const Index least = std::max(row_block(d), (n + 63) / 64);
  return (least + scored_rows - 1) / scored_rows * scored_rows;
}

ClusterRows::ClusterRows(const MatrixView& data, std::span<const double> weights)
    : X(data), weight(weights), block_rows(start_block(data.rows(), data.cols())) {
  // Small enough that the next one fits into the second cache beside it.
  const Index n_blocks = (rows() + block_rows - 1) / block_rows;
  const Index piece = std::max<Index>(row_block(cols()), 16);
  std::vector<Moments> blocks(static_cast<std::size_t>(n_blocks), Moments(cols()));
  parallel_blocks(rows(), block_rows, [&](Index block, Index begin, Index end) {
    Moments& all = blocks[static_cast<std::size_t>(block)];
    for (Index i = begin; i < end; i += piece) add(all, *this, i, std::min(end, i + piece));
  });
  Moments& all = blocks.front();
  for (std::size_t b = 1; b < blocks.size(); ++b) add(all, blocks[b]);
  finite = all.finite;
  mean = std::move(all.mean);
  least = std::move(all.least);
  greatest = std::move(all.greatest);
  total_squares = all.squares.sum();
  offset_squares = least.cwiseAbs().cwiseMax(greatest.cwiseAbs()).dot(all.squares.cwiseSqrt()) *
                   std::sqrt(all.weight);
  total_variance = total_squares / all.weight;
}

}  // namespace lathe
