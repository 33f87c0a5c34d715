#include "lathe/ml/linear/scaled_columns.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/ml/core/kernel_logistic.h"
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
    if (weights[i] == 0.0) return;  // what such a row holds may overflow
    const double* row = columns.data + i * columns.stride;
    for (Index j = 0; j < d; ++j) sum[j].add_product(weights[i], row[j] * columns.scale[at(j)]);
  });
  for (std::size_t j = 0; j < at(d); ++j) {
    DoubleDouble sum;
    for (const auto& part : parts) sum = sum + part[j].total();
    columns.mean[j] = sum / weights.total;
  }
}

// A power of two near 1 / magnitude that keeps times `scale` a double.
double further_scale(double magnitude, double scale) {
  return std::min(unit_scale(magnitude), 0x1p+1023 / scale);
}

void find_norms(ScaledColumns& columns, const RowWeights& weights) {
  const Index d = columns.size();
  const auto parts = by_part<double>(columns.rows, d, [&](Index i, double* sum) {
    if (weights[i] == 0.0) return;
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

RowWeights RowWeights::of(std::span<const double> given, Index n_rows) {
  RowWeights weights;
  weights.raw = given;
  if (given.empty()) {
    weights.total = static_cast<double>(n_rows);
    weights.positive = n_rows;
    return weights;
  }
  weights.scale = unit_scale(*std::max_element(given.begin(), given.end()));
  DoubleDoubleSum sum;
  for (const double w : given) {
    sum.add(w * weights.scale);
    if (w > 0.0) ++weights.positive;
  }
  weights.total = sum.total();
  return weights;
}

RowWeights::RowWeights(std::span<const double> given, Index n_rows)
    : RowWeights(of(given, n_rows)) {
  weight.resize(at(n_rows));
  for (Index i = 0; i < n_rows; ++i) weight[at(i)] = given.empty() ? 1.0 : given[at(i)] * scale;
  raw = {};
}

ScaledColumns ScaledColumns::select(std::span<const Index> columns) const {
  ScaledColumns chosen;
  chosen.data = data;
  chosen.rows = rows;
  chosen.cols = cols;
  chosen.stride = stride;
  chosen.centred = centred;
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
  columns.cols = X.cols();
  columns.stride = X.outerStride();
  columns.centred = centre;
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
    const double scale = varies ? further_scale(length, columns.scale[j]) : 1.0;
    columns.scale[j] *= scale;
    columns.mean[j] = {columns.mean[j].hi * scale, columns.mean[j].lo * scale};
    columns.norm[j] *= scale;
  }
  return columns;
}

namespace {

// One column of a Gram matrix: its mean, scale and square sum.
struct GramColumn {
  double mean, rest, scale, square;
};

template <class Column>
ScaledColumns from_gram(const MatrixView& X, const RowWeights& weights, bool centred,
                        double penalty, Column&& column) {
  ScaledColumns columns;
  columns.data = X.data();
  columns.rows = X.rows();
  columns.cols = X.cols();
  columns.stride = X.outerStride();
  columns.centred = centred;
  for (Index j = 0; j < X.cols(); ++j) {
    const GramColumn c = column(j);
    double norm = std::sqrt(c.square) * std::sqrt(weights.scale);
    double scale = c.scale;
    if (norm > 0.0) {
      const double unit = further_scale(std::hypot(norm, std::sqrt(penalty) * scale), scale);
      scale *= unit;
      norm *= unit;
    } else {
      scale = 1.0;
    }
    columns.index.push_back(j);
    columns.scale.push_back(scale);
    columns.mean.emplace_back(c.mean * scale, c.rest * scale);
    columns.norm.push_back(norm);
  }
  return columns;
}

}  // namespace

std::optional<ScaledColumns> spread_columns(const MatrixView& X, const RowWeights& weights,
                                            bool centre, double penalty) {
  const kernels::LogisticTable& table = kernels::logistic_table();
  const Index padded = (X.cols() + table.width - 1) / table.width * table.width;
  const double* weight = weights.weight.empty() ? nullptr : weights.weight.data();
  std::vector<double> shift(at(padded), 0.0);
  if (centre) {
    Index first = 0;
    while (first + 1 < X.rows() && weights[first] == 0.0) ++first;
    std::copy_n(X.data() + first * X.outerStride(), X.cols(), shift.begin());
  }
  const Index size = part_rows(X.rows());
  std::vector<Matrix> parts(at((X.rows() + size - 1) / size));
  parallel_blocks(X.rows(), size, [&](Index part, Index begin, Index end) {
    Matrix sums = Matrix::Zero(3, padded);
    table.spread(X.data() + begin * X.outerStride(), end - begin, X.outerStride(), X.cols(),
                 X.data() + (X.rows() - 1) * X.outerStride() + X.cols(), shift.data(),
                 weight != nullptr ? weight + begin : nullptr,
                 {sums.row(0).data(), sums.row(1).data(), sums.row(2).data()});
    parts[at(part)] = std::move(sums);
  });
  Matrix sums = std::move(parts[0]);
  for (std::size_t k = 1; k < parts.size(); ++k) {
    sums.topRows(2) += parts[k].topRows(2);
    sums.row(2) = sums.row(2).cwiseMax(parts[k].row(2));
  }

  const double total = weights.total.value();
  Vector mean(X.cols());
  Vector length(X.cols());  // squared
  for (Index j = 0; j < X.cols(); ++j) {
    const double square = sums(1, j);
    const double step = centre ? sums(0, j) / total : 0.0;
    length[j] = square - total * step * step;
    mean[j] = shift[at(j)] + step;
    if (square == 0.0 && sums(2, j) == 0.0) continue;  // constant
    const bool in_range = square > 0x1p-700 && square < 0x1p+700;
    if (!in_range || !(length[j] > 1e-3 * square)) return std::nullopt;
  }
  const RowWeights scaled = RowWeights::of({}, X.rows());  // as the sums are already
  return from_gram(X, scaled, centre, penalty, [&](Index j) {
    return GramColumn{mean[j], 0.0, 1.0, length[j]};
  });
}

ScaledColumns scale_columns_x(const MatrixView& X, const Gram& gram, const RowWeights& weights,
                              double penalty) {
  return from_gram(X, weights, gram.centred, penalty, [&](Index j) {
    return GramColumn{gram.x_mean[j], gram.x_mean_rest[j], gram.x_scale[j], gram.xx(j, j)};
  });
}

ScaledColumns scale_columns_y(const MatrixView& y, const Gram& gram, const RowWeights& weights) {
  return from_gram(y, weights, gram.centred, 0.0, [&](Index j) {
    return GramColumn{gram.y_mean[j], gram.y_mean_rest[j], gram.y_scale[j], gram.yy(j, j)};
  });
}

}  // namespace lathe
