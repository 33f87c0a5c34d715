#include "lathe/ml/linear/scaled_columns.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// One array of `cols` Items for each part of the rows, filled in parallel.
template <class Item, class Row>
std::vector<std::vector<Item>> by_part(Index rows, Index cols, Row&& row) {
  const Index size = part_rows(rows);
  std::vector<std::vector<Item>> parts(at((rows + size - 1) / size));
  parallel_blocks(rows, size, [&](Index part, Index begin, Index end) {
    std::vector<Item> items(at(cols));
    for (Index i = begin; i < end; ++i) row(i, items.data());
    parts[at(part)] = std::move(items);
  });
  return parts;
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
};

std::vector<Range> column_ranges(const ScaledColumns& columns, const RowWeights& weights) {
  const Index d = columns.size();
  const auto parts = by_part<Range>(columns.rows, d, [&](Index i, Range* range) {
    if (weights[i] == 0.0) return;
    const double* row = columns.data + i * columns.stride;
    for (Index j = 0; j < d; ++j) {
      range[j].low = std::min(range[j].low, row[j]);
      range[j].high = std::max(range[j].high, row[j]);
    }
  });
  std::vector<Range> ranges(at(d));
  for (const auto& part : parts) {
    for (std::size_t j = 0; j < part.size(); ++j) {
      ranges[j].low = std::min(ranges[j].low, part[j].low);
      ranges[j].high = std::max(ranges[j].high, part[j].high);
    }
  }
  return ranges;
}

void find_means(ScaledColumns& columns, const RowWeights& weights) {
  const Index d = columns.size();
  const auto parts = by_part<DoubleDoubleSum>(columns.rows, d, [&](Index i, DoubleDoubleSum* sum) {
    const double* row = columns.data + i * columns.stride;
    for (Index j = 0; j < d; ++j) sum[j].add_product(weights[i], row[j] * columns.scale[at(j)]);
  });
  for (std::size_t j = 0; j < at(d); ++j) {
    DoubleDouble sum;
    for (const auto& part : parts) sum = sum + part[j].total();
    columns.mean[j] = sum / weights.total;
  }
}

void find_norms(ScaledColumns& columns, const RowWeights& weights) {
  const Index d = columns.size();
  const auto parts = by_part<double>(columns.rows, d, [&](Index i, double* sum) {
    const double* row = columns.data + i * columns.stride;
    for (std::size_t j = 0; j < at(d); ++j) {
      const double value = (row[j] * columns.scale[j] - columns.mean[j].hi) - columns.mean[j].lo;
      sum[j] += weights[i] * value * value;
    }
  });
  for (std::size_t j = 0; j < at(d); ++j) {
    double sum = 0.0;
    for (const auto& part : parts) sum += part[j];
    columns.norm[j] = std::sqrt(sum);
  }
}

}  // namespace

Index part_rows(Index n_rows) { return std::max<Index>(256, (n_rows + 15) / 16); }

double unit_scale(double magnitude) {
  if (!(magnitude > 0.0)) return 1.0;
  // Beyond 2^1000 the power itself would overflow: subnormal columns stay a little short of 1.
  return std::ldexp(1.0, std::clamp(-std::ilogb(magnitude), -1000, 1000));
}

RowWeights::RowWeights(std::span<const double> given, Index n_rows) : weight(at(n_rows), 1.0) {
  if (!given.empty()) {
    scale = unit_scale(*std::max_element(given.begin(), given.end()));
    std::transform(given.begin(), given.end(), weight.begin(), [&](double w) { return w * scale; });
  }
  DoubleDoubleSum sum;
  for (const double w : weight) {
    sum.add(w);
    if (w > 0.0) ++positive;
  }
  total = sum.total();
}

ScaledColumns ScaledColumns::select(std::span<const Index> columns) const {
  ScaledColumns chosen;
  chosen.data = data;
  chosen.rows = rows;
  chosen.stride = stride;
  for (const Index column : columns) {
    const std::size_t j = at(column);
    chosen.index.push_back(index[j]);
    chosen.scale.push_back(scale[j]);
    chosen.mean.push_back(mean[j]);
    chosen.norm.push_back(norm[j]);
  }
  return chosen;
}

void ScaledColumns::raw_row(Index i, double* out) const {
  const double* row = data + i * stride;
  for (std::size_t j = 0; j < index.size(); ++j) out[j] = row[index[j]] * scale[j];
}

void ScaledColumns::centred_row(Index i, double* out) const {
  const double* row = data + i * stride;
  for (std::size_t j = 0; j < index.size(); ++j) {
    out[j] = (row[index[j]] * scale[j] - mean[j].hi) - mean[j].lo;
  }
}

ScaledColumns scale_columns(const MatrixView& X, const RowWeights& weights, bool centre,
                            double penalty) {
  ScaledColumns columns;
  const std::size_t d = at(X.cols());
  columns.data = X.data();
  columns.rows = X.rows();
  columns.stride = X.outerStride();
  columns.scale.assign(d, 1.0);
  columns.mean.assign(d, DoubleDouble());
  columns.norm.assign(d, 0.0);
  for (Index j = 0; j < X.cols(); ++j) columns.index.push_back(j);

  // First by the largest value, so that nothing overflows, then by the length.
  const std::vector<Range> ranges = column_ranges(columns, weights);
  for (std::size_t j = 0; j < d; ++j) {
    const double largest = std::max(std::abs(ranges[j].low), std::abs(ranges[j].high));
    columns.scale[j] = unit_scale(largest);
  }
  if (centre) find_means(columns, weights);
  find_norms(columns, weights);
  for (std::size_t j = 0; j < d; ++j) {
    const bool varies = centre ? ranges[j].low < ranges[j].high
                               : ranges[j].high > ranges[j].low || ranges[j].low != 0.0;
    if (!varies) columns.norm[j] = 0.0;
    const double length = std::hypot(columns.norm[j], std::sqrt(penalty) * columns.scale[j]);
    const double scale = varies ? unit_scale(length) : 1.0;
    columns.scale[j] *= scale;
    columns.mean[j] = {columns.mean[j].hi * scale, columns.mean[j].lo * scale};
    columns.norm[j] *= scale;
  }
  return columns;
}

}  // namespace lathe
