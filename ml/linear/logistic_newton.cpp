#include "lathe/ml/linear/logistic_newton.h"

#include <cmath>
#include <limits>
#include <optional>

#include <Eigen/Cholesky>

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

// Solves with the unit-diagonal Hessian, so that scales do not matter; none where it is singular to
// working precision and no damping is allowed.
std::optional<Parameters> newton_step(const LogisticValue& value, bool damp) {
  const Index size = value.gradient.size();
  VectorXd scale = value.hessian.diagonal();
  for (Index i = 0; i < size; ++i) scale[i] = scale[i] > 0.0 ? 1.0 / std::sqrt(scale[i]) : 1.0;
  const MatrixXd scaled = scale.asDiagonal() * value.hessian * scale.asDiagonal();
  const VectorXd g = scale.cwiseProduct(value.gradient.reshaped());
  double damping = 0.0;
  for (;;) {
    MatrixXd damped = scaled;
    damped.diagonal().array() += damping;
    const Eigen::LLT<MatrixXd> cholesky(damped);
    if (cholesky.info() == Eigen::Success) {
      VectorXd step = -scale.cwiseProduct(cholesky.solve(g));
      if (step.allFinite()) return step.reshaped(value.gradient.rows(), value.gradient.cols());
    }
    if (!damp || damping > 1.0) return std::nullopt;
    damping = damping == 0.0 ? 1e-15 * static_cast<double>(size) : 10.0 * damping;
  }
}

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

class Newton {
 public:
  Newton(const LogisticProblem& problem, bool penalised, double tol)
      : problem_(problem), penalised_(penalised), tol_(tol), exact_(wants_exact_hessian(problem)) {}

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
      weight.push_back(problem_.weights[i * stride]);
      label.push_back(problem_.label[static_cast<std::size_t>(i * stride)]);
    }
    const RowWeights weights(weight, rows);
    if (!(weights.total.hi > 0.0)) return false;
    LogisticProblem sample{problem_.x,         weights,
                           std::move(label),   problem_.n_classes,
                           problem_.intercept, problem_.strength};
    sample.x.rows = rows;
    sample.x.stride *= stride;
    for (double& strength : sample.strength) {
      strength *= weights.total.hi / problem_.weights.total.hi;
    }
    constexpr double tol = 1e-2;
    constexpr std::int64_t max_iter = 20;
    const LogisticFit found = Newton(sample, penalised_, tol).run(max_iter);
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
      const std::optional<Parameters> found = newton_step(value_, penalised_);
      if (!found) {
        fit_.end = LogisticEnd::separable;
        return true;
      }
      step = *found;
    } else {
      const double relative = value_.gradient.norm() / std::max(first_gradient_, 1e-300);
      step = truncated_step(problem_, fit_.u, value_, relative);
    }
    const double decrease = -step.cwiseProduct(value_.gradient).sum();
    if (decrease <= rounding_floor()) {
      fit_.end = LogisticEnd::converged;
      return true;
    }
    return move(step, decrease);
  }

  // What gradients that cancel to rounding promise as decrease.
  double rounding_floor() const {
    const double unit = std::numeric_limits<double>::epsilon();
    return unit * unit * problem_.weights.total.hi * static_cast<double>(fit_.u.size());
  }

  // Over a step this small the Hessian changes as little: with it as it was the next error is a
  // thousandth of this one, without the most of the work. As long as that is what is seen.
  bool keeps_hessian(double change, double largest) const {
    return exact_ && change <= 1e-3 * largest && (!kept_ || change <= 0.1 * last_change_);
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
    const bool keep = keeps_hessian(full, next.cwiseAbs().maxCoeff());
    LogisticValue there = evaluate(problem_, next, keep ? Curvature::none : curvature());
    while (!near && !(there.objective <= before - 1e-4 * length * decrease)) {
      length *= 0.5;
      if (length < 1e-12) return true;
      next = fit_.u + length * step;
      there.objective = objective_at(problem_, next);
    }
    if (length < 1.0) there = evaluate(problem_, next, curvature());
    if (keep && length == 1.0) there.hessian = std::move(value_.hessian);
    const double change = length * full;
    kept_ = keep;
    last_change_ = change;
    fit_.u = std::move(next);
    value_ = std::move(there);
    if (length == 1.0 && change <= tol_ * fit_.u.cwiseAbs().maxCoeff()) {
      fit_.end = LogisticEnd::converged;
      return true;
    }
    return false;
  }

  const LogisticProblem& problem_;
  bool penalised_;
  double tol_;
  bool exact_;
  double first_gradient_ = 0.0;
  double last_change_ = 0.0;
  bool kept_ = false;  // the Hessian of an earlier step
  LogisticValue value_;
  LogisticFit fit_;
};

}  // namespace

LogisticFit minimise(const LogisticProblem& problem, bool penalised, double tol,
                     std::int64_t max_iter) {
  return Newton(problem, penalised, tol).run(max_iter);
}

}  // namespace lathe
