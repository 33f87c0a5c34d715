#include "lathe/ml/linear/refinement.h"

#include <algorithm>
#include <cmath>

#include "lathe/ml/core/kernel_residuals.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/scratch.h"

namespace lathe {
namespace {

constexpr int max_steps = 40;
constexpr double negligible = 0x1p-80;  // beside the largest: such a coefficient is zero
constexpr double exact = 0x1p-58;       // beside itself: rounding to double hides it

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Of one target: sums over rows in double-double.
struct Gradient {
  DoubleDoubles products;  // sum weight residual x
  DoubleDouble sum;        // sum weight residual
  DoubleDouble squares;    // sum weight residual^2
};

// What the kernel reads, in arrays over the raw columns.
class Rows {
 public:
  Rows(const ScaledColumns& x, const ScaledColumns& y, const RowWeights& weights)
      : x_(x), y_(y), weights_(weights) {
    vectors_ = (x.cols + table_.width - 1) / table_.width;
    scale_.assign(at(padded()), 0.0);
    for (std::size_t k = 0; k < x.index.size(); ++k) scale_[at(x.index[k])] = x.scale[k];
  }

  Index padded() const { return vectors_ * table_.width; }

  Gradient gradient(std::size_t target, const DoubleDoubles& coef, DoubleDouble intercept) const {
    std::vector<double> high(scale_.size(), 0.0);
    std::vector<double> low(scale_.size(), 0.0);
    for (std::size_t k = 0; k < coef.size(); ++k) {
      high[at(x_.index[k])] = coef[k].hi;
      low[at(x_.index[k])] = coef[k].lo;
    }
    kernels::ResidualRows from{};
    from.x_stride = x_.stride;
    from.vectors = vectors_;
    from.x_end = x_.data + (x_.rows - 1) * x_.stride + x_.cols;
    from.scale = scale_.data();
    from.coef = high.data();
    from.coef_rest = low.data();
    from.y_stride = y_.stride;
    from.y_scale = y_.scale[target];
    from.constant = intercept.hi;
    from.constant_rest = intercept.lo;

    // A part: products, what their rounding left, and the totals.
    const Index part_size = gradient_rows(x_.rows);
    const Index parts = (x_.rows + part_size - 1) / part_size;
    const Index length = 2 * padded() + 4;
    Matrix sums = Matrix::Zero(parts, length);
    parallel_blocks(x_.rows, part_size, [&](Index part, Index begin, Index end) {
      Scratch work(table_.work_rows, padded());
      kernels::ResidualRows rows = from;
      rows.X = x_.data + begin * x_.stride;
      rows.y = y_.data + begin * y_.stride + y_.index[target];
      point_at_weights(begin, rows);
      double* out = sums.data() + part * length;
      table_.add(rows, end - begin, out, out + padded(), out + 2 * padded(), work.matrix().data());
    });

    Gradient result{DoubleDoubles(x_.index.size()), {}, {}};
    for (Index part = 0; part < parts; ++part) {
      const double* from_part = sums.data() + part * length;
      const double* totals = from_part + 2 * padded();
      for (std::size_t k = 0; k < x_.index.size(); ++k) {
        const Index j = x_.index[k];
        result.products[k] = result.products[k] + two_sum(from_part[j], from_part[padded() + j]);
      }
      result.sum = result.sum + two_sum(totals[0], totals[1]);
      result.squares = result.squares + two_sum(totals[2], totals[3]);
    }
    return result;
  }

 private:
  // Parts enough for many threads, of whole vectors of rows.
  static Index gradient_rows(Index n) { return std::max<Index>(256, ((n + 63) / 64 + 7) / 8 * 8); }

  void point_at_weights(Index row, kernels::ResidualRows& rows) const {
    const bool copied = !weights_.weight.empty();
    if (!copied && weights_.raw.empty()) return;
    rows.weight = (copied ? weights_.weight.data() : weights_.raw.data()) + row;
    rows.weight_scale = copied ? 1.0 : weights_.scale;
  }

  const ScaledColumns& x_;
  const ScaledColumns& y_;
  const RowWeights& weights_;
  const kernels::ResidualTable& table_ = kernels::residual_table();
  Index vectors_ = 0;
  std::vector<double> scale_;
};

double norm_of(const DoubleDoubles& v) {
  double squared = 0.0;
  for (const DoubleDouble& item : v) squared += item.hi * item.hi;
  return std::sqrt(squared);
}

// Whether what is left of the error would still change a coefficient or the intercept.
bool is_exact(const ScaledColumns& x, DoubleDouble y_mean, const DoubleDoubles& coef, double left) {
  const double least = negligible * norm_of(coef);
  double offsets = 0.0;
  double terms = std::abs(y_mean.hi);
  for (std::size_t j = 0; j < coef.size(); ++j) {
    if (left > std::max(exact * std::abs(coef[j].hi), least)) return false;
    offsets += x.mean[j].hi * x.mean[j].hi;
    terms += std::abs(x.mean[j].hi * coef[j].hi);
  }
  const double intercept = std::abs(intercept_of(x, y_mean, coef).hi);
  return left * std::sqrt(offsets) <= std::max(exact * intercept, negligible * terms);
}

}  // namespace

DoubleDouble intercept_of(const ScaledColumns& x, DoubleDouble centre, const DoubleDoubles& coef) {
  DoubleDouble sum = centre;
  for (std::size_t j = 0; j < coef.size(); ++j) sum = sum - x.mean[j] * coef[j];
  return sum;
}

namespace {

// One target, step by step.
class Target {
 public:
  DoubleDouble centre;
  DoubleDoubles coef;
  DoubleDoubles side;  // added to each gradient, if any
  double squares = 0.0;
  bool settled = true;

  Target(const Rows& rows, const ScaledColumns& x, const ScaledColumns& y,
         const RowWeights& weights, std::span<const double> penalty, std::size_t t)
      : centre(y.mean[t]),
        coef(x.index.size()),
        rows_(rows),
        x_(x),
        weights_(weights),
        penalty_(penalty),
        t_(t) {}

  // Whether the result is final.
  bool step(const Correction& correct, double rate, bool first) {
    Gradient g = rows_.gradient(t_, coef, intercept_of(x_, centre, coef));
    DoubleDouble total = g.squares;
    Eigen::VectorXd gradient(x_.size());
    for (std::size_t j = 0; j < coef.size(); ++j) {
      DoubleDouble along = g.products[j] - x_.mean[j] * g.sum - coef[j] * penalty_[j];
      if (!side.empty()) along = along + side[j];
      gradient[static_cast<Index>(j)] = along.value();
      total = total + coef[j] * coef[j] * penalty_[j];
    }
    const DoubleDoubles delta = correct(gradient);
    const double length = norm_of(delta);
    // The first solution may be wrong by condition^2 roundings: only later corrections must shrink.
    if (last_ > 0.0 && !first && !(length <= 0.5 * last_)) {
      // Rounding of the double-double sums is all that is left, or the factor is too poor.
      if (!(length <= exact * norm_of(coef))) settled = false;
      return true;
    }
    for (std::size_t j = 0; j < coef.size(); ++j) {
      total = total - delta[j] * gradient[static_cast<Index>(j)];
      coef[j] = coef[j] + delta[j];
    }
    if (x_.centred) {
      const DoubleDouble shift = g.sum / weights_.total;
      total = total - shift * g.sum;
      centre = centre + shift;
    }
    squares = std::max(0.0, total.value());
    const double left = (last_ > 0.0 && !first ? length / last_ : rate) * length;
    last_ = length;
    return length == 0.0 || is_exact(x_, centre, coef, left);
  }

 private:
  const Rows& rows_;
  const ScaledColumns& x_;
  const RowWeights& weights_;
  std::span<const double> penalty_;
  std::size_t t_;
  double last_ = 0.0;  // length of the last correction
};

}  // namespace

Refined refine(const ScaledColumns& x, const ScaledColumns& y, const RowWeights& weights,
               std::span<const double> penalty, const Correction& correct, double rate,
               const std::vector<DoubleDoubles>& start) {
  const Rows rows(x, y, weights);
  Refined result;
  for (std::size_t t = 0; t < at(y.size()); ++t) {
    Target target(rows, x, y, weights, penalty, t);
    // With a start the first correction is the first step, else what gives the solution itself.
    int step = 0;
    if (!start.empty()) {
      target.coef = start[t];
      step = 1;
    }
    bool done = false;
    for (; step < max_steps && !done; ++step) {
      done = target.step(correct, rate, step <= 1);
      result.steps = std::max(result.steps, step);
    }
    result.settled = result.settled && target.settled && done;
    result.coef.push_back(std::move(target.coef));
    result.centre.push_back(target.centre);
    result.squares.push_back(target.squares);
  }
  return result;
}

std::vector<DoubleDoubles> solve_refined(const ScaledColumns& x, const RowWeights& weights,
                                         std::span<const double> penalty, const Correction& correct,
                                         double rate, const std::vector<DoubleDoubles>& sides) {
  ScaledColumns nothing = x.select(std::vector<Index>{0});
  nothing.scale[0] = 0.0;
  nothing.mean[0] = {};
  const Rows rows(x, nothing, weights);
  std::vector<DoubleDoubles> solutions;
  for (const DoubleDoubles& side : sides) {
    Target target(rows, x, nothing, weights, penalty, 0);
    target.side = side;
    for (int step = 0; step < max_steps && !target.step(correct, rate, step <= 1); ++step) {
    }
    solutions.push_back(std::move(target.coef));
  }
  return solutions;
}

DoubleDoubles combine_rows(const ScaledColumns& x, std::span<const double> shares) {
  ScaledColumns y;
  y.data = shares.data();
  y.rows = x.rows;
  y.cols = y.stride = 1;
  y.index = {0};
  y.scale = {1.0};
  // Rows without a share do not count, so that what they hold costs the others no digits.
  std::vector<double> counts(shares.size());
  std::transform(shares.begin(), shares.end(), counts.begin(),
                 [](double share) { return share != 0.0 ? 1.0 : 0.0; });
  const RowWeights weights = RowWeights::of(counts, x.rows);
  // The residuals of no coefficients are the shares themselves.
  const Gradient found = Rows(x, y, weights).gradient(0, DoubleDoubles(x.index.size()), {});
  DoubleDoubles sums = found.products;
  for (std::size_t j = 0; j < sums.size(); ++j) sums[j] = sums[j] - x.mean[j] * found.sum;
  return sums;
}

}  // namespace lathe
