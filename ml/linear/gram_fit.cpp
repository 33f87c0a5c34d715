#include "lathe/ml/linear/gram_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include <Eigen/Cholesky>

#include "lathe/ml/core/double_double.h"
#include "lathe/ml/core/gram_statistics.h"
#include "lathe/ml/linear/factor.h"

namespace lathe {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double unit = 0x1p-53;
constexpr double plain_condition = 1e4;
constexpr double corrected_condition = 1e6;
constexpr double score_error = 1e-11;  // of what a fit on the rows would score
constexpr double most_error = 1e-10;   // of predictions, beside the residuals
constexpr double least_square = 0x1p-900;
constexpr double next_to_nothing = 1e-6;  // a mean, beside the deviation
constexpr Index most_columns = 200;

// The difference of two means that are kept as pairs.
RowVector difference(const RowVector& a, const RowVector& a_rest, const RowVector& b,
                     const RowVector& b_rest) {
  RowVector result(a.size());
  for (Index j = 0; j < a.size(); ++j) {
    result[j] = (DoubleDouble(a[j], a_rest[j]) - DoubleDouble(b[j], b_rest[j])).value();
  }
  return result;
}

// Products about the means, or about 0 where no intercept is fitted.
struct Products {
  explicit Products(const Gram& gram, bool centred) : xx(gram.xx), xy(gram.xy), yy(gram.yy) {
    if (centred) return;
    xx += gram.weight * gram.x_mean.transpose() * gram.x_mean;
    xy += gram.weight * gram.x_mean.transpose() * gram.y_mean;
    yy += gram.weight * gram.y_mean.transpose() * gram.y_mean;
  }
  Matrix xx;
  Matrix xy;
  Matrix yy;
};

// (D (xx + alpha I) D)^-1 for a scaling D to a unit diagonal, by Cholesky.
struct Solver {
  VectorXd scale;
  MatrixXd inverse_factor;  // upper triangular
  double condition = 1.0;

  MatrixXd solve(const MatrixXd& g) const {
    const MatrixXd scaled = scale.asDiagonal() * g;
    return scale.asDiagonal() * (inverse_factor * (inverse_factor.transpose() * scaled));
  }
};

std::optional<Solver> factor(const Matrix& xx, double alpha) {
  const Index d = xx.rows();
  Solver solver;
  const VectorXd diagonal = xx.diagonal().array() + alpha;
  if (!(xx.diagonal().array() > least_square).all() || !diagonal.allFinite()) return {};
  solver.scale = diagonal.cwiseSqrt().cwiseInverse();
  MatrixXd scaled = solver.scale.asDiagonal() * xx * solver.scale.asDiagonal();
  scaled.diagonal().setOnes();
  const Eigen::LLT<MatrixXd> cholesky(scaled);
  if (cholesky.info() != Eigen::Success) return {};
  const Factor R = cholesky.matrixU();
  solver.inverse_factor = R.triangularView<Eigen::Upper>().solve(MatrixXd::Identity(d, d));
  solver.condition = R.norm() * solver.inverse_factor.norm();
  if (!std::isfinite(solver.condition)) return {};
  return solver;
}

// Of each target.
struct Trust {
  Vector error;     // of the coefficients, as by prediction_error
  Vector rounding;  // of a prediction
};

class GramFit final : public StatisticsFit {
 public:
  // trust: how far predictions of each target can be trusted; deviation: of its residuals.
  GramFit(const Gram& train, bool centred, Matrix coef, Solver solver, Trust trust,
          Vector deviation, ModelPtr model)
      : x_mean_(train.x_mean),
        x_rest_(train.x_mean_rest),
        y_mean_(train.y_mean),
        y_rest_(train.y_mean_rest),
        coef_(std::move(coef)),
        solver_(std::move(solver)),
        trust_(std::move(trust)),
        deviation_(std::move(deviation)),
        model_(std::move(model)) {
    if (centred) return;
    for (RowVector* mean : {&x_mean_, &x_rest_, &y_mean_, &y_rest_}) mean->setZero();
  }

  ModelPtr model() const override { return model_; }

  // sum w (y - b - c x)^2 about the means of these rows, and their own mean residual.
  std::optional<SquaredErrors> squared_errors(const Statistics& rows) const override {
    const auto& statistics = dynamic_cast<const GramStatistics&>(rows);
    const Gram& gram = statistics.gram;
    SquaredErrors found{statistics.rows,    gram.weight, Vector(coef_.rows()),
                        gram.yy.diagonal(), true,        true};
    const RowVector x_step = difference(gram.x_mean, gram.x_mean_rest, x_mean_, x_rest_);
    const RowVector y_step = difference(gram.y_mean, gram.y_mean_rest, y_mean_, y_rest_);
    const double length = length_beside_training(statistics, x_step);
    const bool few = statistics.positive < 16;
    bool told = true;
    for (Index t = 0; t < coef_.rows(); ++t) {
      const auto c = coef_.row(t);
      const RowVector xx_c = c.lazyProduct(gram.xx);
      const double xy_c = c.dot(gram.xy.col(t));
      const double mean = y_step[t] - c.dot(x_step);
      const double error =
          (gram.yy(t, t) - xy_c) + (xx_c.dot(c) - xy_c) + gram.weight * mean * mean;
      const RowVector size = c.cwiseAbs();
      const double mean_size = std::abs(y_step[t]) + size.dot(x_step.cwiseAbs());
      const double terms = gram.yy(t, t) + 2.0 * size.dot(gram.xy.col(t).transpose().cwiseAbs()) +
                           size.lazyProduct(gram.xx.cwiseAbs()).dot(size) +
                           gram.weight * mean_size * mean_size;
      told = told && 4.0 * unit * terms <= score_error * error && gram.yy(t, t) > least_square;
      // Residuals that happen to be small are as uncertain as others.
      const double usual = deviation_[t] * std::sqrt(gram.weight);
      const double size_of_error = std::max(std::sqrt(std::max(0.0, error)), usual);
      const double moved = trust_.error[t] * length;
      found.trusted = found.trusted && moved <= most_error * size_of_error;
      // But not of few rows, whose score that moves by more (seen was 5 times what is estimated);
      // of many it is moved to both sides.
      const double least = std::sqrt(std::max(0.0, error - 4.0 * unit * terms));
      const double rounded = trust_.rounding[t] * std::sqrt(gram.weight);
      found.exact = found.exact && (!few || 16.0 * (moved + rounded) <= most_error * least);
      found.errors[t] = error;
    }
    if (!told && found.trusted && found.exact) return {};
    return found;
  }

 private:
  // How much of an error of the coefficients, in the norm of the training rows, these rows see if
  // it has no direction of its own: they may lie farther out where training rows hardly vary.
  double length_beside_training(const GramStatistics& rows, const RowVector& step) const {
    const auto d = static_cast<double>(step.size());
    if (step.size() > most_columns) return 0.0;  // it would cost as much as the fit
    const MatrixXd inverse = solver_.scale.asDiagonal() * solver_.inverse_factor;
    double squared = rows.gram.weight * (step * inverse).squaredNorm();
    if (rows.rows > 1) squared += (rows.gram.xx * inverse).cwiseProduct(inverse).sum();
    return std::sqrt(std::max(0.0, squared) / d);
  }

  RowVector x_mean_;
  RowVector x_rest_;
  RowVector y_mean_;
  RowVector y_rest_;
  Matrix coef_;  // n_targets x n_features
  Solver solver_;
  Trust trust_;
  Vector deviation_;
  ModelPtr model_;
};

// mean(y) - coef mean(x), with the products in double-double.
Vector intercepts(const Gram& gram, const Matrix& coef) {
  Vector result(coef.rows());
  for (Index t = 0; t < coef.rows(); ++t) {
    DoubleDouble sum(gram.y_mean[t], gram.y_mean_rest[t]);
    for (Index j = 0; j < coef.cols(); ++j) {
      sum = sum - DoubleDouble(gram.x_mean[j], gram.x_mean_rest[j]) * coef(t, j);
    }
    result[t] = sum.value();
  }
  return result;
}

// Without an intercept, means that are next to nothing are what rounding left when a step before
// subtracted them, and a fit on the rows may round to the other side; elsewhere 0.
RowVector rounded_means(const Gram& gram, bool centred) {
  RowVector means = RowVector::Zero(gram.x_mean.size());
  for (Index j = 0; j < means.size() && !centred; ++j) {
    const double mean = std::abs(gram.x_mean[j]);
    if (mean < next_to_nothing * std::sqrt(gram.xx(j, j) / gram.weight)) means[j] = mean;
  }
  return means;
}

// How far predictions of the training rows may be from those of the exact solution, in the norm of
// all rows: rounding in the Gram matrix moves the equations by `unit` of their terms, and the
// factor's inverse says what that does; a correction leaves its own rate of it. What means that are
// rounding add to the products does not count on either side.
double prediction_error(const Gram& gram, const Products& products, const Solver& solver,
                        const RowVector& means, const RowVector& c, Index t, bool corrected) {
  const VectorXd terms =
      products.xx.cwiseAbs() * c.cwiseAbs().transpose() + products.xy.col(t).cwiseAbs();
  const VectorXd moved = solver.scale.asDiagonal() * terms;
  const double error = unit * (solver.inverse_factor.cwiseAbs().transpose() * moved).norm();
  const double rate = unit * solver.condition * solver.condition;
  const double along = std::abs(gram.y_mean[t]) + c.cwiseAbs().dot(gram.x_mean.cwiseAbs());
  const VectorXd rounded = gram.weight * along * solver.scale.asDiagonal() * means.transpose();
  return (corrected ? error * std::min(1.0, 10.0 * rate) : error) +
         (solver.inverse_factor.cwiseAbs().transpose() * rounded).norm();
}

// Whether errors of the coefficients, and rounding of predictions, are small beside what is left of
// each target (`residual`).
bool trustworthy(const Gram& gram, const Products& products, const Matrix& coef,
                 const Vector& intercept, const Solver& solver, bool centred, bool corrected,
                 Vector& residual, Trust& trust) {
  residual.resize(coef.rows());
  trust.error.resize(coef.rows());
  trust.rounding.resize(coef.rows());
  const RowVector means = rounded_means(gram, centred);
  const RowVector spread = (gram.xx.diagonal() / gram.weight).cwiseSqrt().transpose();
  for (Index t = 0; t < coef.rows(); ++t) {
    const RowVector c = coef.row(t);
    const double yy = products.yy(t, t);
    if (!(yy > least_square)) return false;
    const double xy_c = c.dot(products.xy.col(t));
    residual[t] = (yy - xy_c) + (RowVector(c * products.xx).dot(c) - xy_c);
    if (!(residual[t] > 1e-8 * yy)) return false;
    // A score moves by twice the share of the error that is along the residuals of test rows, a
    // small part of it.
    trust.error[t] = prediction_error(gram, products, solver, means, c, t, corrected);
    if (!(trust.error[t] <= most_error * std::sqrt(residual[t]))) return false;
    const double summed = c.cwiseAbs().dot(gram.x_mean.cwiseAbs() + spread) +
                          std::abs(intercept[t]) + std::abs(gram.y_mean[t]);
    const double deviation = std::sqrt(residual[t] / gram.weight);
    trust.rounding[t] = unit * summed;
    if (!(trust.rounding[t] <= score_error * deviation)) return false;
    const double left = c.cwiseAbs().dot(means);
    if (!(left <= score_error * deviation)) return false;
  }
  return true;
}

// One step of refinement with residuals that the rows give (Björck 1967).
void correct(const TrainingRows& source, const Gram& gram, const GramFitOptions& options,
             const Solver& solver, Matrix& coef) {
  const RowVector centre =
      options.fit_intercept ? gram.x_mean : RowVector(RowVector::Zero(coef.cols()));
  const Vector intercept =
      options.fit_intercept ? intercepts(gram, coef) : Vector(Vector::Zero(coef.rows()));
  const TrainingRows::Gradient found = source.gradient(coef, intercept, centre);
  const MatrixXd gradient = (found.xr - options.alpha * coef).transpose();
  coef += solver.solve(gradient).transpose();
}

}  // namespace

std::unique_ptr<StatisticsFit> fit_gram(const Statistics& rows, const TrainingRows* source,
                                        const GramFitOptions& options,
                                        const std::function<ModelPtr(LeastSquares&&)>& make) {
  const auto& statistics = dynamic_cast<const GramStatistics&>(rows);
  const Gram& gram = statistics.gram;
  const Index d = gram.xx.cols();
  const Index targets = gram.yy.cols();
  if (targets == 0 || statistics.positive <= d + 1) return nullptr;
  const Products products(gram, options.fit_intercept);
  const std::optional<Solver> solver = factor(products.xx, options.alpha);
  if (!solver) return nullptr;
  if (solver->condition > (source == nullptr ? plain_condition : corrected_condition)) {
    return nullptr;
  }

  LeastSquares found;
  found.coef = solver->solve(products.xy).transpose();
  if (source != nullptr) correct(*source, gram, options, *solver, found.coef);
  found.intercept =
      options.fit_intercept ? intercepts(gram, found.coef) : Vector(Vector::Zero(targets));
  Trust trust;
  if (!trustworthy(gram, products, found.coef, found.intercept, *solver, options.fit_intercept,
                   source != nullptr, found.residual_squares, trust)) {
    return nullptr;
  }
  if (options.alpha > 0.0) {
    found.residual_squares += options.alpha * found.coef.rowwise().squaredNorm();
  }
  found.solver = {SolverPath::cholesky, solver->condition, source != nullptr ? 1 : 0, d, true};
  found.unit = Vector::Ones(targets);
  found.total_squares = products.yy.diagonal();
  found.residual_dof = statistics.positive - d - (options.fit_intercept ? 1 : 0);
  const MatrixXd rows_of_inverse = solver->scale.asDiagonal() * solver->inverse_factor;
  found.error = rows_of_inverse.rowwise().norm();
  if (options.fit_intercept) {
    found.intercept_error =
        std::sqrt(1.0 / gram.weight + (gram.x_mean * rows_of_inverse).squaredNorm());
  }
  Matrix coef = found.coef;
  Vector deviation = (found.residual_squares / gram.weight).cwiseSqrt();
  return std::make_unique<GramFit>(gram, options.fit_intercept, std::move(coef), *solver,
                                   std::move(trust), std::move(deviation), make(std::move(found)));
}

}  // namespace lathe
