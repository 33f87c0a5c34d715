#include "lathe/ml/linear/refinement.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace lathe {
namespace {

// Of corrections that shrink no more: beside the coefficient or the largest, the last digit; beside
// the largest, what the sums' own rounding comes to where columns nearly depend on one another.
constexpr double hidden = 0x1p-54;
constexpr double hidden_in_all = 0x1p-70;
constexpr double rounding = 1e-10;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

double norm_of(const DoubleDoubles& v) {
  double squared = 0.0;
  for (const DoubleDouble& item : v) squared += item.hi * item.hi;
  return std::sqrt(squared);
}

// Whether an error of this length is at most `share` of each coefficient, or `least` of all.
bool is_within(const Reach& reach, const DoubleDoubles& coef, double length, double share,
               double least) {
  const double all = least * norm_of(coef);
  for (std::size_t j = 0; j < coef.size(); ++j) {
    if (!(length * reach.coef[j] <= std::max(share * std::abs(coef[j].hi), all))) return false;
  }
  return true;
}

// Whether what is left of the error is no more than `wanted` of each coefficient and the intercept,
// or `least` of all.
bool is_exact(const ScaledColumns& x, DoubleDouble y_mean, const DoubleDoubles& coef,
              const Reach& reach, double left, double wanted, double least) {
  if (!is_within(reach, coef, left, wanted, least)) return false;
  double terms = std::abs(y_mean.hi);
  for (std::size_t j = 0; j < coef.size(); ++j) terms += std::abs(x.mean[j].hi * coef[j].hi);
  const double intercept = std::abs(intercept_of(x, y_mean, coef).hi);
  return left * reach.offset <= std::max(wanted * intercept, least * terms);
}

// Whether a correction would not change any coefficient that counts.
bool is_hidden(const DoubleDoubles& delta, const DoubleDoubles& coef) {
  const double least = hidden_in_all * norm_of(coef);
  for (std::size_t j = 0; j < coef.size(); ++j) {
    if (!(std::abs(delta[j].hi) <= std::max(hidden * std::abs(coef[j].hi), least))) return false;
  }
  return true;
}

}  // namespace

DoubleDouble intercept_of(const ScaledColumns& x, DoubleDouble centre, const DoubleDoubles& coef) {
  DoubleDouble sum = centre;
  for (std::size_t j = 0; j < coef.size(); ++j) sum = sum - x.mean[j] * coef[j];
  return sum;
}

bool Convergence::stalls(const DoubleDoubles& delta, const DoubleDoubles& coef) {
  const double length = norm_of(delta);
  if (!stalls(length, delta, coef)) return false;
  settled = is_hidden(delta, coef);
  return true;
}

bool Convergence::stalls(double length, const DoubleDoubles& delta, const DoubleDoubles& coef) {
  const bool free = free_-- > 0 || last_ == 0.0;
  if (!free && !(length <= 0.5 * last_)) {
    settled = hides(length, coef);
    converged = norm_of(delta) <= rounding * norm_of(coef);
    return true;
  }
  left_ = (last_ > 0.0 ? length / last_ : rate_) * length;
  last_ = length;
  return false;
}

void Convergence::start_from(const DoubleDoubles& delta, const DoubleDoubles& coef) {
  const double length = norm_of(delta);
  if (length > rounding * norm_of(coef)) last_ = length;
}

bool Convergence::ends(const ScaledColumns& x, DoubleDouble centre,
                       const DoubleDoubles& coef) const {
  return last_ == 0.0 || is_exact(x, centre, coef, reach_, left_, wanted_, least_);
}

bool Convergence::hides(double length, const DoubleDoubles& coef) const {
  return is_within(reach_, coef, length, hidden, hidden_in_all);
}

Reach reach_of_coef(const ScaledColumns& x) {
  double offsets = 0.0;
  for (const DoubleDouble& mean : x.mean) offsets += mean.hi * mean.hi;
  return {std::vector<double>(x.mean.size(), 1.0), std::sqrt(offsets)};
}

namespace {

std::vector<double> raw_scales(const ScaledColumns& x) {
  std::vector<double> scale(at(x.cols), 0.0);
  for (std::size_t k = 0; k < x.index.size(); ++k) scale[at(x.index[k])] = x.scale[k];
  return scale;
}

}  // namespace

ScaledRows::ScaledRows(const ScaledColumns& x, const ScaledColumns& y, const RowWeights& weights)
    : x_(x), y_(y), rows_(x.data, x.rows, x.stride, raw_scales(x)) {
  // Ranges enough for many threads, of whole vectors of rows.
  cut_rows(0, x.rows, std::max<Index>(256, ((x.rows + 63) / 64 + 7) / 8 * 8), ranges_);
  const bool copied = !weights.weight.empty();
  if (copied || !weights.raw.empty()) {
    rows_.set_weight(copied ? weights.weight.data() : weights.raw.data(),
                     copied ? 1.0 : weights.scale);
  }
}

DoubleDoubles ScaledRows::raw(const DoubleDoubles& coef) const {
  DoubleDoubles all(at(x_.cols));
  for (std::size_t k = 0; k < coef.size(); ++k) all[at(x_.index[k])] = coef[k];
  return all;
}

ResidualRows::Target ScaledRows::target(std::size_t t) const {
  return {y_.data + y_.index[t], y_.stride, y_.scale[t]};
}

ResidualSums ScaledRows::sums(std::size_t t, const DoubleDoubles& coef, DoubleDouble centre) const {
  ResidualSums found = rows_.sums(target(t), raw(coef), intercept_of(x_, centre, coef), ranges_);
  DoubleDoubles products(x_.index.size());
  for (std::size_t k = 0; k < products.size(); ++k) {
    products[k] = found.products[at(x_.index[k])] - x_.mean[k] * found.sum;
  }
  found.products = std::move(products);
  return found;
}

ResidualSums ScaledRows::rough_sums(std::size_t t, const DoubleDoubles& coef,
                                    DoubleDouble centre) const {
  std::vector<double> shift(at(x_.cols), 0.0);
  for (std::size_t k = 0; k < x_.index.size(); ++k) {
    shift[at(x_.index[k])] = x_.mean[k].hi;
    centre = centre - coef[k] * x_.mean[k].lo;
  }
  ResidualSums found = rows_.rough_sums(target(t), raw(coef), centre, shift, ranges_);
  DoubleDoubles products(x_.index.size());
  for (std::size_t k = 0; k < products.size(); ++k) {
    products[k] = found.products[at(x_.index[k])] - found.sum * x_.mean[k].lo;
  }
  found.products = std::move(products);
  return found;
}

DoubleDoubles ScaledRows::residuals(std::size_t t, const DoubleDoubles& coef,
                                    DoubleDouble centre) const {
  return rows_.residuals(target(t), raw(coef), intercept_of(x_, centre, coef), ranges_);
}

namespace {

Reach reach_of(const ScaledColumns& x, const Correction& correct) {
  if (correct.inverse == nullptr) return reach_of_coef(x);
  const Matrix& W = *correct.inverse;
  Eigen::VectorXd mean(W.rows());
  for (Index j = 0; j < W.rows(); ++j) mean[j] = x.mean[at(j)].hi;
  const Vector lengths = W.rowwise().norm();
  return {{lengths.begin(), lengths.end()}, (W.transpose() * mean).norm()};
}

// W' g and W z, W upper triangular.
DoubleDoubles multiply_transposed(const Matrix& W, const DoubleDoubles& g) {
  std::vector<DoubleDoubleSum> sums(g.size());
  for (Index i = 0; i < W.rows(); ++i) {
    for (Index j = i; j < W.cols(); ++j) sums[at(j)].add_product(W(i, j), g[at(i)]);
  }
  DoubleDoubles product;
  for (const DoubleDoubleSum& sum : sums) product.push_back(sum.total());
  return product;
}

DoubleDoubles multiply(const Matrix& W, const DoubleDoubles& z) {
  DoubleDoubles product;
  for (Index i = 0; i < W.rows(); ++i) {
    DoubleDoubleSum sum;
    for (Index j = i; j < W.cols(); ++j) sum.add_product(W(i, j), z[at(j)]);
    product.push_back(sum.total());
  }
  return product;
}

// One target, correction by correction.
class Target {
 public:
  DoubleDouble centre;
  DoubleDoubles coef;
  DoubleDoubles side;  // added to each gradient, if any
  double squares = 0.0;
  Convergence convergence;

  Target(const ScaledRows& rows, const ScaledColumns& x, const ScaledColumns& y,
         const RowWeights& weights, std::span<const double> penalty, std::size_t t,
         Convergence expected, const Correction& correct)
      : centre(y.mean[t]),
        coef(x.index.size()),
        convergence(std::move(expected)),
        rows_(rows),
        x_(x),
        weights_(weights),
        penalty_(penalty),
        t_(t),
        correct_(correct),
        y_length_(std::hypot(y.norm[t], std::sqrt(weights.total.hi) * y.mean[t].hi)) {}

  // By the residuals in doubles.
  void improve_start() {
    const ResidualSums found = rows_.rough_sums(t_, coef, centre);
    const DoubleDoubles delta = correction(gradient_of(found));
    for (std::size_t j = 0; j < coef.size(); ++j) coef[j] = coef[j] + delta[j];
    if (x_.centred) centre = centre + found.sum / weights_.total;
    convergence.start_from(delta, coef);
  }

  // Whether the result is final.
  bool step() {
    const ResidualSums found = rows_.sums(t_, coef, centre);
    const DoubleDoubles gradient = gradient_of(found);
    DoubleDouble total = found.squares;
    for (std::size_t j = 0; j < coef.size(); ++j) {
      total = total + coef[j] * coef[j] * penalty_[j];
    }
    DoubleDoubles delta;
    if (stalls(gradient, delta)) return true;
    for (std::size_t j = 0; j < coef.size(); ++j) {
      total = total - delta[j] * gradient[j].value();
      coef[j] = coef[j] + delta[j];
    }
    if (x_.centred) {
      const DoubleDouble shift = found.sum / weights_.total;
      total = total - shift * found.sum;
      centre = centre + shift;
    }
    squares = std::max(0.0, total.value());
    return convergence.ends(x_, centre, coef);
  }

  // Whether what rounding leaves in double-double sums is hidden as well. It moves residuals, and
  // so coordinates along W, by their terms, and their products with the columns by those.
  bool is_above_noise() const {
    if (correct_.inverse == nullptr) return true;
    const Matrix& W = *correct_.inverse;
    const double residual = std::sqrt(squares);
    double terms = y_length_;
    Eigen::VectorXd products(W.rows());
    for (Index j = 0; j < W.rows(); ++j) {
      const double offset = std::sqrt(weights_.total.hi) * x_.mean[at(j)].hi;
      const double length = std::hypot(x_.norm[at(j)], offset);
      const double w = std::abs(coef[at(j)].hi);
      terms += length * w;
      products[j] = length * residual + penalty_[at(j)] * w;
    }
    const double noise = terms + (W.cwiseAbs().transpose() * products).norm();
    return convergence.hides(0x1p-106 * noise, coef);
  }

 private:
  DoubleDoubles gradient_of(const ResidualSums& found) const {
    DoubleDoubles gradient(coef.size());
    for (std::size_t j = 0; j < coef.size(); ++j) {
      gradient[j] = found.products[j] - coef[j] * penalty_[j];
      if (!side.empty()) gradient[j] = gradient[j] + side[j];
    }
    return gradient;
  }

  DoubleDoubles correction(const DoubleDoubles& gradient) const {
    Eigen::VectorXd rounded(x_.size());
    for (std::size_t j = 0; j < gradient.size(); ++j) {
      rounded[static_cast<Index>(j)] = gradient[j].value();
    }
    return correct_.solve(rounded);
  }

  bool stalls(const DoubleDoubles& gradient, DoubleDoubles& delta) {
    if (correct_.inverse != nullptr) {
      const DoubleDoubles along = multiply_transposed(*correct_.inverse, gradient);
      delta = multiply(*correct_.inverse, along);
      return convergence.stalls(norm_of(along), delta, coef);
    }
    delta = correction(gradient);
    return convergence.stalls(delta, coef);
  }

  const ScaledRows& rows_;
  const ScaledColumns& x_;
  const RowWeights& weights_;
  std::span<const double> penalty_;
  std::size_t t_;
  const Correction& correct_;
  double y_length_;
};

}  // namespace

Refined refine(const ScaledColumns& x, const ScaledColumns& y, const RowWeights& weights,
               std::span<const double> penalty, const Correction& correct, double rate,
               const RefinementStart& start, double wanted) {
  assert(!start.rough || correct.inverse == nullptr);
  const ScaledRows rows(x, y, weights);
  Refined result;
  // With a start the first correction is the first step, else what gives the solution itself, which
  // may be wrong by condition^2 roundings: so may be the one after it.
  const int first = start.coef.empty() ? 0 : 1;
  for (std::size_t t = 0; t < at(y.size()); ++t) {
    Target target(rows, x, y, weights, penalty, t,
                  Convergence(rate, 2 - first, reach_of(x, correct), wanted), correct);
    if (!start.coef.empty()) target.coef = start.coef[t];
    if (start.rough) target.improve_start();
    bool done = false;
    for (int step = start.rough ? first + 1 : first; step < most_corrections && !done; ++step) {
      done = target.step();
      result.steps = std::max(result.steps, step);
    }
    result.settled =
        result.settled && target.convergence.settled && done && target.is_above_noise();
    result.converged = result.converged && target.convergence.converged && done;
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
  nothing.norm[0] = 0.0;
  const ScaledRows rows(x, nothing, weights);
  std::vector<DoubleDoubles> solutions;
  for (const DoubleDoubles& side : sides) {
    Target target(rows, x, nothing, weights, penalty, 0, Convergence(rate, 2, reach_of(x, correct)),
                  correct);
    target.side = side;
    for (int step = 0; step < most_corrections && !target.step(); ++step) {
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
  y.mean = {{}};
  y.norm = {0.0};
  // Rows without a share do not count, so that what they hold costs the others no digits.
  std::vector<double> counts(shares.size());
  std::transform(shares.begin(), shares.end(), counts.begin(),
                 [](double share) { return share != 0.0 ? 1.0 : 0.0; });
  const RowWeights weights = RowWeights::of(counts, x.rows);
  // The residuals of no coefficients are the shares themselves.
  return ScaledRows(x, y, weights).sums(0, DoubleDoubles(x.index.size()), {}).products;
}

}  // namespace lathe
