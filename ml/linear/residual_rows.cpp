#include "lathe/ml/linear/residual_rows.h"

#include <algorithm>

#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/scratch.h"

namespace lathe {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

void cut_rows(Index begin, Index end, Index size, std::vector<RowRange>& ranges) {
  for (; begin < end; begin += size) ranges.push_back({begin, std::min(end, begin + size)});
}

ResidualRows::ResidualRows(const double* X, Index rows, Index stride, std::span<const double> scale)
    : cols_(std::ssize(scale)) {
  const Index width = kernels::residual_table().width;
  all_.X = X;
  all_.x_stride = stride;
  all_.vectors = (cols_ + width - 1) / width;
  all_.x_end = X + (rows - 1) * stride + cols_;
  padded_ = all_.vectors * width;
  scale_.assign(at(padded_), 0.0);
  std::copy(scale.begin(), scale.end(), scale_.begin());
}

void ResidualRows::set_weight(const double* weight, double scale) {
  all_.weight = weight;
  all_.weight_scale = scale;
}

template <class Body>
void ResidualRows::each(const Target& y, const DoubleDoubles& coef, DoubleDouble constant,
                        std::span<const RowRange> ranges, Body body) const {
  std::vector<double> high(at(padded_), 0.0);
  std::vector<double> low(at(padded_), 0.0);
  for (std::size_t j = 0; j < coef.size(); ++j) {
    high[j] = coef[j].hi;
    low[j] = coef[j].lo;
  }
  parallel_for(std::ssize(ranges), [&](Index k) {
    const auto [begin, end] = ranges[at(k)];
    kernels::ResidualRows rows = all_;
    rows.X += begin * rows.x_stride;
    if (rows.weight != nullptr) rows.weight += begin;
    rows.scale = scale_.data();
    rows.coef = high.data();
    rows.coef_rest = low.data();
    rows.y = y.y + begin * y.stride;
    rows.y_stride = y.stride;
    rows.y_scale = y.scale;
    rows.constant = constant.hi;
    rows.constant_rest = constant.lo;
    body(k, rows, end - begin);
  });
}

ResidualSums ResidualRows::sums(const Target& y, const DoubleDoubles& coef, DoubleDouble constant,
                                std::span<const RowRange> ranges) const {
  // Of a range: products, what their rounding left, and the totals.
  Matrix found = Matrix::Zero(std::ssize(ranges), 2 * padded_ + 4);
  each(y, coef, constant, ranges, [&](Index k, const kernels::ResidualRows& rows, Index count) {
    Scratch work(kernels::residual_table().work_rows, padded_);
    double* out = found.row(k).data();
    kernels::residual_table().add(rows, count, out, out + padded_, out + 2 * padded_,
                                  work.matrix().data());
  });
  ResidualSums result{DoubleDoubles(at(cols_)), {}, {}};
  for (Index k = 0; k < found.rows(); ++k) {
    const double* part = found.row(k).data();
    const double* totals = part + 2 * padded_;
    for (Index j = 0; j < cols_; ++j) {
      DoubleDouble& product = result.products[at(j)];
      product = product + two_sum(part[j], part[padded_ + j]);
    }
    result.sum = result.sum + two_sum(totals[0], totals[1]);
    result.squares = result.squares + two_sum(totals[2], totals[3]);
  }
  return result;
}

ResidualSums ResidualRows::rough_sums(const Target& y, const DoubleDoubles& coef,
                                      DoubleDouble constant, std::span<const double> shift,
                                      std::span<const RowRange> ranges) const {
  std::vector<double> shifts(at(padded_), 0.0);
  std::copy(shift.begin(), shift.end(), shifts.begin());
  // Products and totals of a range, on lines of the cache of their own.
  Matrix found = Matrix::Zero(std::ssize(ranges), (padded_ + 2 + 7) / 8 * 8);
  each(y, coef, constant, ranges, [&](Index k, const kernels::ResidualRows& rows, Index count) {
    double* out = found.row(k).data();
    kernels::residual_table().add_roughly(rows, count, shifts.data(), out, out + padded_);
  });
  const RowVector all = found.colwise().sum();
  return {DoubleDoubles(all.begin(), all.begin() + cols_), all[padded_], all[padded_ + 1]};
}

DoubleDoubles ResidualRows::residuals(const Target& y, const DoubleDoubles& coef,
                                      DoubleDouble constant,
                                      std::span<const RowRange> ranges) const {
  const Index rows = ranges.empty() ? 0 : ranges.back().end;
  std::vector<double> high(at(rows));
  std::vector<double> low(at(rows));
  each(y, coef, constant, ranges, [&](Index k, const kernels::ResidualRows& from, Index count) {
    Scratch work(kernels::residual_table().work_rows, padded_);
    const std::size_t first = at(ranges[at(k)].begin);
    kernels::residual_table().find(from, count, high.data() + first, low.data() + first,
                                   work.matrix().data());
  });
  DoubleDoubles result(at(rows));
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = two_sum(high[i], low[i]);
  return result;
}

}  // namespace lathe
