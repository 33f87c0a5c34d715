#include "lathe/ml/linear/logistic_newton.h"

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "lathe/ml/core/cholesky.h"
#include "lathe/ml/linear/close_gradient.h"
#include "lathe/ml/linear/factor.h"

namespace lathe {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// The exact Hessian converges in a few steps whatever the condition, so it is worth its cost
// wherever that, and its memory, are moderate.
bool wants_exact_hessian(const LogisticProblem& problem) {
  const double size = static_cast<double>(problem.n_parameters() * problem.n_scores());
  return size <= 1000.0 ||
         (size <= 3000.0 && static_cast<double>(problem.x.rows) * size * size <= 5e10);
}

// The Cholesky factor of a Hessian, of unit diagonal so that scales do not matter; and what
// gradients have told since of how the Hessian is elsewhere.
class HessianFactor {
 public:
  // None where it is singular to working precision and no damping is allowed.
  static std::optional<HessianFactor> of(const LogisticValue& value, bool damp) {
    HessianFactor factor;
    VectorXd& scale = factor.scale_;
    scale = value.hessian.diagonal().unaryExpr(
        [](double h) { return h > 0.0 ? 1.0 / std::sqrt(h) : 1.0; });
    const Matrix scaled = scale.asDiagonal() * value.hessian.transpose() * scale.asDiagonal();
    double damping = 0.0;
    for (;;) {
      factor.R_ = scaled;
      factor.R_.diagonal().array() += damping;
      if (factor_cholesky(factor.R_) && factor.newton_step(value.gradient).allFinite()) {
        const double off = damping + 4.0 * std::numeric_limits<double>::epsilon();
        factor.left_ = off * estimated_inverse_norm(factor.R_);
        return factor;
      }
      if (!damp || damping > 1.0) return std::nullopt;
      damping = damping == 0.0 ? 1e-15 * static_cast<double>(scale.size()) : 10.0 * damping;
    }
  }

  // The share of an error that a step leaves because of rounding and damping: how columns that
  // nearly depend on one another share a coefficient is told by what is small beside either.
  double left() const { return left_; }

  // By the two loops of Nocedal (1980).
  Parameters newton_step(const Parameters& gradient) const {
    VectorXd g = gradient.reshaped();
    std::vector<double> taken(learned_.size());
    for (std::size_t k = learned_.size(); k-- > 0;) {
      taken[k] = learned_[k].step.dot(g) / learned_[k].product;
      g -= taken[k] * learned_[k].change;
    }
    VectorXd step = scale_.cwiseProduct(solve_normal(R_, scale_.cwiseProduct(g)));
    for (std::size_t k = 0; k < learned_.size(); ++k) {
      step += (taken[k] - learned_[k].change.dot(step) / learned_[k].product) * learned_[k].step;
    }
    return (-step).reshaped(gradient.rows(), gradient.cols());
  }

  // That the gradient changed by so much over a step (Broyden, Fletcher, Goldfarb, Shanno 1970).
  void learn(const Parameters& step, const Parameters& change) {
    const double product = step.cwiseProduct(change).sum();
    if (product > 0.0) learned_.push_back({step.reshaped(), change.reshaped(), product});
  }

 private:
  struct Learned {
    VectorXd step;
    VectorXd change;
    double product;
  };

  VectorXd scale_;
  Factor R_;
  double left_ = 0.0;
  std::vector<Learned> learned_;
};

// Conjugate gradients on the Hessian, stopped early while far from the end.
Parameters truncated_step(const LogisticProblem& problem, const Parameters& u,
                          const LogisticValue& value, double relative_gradient) {
  constexpr int max_products = 200;
  const Parameters inverse =
      value.diagonal.unaryExpr([](double h) { return h > 0.0 ? 1.0 / h : 1.0; });
  Parameters step = Parameters::Zero(u.rows(), u.cols());
  Parameters residual = -value.gradient;
  Parameters direction = inverse.cwiseProduct(residual);
  double product = residual.cwiseProduct(direction).sum();
  const double enough =
      std::pow(std::max(1e-4, std::min(0.1, std::sqrt(relative_gradient))), 2) * product;
  for (int k = 0; k < max_products && product > enough; ++k) {
    const Parameters image = hessian_times(problem, u, direction);
    const double curvature = direction.cwiseProduct(image).sum();
    if (!(curvature > 0.0)) break;
    const double length = product / curvature;
    step += length * direction;
    residual -= length * image;
    const Parameters preconditioned = inverse.cwiseProduct(residual);
    const double next = residual.cwiseProduct(preconditioned).sum();
    direction = preconditioned + (next / product) * direction;
    product = next;
  }
  return step;
}

// What may be left to go, and what is promised of it, as shares of the largest parameter; and
// whether the last step is taken blindly.
struct Aim {
  double left;
  double promised;
  bool blind;
};

class Newton {
 public:
  Newton(const LogisticProblem& problem, bool penalised, const Aim& aim)
      : problem_(problem), penalised_(penalised), aim_(aim), exact_(wants_exact_hessian(problem)) {}

  LogisticFit run(std::int64_t max_iter) {
    fit_.u = Parameters::Zero(problem_.n_parameters(), problem_.n_scores());
    if (fit_.u.size() == 0) {
      fit_.objective = objective_at(problem_, fit_.u);
      fit_.end = LogisticEnd::converged;
      return fit_;
    }
    if (!exact_ || !start_from_sample()) value_ = evaluate(problem_, fit_.u, curvature());
    first_gradient_ = value_.gradient.norm();
    while (fit_.iterations < max_iter && !iterate()) {
    }
    fit_.objective = value_.objective;
    return std::move(fit_);
  }

 private:
  Curvature curvature() const { return exact_ ? Curvature::hessian : Curvature::diagonal; }

  // Every 16th row, where those are many, leads most of the way for a sixteenth of the work.
  bool start_from_sample() {
    constexpr Index stride = 16;
    const Index rows = problem_.x.rows / stride;
    if (rows < 20 * fit_.u.size()) return false;
    std::vector<double> weight;
    std::vector<std::int32_t> label;
    for (Index i = 0; i < rows; ++i) {
      if (!problem_.weights.weight.empty()) weight.push_back(problem_.weights[i * stride]);
      label.push_back(problem_.label[static_cast<std::size_t>(i * stride)]);
    }
    const RowWeights weights = weight.empty() ? RowWeights::of({}, rows) : RowWeights(weight, rows);
    if (!(weights.total.hi > 0.0)) return false;
    LogisticProblem sample{problem_.x,         weights,
                           std::move(label),   problem_.n_classes,
                           problem_.intercept, problem_.strength};
    sample.x.rows = rows;
    sample.x.stride *= stride;
    for (double& strength : sample.strength) {
      strength *= weights.total.hi / problem_.weights.total.hi;
    }
    constexpr Aim aim{
        .left = 0.02, .promised = 1.0, .blind = true};  // beside what the sample itself is off
    constexpr std::int64_t max_iter = 20;
    const LogisticFit found = Newton(sample, penalised_, aim).run(max_iter);
    if (found.end != LogisticEnd::converged) return false;
    const double at_zero =
        problem_.weights.total.hi * std::log(static_cast<double>(problem_.n_classes));
    value_ = evaluate(problem_, found.u, curvature());
    if (!(value_.objective < at_zero)) return false;
    fit_.u = found.u;
    return true;
  }

  // One step; true at the end.
  bool iterate() {
    // A mean loss this small means that every row is told apart: none of the few that would not be
    // could hide in it.
    if (!penalised_ && value_.objective < 1e-9 * problem_.weights.total.hi) {
      fit_.end = LogisticEnd::separable;
      return true;
    }
    Parameters step;
    if (exact_) {
      if (!kept_) factor_ = HessianFactor::of(value_, penalised_);
      if (!factor_) {
        fit_.end = LogisticEnd::separable;
        return true;
      }
      was_close_ = close_;
      close_ =
          is_poor() && fit_.iterations > 0 && last_change_ <= 1e-3 * fit_.u.cwiseAbs().maxCoeff();
      if (close_) value_.gradient = close_gradient(problem_, fit_.u);
      step = factor_->newton_step(value_.gradient);
    } else {
      const double relative = value_.gradient.norm() / std::max(first_gradient_, 1e-300);
      step = truncated_step(problem_, fit_.u, value_, relative);
    }
    const double decrease = -step.cwiseProduct(value_.gradient).sum();
    if (decrease <= rounding_floor() && !is_poor()) {
      fit_.end = LogisticEnd::converged;
      return true;
    }
    return move(step, decrease);
  }

  // Whether rounding of the gradient's sums could break the promise: seen were 2e-6 of the largest
  // coefficient where two columns are equal to ten digits.
  bool is_poor() const { return exact_ && factor_->left() > aim_.promised; }

  // What gradients that cancel to rounding promise as decrease.
  double rounding_floor() const {
    const double unit = std::numeric_limits<double>::epsilon();
    return unit * unit * problem_.weights.total.hi * static_cast<double>(fit_.u.size());
  }

  // The length of the next step beside this one, as far as can be told. With a Hessian from here:
  // `decrease` tells how far scores move, and by about that share the Hessian changes; seen were
  // half of this to 1.3 times.
  double next_ratio(double change, double decrease) const {
    const double poor = exact_ ? factor_->left() : 1e-4;  // to which conjugate gradients go
    return std::max(poor, kept_ ? change / last_change_ : std::sqrt(decrease / value_.objective));
  }

  // Whether steps of this length come no closer, by rounding.
  bool is_stuck(double full) const {
    return was_close_ && factor_->left() < 0.1 && full >= last_change_;
  }

  // Halves the step until the objective falls enough (Armijo 1966).
  bool move(const Parameters& step, double decrease) {
    const double before = value_.objective;
    // So near the end rounding hides the fall, and the full step is right.
    const bool near = decrease <= 1e-9 * before;
    ++fit_.iterations;
    double length = 1.0;
    Parameters next = fit_.u + step;
    const double full = step.cwiseAbs().maxCoeff();
    const double ratio = next_ratio(full, decrease);
    const double largest = next.cwiseAbs().maxCoeff();
    if (is_stuck(full)) {
      fit_.u = std::move(next);
      if (full <= aim_.promised * largest) fit_.end = LogisticEnd::converged;
      return true;
    }
    const bool last = ratio * full <= aim_.left * largest &&
                      (aim_.blind || full <= 1e-3 * largest) && (close_ || !is_poor());
    if (last && (near || aim_.blind)) {  // near the end nothing new would be seen there
      fit_.u = std::move(next);
      value_.objective -= 0.5 * decrease;
      fit_.end = LogisticEnd::converged;
      return true;
    }
    // A pass without the Hessian takes a third of the time at 50 columns, so where steps get short
    // fast the factor stays, and learns. 200000 x 50: one Hessian and 6 gradients take 32 ms; with
    // a Hessian each time until steps were a thousandth it was 46, without learning 65.
    const bool keep = exact_ && !close_ && (last || ratio <= 0.2);
    LogisticValue there = evaluate(problem_, next, keep ? Curvature::none : curvature());
    while (!near && !(there.objective <= before - 1e-4 * length * decrease)) {
      length *= 0.5;
      if (length < 1e-12) return true;
      next = fit_.u + length * step;
      there.objective = objective_at(problem_, next);
    }
    const bool whole = length == 1.0;
    if (!whole) there = evaluate(problem_, next, curvature());
    kept_ = keep && whole;
    if (kept_) factor_->learn(step, there.gradient - value_.gradient);
    last_change_ = length * full;
    fit_.u = std::move(next);
    value_ = std::move(there);
    if (last && whole) {
      fit_.end = LogisticEnd::converged;
      return true;
    }
    return false;
  }

  const LogisticProblem& problem_;
  bool penalised_;
  Aim aim_;
  bool exact_;
  double first_gradient_ = 0.0;
  double last_change_ = 0.0;
  bool kept_ = false;   // the factor is of an earlier step's Hessian
  bool close_ = false;  // the gradient is close_gradient()'s, and was a step before
  bool was_close_ = false;
  std::optional<HessianFactor> factor_;
  LogisticValue value_;
  LogisticFit fit_;
};

}  // namespace

LogisticFit minimise(const LogisticProblem& problem, bool penalised, double tol,
                     std::int64_t max_iter) {
  // Well below tol, since it is an estimate.
  return Newton(problem, penalised, {.left = 1e-4 * tol, .promised = tol, .blind = false})
      .run(max_iter);
}

}  // namespace lathe
