#include "lathe/ml/cluster/training_rows.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lathe/ml/core/kernel_cluster_table.h"
#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

struct Moments {
  double weight = 0.0;
  RowVector mean, squares, least, greatest;
  bool finite = false;
};

Moments moments_of(const ClusterRows& data, Index begin, Index end) {
  const Index d = data.cols();
  const Index n = end - begin;
  const double* weight = data.weight.empty() ? nullptr : data.weight.data() + begin;
  Moments moments{0.0, RowVector(d), RowVector(d), RowVector(d), RowVector(d), false};
  for (Index i = begin; i < end; ++i) moments.weight += data.weight_of(i);
  const Index ahead = d >= 64 ? std::min(n, data.rows() - end) : 0;  // shorter rows come themselves
  moments.finite = kernels::cluster_sum_table().column_moments(
      data.row(begin), n, ahead, data.X.outerStride(), d, weight, moments.weight,
      moments.mean.data(), moments.squares.data(), moments.least.data(), moments.greatest.data());
  if (moments.weight == 0.0) moments.squares.setZero();
  return moments;
}

}  // namespace

Index start_block(Index n, Index d) { return std::max(row_block(d), (n + 63) / 64); }

ClusterRows::ClusterRows(const MatrixView& data, std::span<const double> weights)
    : X(data), weight(weights), block_rows(start_block(data.rows(), data.cols())) {
  // Small enough that the next one fits into the second cache beside it.
  const Index n_blocks = (rows() + block_rows - 1) / block_rows;
  const Index piece = std::max<Index>(row_block(cols()), 16);
  std::vector<Moments> blocks(static_cast<std::size_t>(n_blocks));
  const auto merge = [](Moments& all, const Moments& next) {
    all.least = all.least.cwiseMin(next.least);
    all.greatest = all.greatest.cwiseMax(next.greatest);
    all.finite &= next.finite;
    if (next.weight == 0.0) return;
    const double share = next.weight / (all.weight + next.weight);
    const RowVector difference = all.weight == 0.0 ? RowVector(RowVector::Zero(next.mean.size()))
                                                   : RowVector(next.mean - all.mean);
    if (all.weight == 0.0) all.mean = next.mean;
    all.squares += next.squares + difference.cwiseAbs2() * (all.weight * share);
    all.mean += difference * share;
    all.weight += next.weight;
  };
  parallel_blocks(rows(), block_rows, [&](Index block, Index begin, Index end) {
    Moments& all = blocks[static_cast<std::size_t>(block)];
    for (Index i = begin; i < end; i += piece) {
      const Moments next = moments_of(*this, i, std::min(end, i + piece));
      if (i == begin) {
        all = next;
      } else {
        merge(all, next);
      }
    }
  });
  Moments& all = blocks.front();
  for (std::size_t b = 1; b < blocks.size(); ++b) merge(all, blocks[b]);
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
