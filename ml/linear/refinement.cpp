#include "lathe/ml/linear/refinement.h"

#include <algorithm>
#include <cmath>

#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

constexpr int max_steps = 40;
constexpr double negligible = 0x1p-80;  // beside the largest: such a coefficient is zero
constexpr double exact = 0x1p-58;       // beside itself: rounding to double hides it

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

struct Gradient {
  explicit Gradient(Index d) : products(at(d)) {}
  std::vector<DoubleDoubleSum> products;  // sum weight residual x
  DoubleDoubleSum sum;                    // sum weight residual
  DoubleDoubleSum squares;                // sum weight residual^2
};

DoubleDouble dot(const std::vector<double>& x, const DoubleDoubles& w) {
  DoubleDoubleSum lanes[4];  // four chains of dependent additions instead of one
  for (std::size_t j = 0; j < w.size(); ++j) lanes[j % 4].add_product(x[j], w[j]);
  return (lanes[0].total() + lanes[1].total()) + (lanes[2].total() + lanes[3].total());
}

// For each part of the rows the Gradient of each target.
std::vector<std::vector<Gradient>> gradients(const ScaledColumns& x, const ScaledColumns& y,
                                             const RowWeights& weights,
                                             const std::vector<DoubleDoubles>& coef,
                                             const DoubleDoubles& intercept) {
  const Index size = part_rows(x.rows);
  std::vector<std::vector<Gradient>> parts(at((x.rows + size - 1) / size));
  parallel_blocks(x.rows, size, [&](Index part, Index begin, Index end) {
    std::vector<Gradient> sums(at(y.size()), Gradient(x.size()));
    std::vector<double> row(at(x.size()));
    std::vector<double> target(at(y.size()));
    for (Index i = begin; i < end; ++i) {
      if (weights[i] == 0.0) continue;
      x.raw_row(i, row.data());
      y.raw_row(i, target.data());
      for (std::size_t t = 0; t < target.size(); ++t) {
        const DoubleDouble residual = (target[t] - intercept[t]) - dot(row, coef[t]);
        const DoubleDouble weighted = residual * weights[i];
        for (std::size_t j = 0; j < row.size(); ++j) {
          sums[t].products[j].add_product(row[j], weighted);
        }
        const DoubleDouble square = residual * weighted;
        sums[t].sum.add_product(1.0, weighted);
        sums[t].squares.add_product(1.0, square);
      }
    }
    parts[at(part)] = std::move(sums);
  });
  return parts;
}

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

struct Progress {
  double last = 0.0;  // length of the last correction
  bool done = false;
};

}  // namespace

DoubleDouble intercept_of(const ScaledColumns& x, DoubleDouble y_mean, const DoubleDoubles& coef) {
  DoubleDouble sum = y_mean;
  for (std::size_t j = 0; j < coef.size(); ++j) sum = sum - x.mean[j] * coef[j];
  return sum;
}

Refined refine(const ScaledColumns& x, const ScaledColumns& y, const RowWeights& weights,
               std::span<const double> penalty, const Correction& correct, double rate) {
  const std::size_t d = at(x.size());
  const std::size_t targets = at(y.size());
  Refined result{std::vector<DoubleDoubles>(targets, DoubleDoubles(d)),
                 std::vector<double>(targets, 0.0), 0, true};
  std::vector<Progress> progress(targets);
  DoubleDoubles intercept(targets);
  Eigen::VectorXd gradient(x.size());

  for (int step = 0; step < max_steps; ++step) {
    for (std::size_t t = 0; t < targets; ++t) {
      intercept[t] = intercept_of(x, y.mean[t], result.coef[t]);
    }
    const auto parts = gradients(x, y, weights, result.coef, intercept);
    bool all_done = true;
    for (std::size_t t = 0; t < targets; ++t) {
      if (progress[t].done) continue;
      DoubleDoubles& coef = result.coef[t];
      DoubleDouble sum;
      DoubleDouble squares;
      for (const auto& part : parts) {
        sum = sum + part[t].sum.total();
        squares = squares + part[t].squares.total();
      }
      for (std::size_t j = 0; j < d; ++j) {
        DoubleDouble total = -(x.mean[j] * sum) - coef[j] * penalty[j];
        for (const auto& part : parts) total = total + part[t].products[j].total();
        gradient[static_cast<Index>(j)] = total.value();
        squares = squares + coef[j] * coef[j] * penalty[j];
      }

      const DoubleDoubles delta = correct(gradient);
      const double length = norm_of(delta);
      // The first solution may be wrong by condition^2 roundings: only later corrections must
      // shrink.
      if (step > 1 && !(length <= 0.5 * progress[t].last)) {
        // Rounding of the double-double sums is all that is left, or the factor is too poor.
        progress[t].done = true;
        if (!(length <= exact * norm_of(coef))) result.settled = false;
        continue;
      }
      for (std::size_t j = 0; j < d; ++j) {
        squares = squares - delta[j] * gradient[static_cast<Index>(j)];
        coef[j] = coef[j] + delta[j];
      }
      result.squares[t] = std::max(0.0, squares.value());
      const double left = (step > 1 ? length / progress[t].last : rate) * length;
      progress[t].last = length;
      progress[t].done = length == 0.0 || is_exact(x, y.mean[t], coef, left);
      all_done = all_done && progress[t].done;
      result.steps = step;
    }
    if (all_done) return result;
  }
  result.settled = false;
  return result;
}

}  // namespace lathe
