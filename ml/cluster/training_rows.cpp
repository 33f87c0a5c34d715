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

// Where a sum overflows, the column is so narrow beside its numbers that any of them is its mean.
void divide(RowVector& mean, const Moments& moments) {
  for (Index j = 0; j < mean.size(); ++j) {
    const double value = mean[j] / moments.weight;
    mean[j] = std::isnan(value) ? moments.least[j]
                                : std::clamp(value, moments.least[j], moments.greatest[j]);
  }
}

Moments moments_of(const ClusterRows& data, Index begin, Index end) {
  const kernels::ClusterSumTable& kernel = kernels::cluster_sum_table();
  const Index d = data.cols();
  const Index n = end - begin;
  const Index stride = data.X.outerStride();
  const double* weight = data.weight.empty() ? nullptr : data.weight.data() + begin;
  Moments moments{0.0, RowVector(d), RowVector::Zero(d), RowVector(d), RowVector(d), false};
  for (Index i = begin; i < end; ++i) moments.weight += data.weight_of(i);
  moments.finite = kernel.column_sums(data.row(begin), n, stride, d, weight, moments.mean.data(),
                                      moments.least.data(), moments.greatest.data());
  if (!moments.finite || moments.weight == 0.0) return moments;
  divide(moments.mean, moments);
  kernel.column_squares(data.row(begin), n, stride, d, weight, moments.mean.data(),
                        moments.squares.data());
  return moments;
}

}  // namespace

Index start_block(Index n, Index d) { return std::max(row_block(d), (n + 63) / 64); }

ClusterRows::ClusterRows(const MatrixView& data, std::span<const double> weights)
    : X(data), weight(weights), block_rows(start_block(data.rows(), data.cols())) {
  // Small enough that a block is still in the second cache when its squares are added.
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
