#include "lathe/ml/linear/logistic_regression.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/linear/factor.h"
#include "lathe/ml/linear/least_squares.h"
#include "lathe/ml/linear/logistic_newton.h"

namespace lathe {
namespace {

using End = LogisticRegressionModel::End;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// The classes that rows of positive weight have, and the code of each row among them.
struct PresentLabels {
  Classes classes;
  std::vector<std::int32_t> code;  // 0 in rows without weight
};

PresentLabels present_labels(const Labels& y, std::span<const double> weight) {
  std::vector<Index> rows;
  for (Index i = 0; i < std::ssize(weight); ++i) {
    if (weight[at(i)] > 0.0) rows.push_back(i);
  }
  const Labels present = weight.empty() ? y.compact() : y.select(rows).compact();
  if (present.classes().size() < 2) {
    throw InvalidArgument("T008",
                          std::string(LogisticRegression::name) +
                              ": rows of positive weight hold " + "one class only ('" +
                              present.name(0) + "')",
                          "a classifier needs two");
  }
  if (weight.empty()) {
    return {present.classes(), {present.codes().begin(), present.codes().end()}};
  }
  PresentLabels result{present.classes(), std::vector<std::int32_t>(at(y.size()), 0)};
  for (std::size_t k = 0; k < rows.size(); ++k) {
    result.code[at(rows[k])] = present[static_cast<Index>(k)];
  }
  return result;
}

std::vector<double> class_weights(const LogisticRegression& options, const PresentLabels& y,
                                  const RowWeights& weights) {
  const Index n_classes = y.classes.size();
  std::vector<double> result(at(n_classes), 1.0);
  if (!options.class_weight) return result;
  if (const auto* given = std::get_if<LabelWeights>(&*options.class_weight)) {
    for (const auto& [label, weight] : *given) {
      const std::optional<Index> k = y.classes.find(label);
      if (!k) {
        throw InvalidArgument("L002", std::string(LogisticRegression::name) +
                                          ": class_weight names '" + label +
                                          "', but y holds no such label");
      }
      result[at(*k)] = weight;
    }
  } else {  // balanced
    std::vector<double> total(at(n_classes), 0.0);
    for (std::size_t i = 0; i < y.code.size(); ++i) total[at(y.code[i])] += weights.weight[i];
    for (std::size_t k = 0; k < total.size(); ++k) {
      result[k] = weights.total.hi / (static_cast<double>(n_classes) * total[k]);
    }
  }
  return result;
}

// Sample weights times class weights; `scale` of the result also covers the scale of `weights`.
RowWeights combine(const RowWeights& weights, const std::vector<double>& of_class,
                   const std::vector<std::int32_t>& code) {
  const double scale = unit_scale(*std::max_element(of_class.begin(), of_class.end()));
  std::vector<double> product(weights.weight);
  for (std::size_t i = 0; i < product.size(); ++i) product[i] *= of_class[at(code[i])] * scale;
  RowWeights combined(product, static_cast<Index>(product.size()));
  combined.scale *= scale * weights.scale;
  return combined;
}

RowWeights row_weights(const LogisticRegression& options, const PresentLabels& y,
                       std::span<const double> given) {
  const Index rows = static_cast<Index>(y.code.size());
  if (given.empty() && !options.class_weight) return RowWeights::of({}, rows);  // all 1
  const RowWeights sample(given, rows);
  return combine(sample, class_weights(options, y, sample), y.code);
}

// Scaled columns, and the check of their cells.
ScaledColumns checked_columns(const MatrixView& X, const RowWeights& weights, bool centre,
                              double strength, const Context& context) {
  if (std::optional<ScaledColumns> found = spread_columns(X, weights, centre, strength)) {
    return std::move(*found);
  }
  check_fit_cells(LogisticRegression::name, LogisticRegression::tags, X, context);
  return scale_columns(X, weights, centre, strength);
}

// Columns for the optimiser: of about unit variance, so that scores and parameters are of a size,
// and about a double, which serves as well as the mean itself where there is an intercept.
ScaledColumns unit_columns(const ScaledColumns& all, const RowWeights& weights) {
  std::vector<Index> varying;
  for (Index j = 0; j < all.size(); ++j) {
    if (all.norm[at(j)] > 0.0) varying.push_back(j);
  }
  ScaledColumns x = all.select(varying);
  const double scale = 1.0 / unit_scale(std::sqrt(weights.total.hi));
  for (std::size_t j = 0; j < varying.size(); ++j) {
    x.scale[j] *= scale;
    x.mean[j] = x.mean[j].hi * scale;
    x.norm[j] *= scale;
  }
  return x;
}

// Without a penalty: columns whose products the Hessian can still tell apart, which takes the
// square of what the columns themselves could.
ScaledColumns independent(const ScaledColumns& x, const RowWeights& weights) {
  if (x.size() == 0) return x;
  const std::vector<double> no_penalty(at(x.size()), 0.0);
  const Factor R = qr_factor(x, weights, no_penalty);
  std::vector<double> noise;
  for (Index j = 0; j < x.size(); ++j) noise.push_back(2e-8 * R.col(j).norm());
  std::vector<Index> kept = independent_columns(R, noise);
  std::sort(kept.begin(), kept.end());
  return x.select(kept);
}

// Coefficients of the raw columns and intercepts, of all classes but the last.
struct RawScores {
  Matrix coef;  // n_scores x n_features
  Vector intercept;
};

RawScores unscale(const LogisticProblem& problem, const Parameters& u, Index n_features) {
  RawScores raw{Matrix::Zero(u.cols(), n_features), Vector::Zero(u.cols())};
  for (Index k = 0; k < u.cols(); ++k) {
    DoubleDouble intercept = problem.intercept ? u(problem.x.size(), k) : 0.0;
    for (Index j = 0; j < problem.x.size(); ++j) {
      raw.coef(k, problem.x.index[at(j)]) = u(j, k) * problem.x.scale[at(j)];
      intercept = intercept - problem.x.mean[at(j)] * u(j, k);
    }
    raw.intercept[k] = intercept.value();
  }
  return raw;
}

// The same scores with the least |W|^2: least squares of them on all columns.
RawScores least_norm(const MatrixView& X, const LogisticProblem& problem, const Parameters& u) {
  Matrix scores(X.rows(), u.cols());
  RowVector row(problem.x.size());
  for (Index i = 0; i < X.rows(); ++i) {
    problem.x.centred_row(i, row.data());
    scores.row(i) = row * u.topRows(row.size());
  }
  LeastSquares fitted = least_squares(
      X, scores, {.weight = problem.weights.weight, .fit_intercept = problem.intercept});
  if (problem.intercept) fitted.intercept += u.row(problem.x.size()).transpose();
  return {std::move(fitted.coef), std::move(fitted.intercept)};
}

// From scores against the last class to scikit-learn's: of the second class, or of all, centred.
void set_coef(const RawScores& raw, LogisticRegressionModel::Fitted& fitted) {
  const Index n_classes = fitted.classes.size();
  if (n_classes == 2) {
    fitted.coef = 0.0 - raw.coef.array();  // no negative zeros
    fitted.intercept = 0.0 - raw.intercept.array();
    return;
  }
  fitted.coef = Matrix::Zero(n_classes, raw.coef.cols());
  fitted.coef.topRows(n_classes - 1) = raw.coef;
  fitted.coef.rowwise() -= RowVector(raw.coef.colwise().sum() / static_cast<double>(n_classes));
  fitted.intercept = Vector::Zero(n_classes);
  fitted.intercept.head(n_classes - 1) = raw.intercept;
  fitted.intercept.array() -= raw.intercept.sum() / static_cast<double>(n_classes);
}

End end_of(LogisticEnd end) {
  switch (end) {
    case LogisticEnd::converged:
      return End::converged;
    case LogisticEnd::separable:
      return End::separable;
    case LogisticEnd::max_iter:
      break;
  }
  return End::max_iter;
}

constexpr std::array<std::string_view, 3> names(End) {
  return {"converged", "max_iter", "separable"};
}

// The rows that count, where one that does not is so far away that its scores could overflow; else
// none.
std::vector<Index> rows_without_far_ones(const MatrixView& X, std::span<const double> weight) {
  constexpr double far = 1e100;
  std::vector<Index> rows;
  bool any = false;
  for (Index i = 0; i < std::ssize(weight); ++i) {
    if (weight[at(i)] > 0.0) {
      rows.push_back(i);
    } else {
      any = any || X.row(i).cwiseAbs().maxCoeff() > far;
    }
  }
  if (!any) rows.clear();
  return rows;
}

}  // namespace

LogisticRegressionModel LogisticRegression::fit(const MatrixView& X, const Labels& y,
                                                const Context& context) const {
  check_options(*this);
  check_fit_shape(name, tags, X, context);
  check_fit_labels(name, X, y);
  if (const std::vector<Index> rows = rows_without_far_ones(X, context.weight); !rows.empty()) {
    check_fit_cells(name, tags, X, context);
    std::vector<double> weight;
    for (const Index i : rows) weight.push_back(context.weight[at(i)]);
    Context counted = context;
    counted.weight = weight;
    return fit(Matrix(X(rows, Eigen::all)), y.select(rows), counted);
  }
  PresentLabels labels = present_labels(y, context.weight);
  const RowWeights weights = row_weights(*this, labels, context.weight);
  const double strength = penalty ? weights.scale / C : 0.0;

  const ScaledColumns all = checked_columns(X, weights, fit_intercept, strength, context);
  LogisticProblem problem{unit_columns(all, weights), weights,       std::move(labels.code),
                          labels.classes.size(),      fit_intercept, {}};
  const Index n_varying = problem.x.size();
  if (!penalty) problem.x = independent(problem.x, weights);
  for (const double scale : problem.x.scale) {
    problem.strength.push_back(strength * scale * scale);
  }
  const LogisticFit found = minimise(problem, penalty.has_value(), tol, max_iter);

  LogisticRegressionModel::Fitted fitted;
  fitted.classes = std::move(labels.classes);
  fitted.n_iter = found.iterations;
  fitted.objective = found.objective * ((penalty ? C : 1.0) / weights.scale);
  fitted.end = end_of(found.end);
  set_coef(problem.x.size() < n_varying ? least_norm(X, problem, found.u)
                                        : unscale(problem, found.u, X.cols()),
           fitted);
  return LogisticRegressionModel(std::move(fitted));
}

std::string_view LogisticRegressionModel::name() const { return LogisticRegression::name; }

void LogisticRegressionModel::predict_proba_into(const MatrixView& X, MatrixRef out) const {
  check_finite_rows(name(), X, n_features_in());
  check_out(name(), X, out, classes().size());
  if (classes().size() > 2) {
    kernels::affine(X, coef(), intercept(), out);
    kernels::softmax(out);
    return;
  }
  kernels::affine(X, coef(), intercept(), out.rightCols(1));
  for (Index i = 0; i < X.rows(); ++i) {
    const double score = out(i, 1);
    out(i, 0) = kernels::logistic(-score);
    out(i, 1) = kernels::logistic(score);
  }
}

Matrix LogisticRegressionModel::decision_function(const MatrixView& X) const {
  check_finite_rows(name(), X, n_features_in());
  Matrix scores(X.rows(), coef().rows());
  parallel_blocks(X.rows(), row_block(X.cols()), [&](Index, Index begin, Index end) {
    kernels::affine(X.middleRows(begin, end - begin), coef(), intercept(),
                    scores.middleRows(begin, end - begin));
  });
  return scores;
}

std::vector<Attribute> LogisticRegressionModel::attributes() const {
  std::vector<std::string> labels;
  for (Index k = 0; k < classes().size(); ++k) labels.push_back(classes().name(k));
  return {{"classes", std::move(labels)},
          {"coef", coef()},
          {"intercept", Matrix(intercept().transpose())},
          {"n_iter", n_iter()},
          {"objective", objective()},
          {"end", std::string(names(fitted_.end)[static_cast<std::size_t>(fitted_.end)])}};
}

std::vector<std::string> LogisticRegressionModel::warnings() const {
  const std::string who(name());
  switch (fitted_.end) {
    case End::converged:
      return {};
    case End::max_iter:
      return {who + ": stopped after " + std::to_string(n_iter()) +
              " iterations short of the optimum: raise max_iter or tol"};
    case End::separable:
      return {who +
              ": the columns tell some classes apart without error, so that without a penalty "
              "the coefficients would grow for ever; they stand where the fit stopped: use "
              "penalty=l2"};
  }
  return {};
}

void LogisticRegressionModel::state(auto& self, auto& archive) {
  archive.version(1);
  auto& fitted = self.fitted_;
  archive(fitted.coef, fitted.intercept, fitted.classes, fitted.n_iter, fitted.objective,
          fitted.end);
}

LogisticRegressionModel::LogisticRegressionModel(InputArchive& archive) {
  state(*this, archive);
  const Index n_classes = classes().size();
  const bool known_end = fitted_.end == End::converged || fitted_.end == End::max_iter ||
                         fitted_.end == End::separable;
  check_state(name(), n_classes >= 2 && coef().rows() == (n_classes == 2 ? 1 : n_classes) &&
                          coef().cols() > 0 && intercept().size() == coef().rows() &&
                          coef().allFinite() && intercept().allFinite() && n_iter() >= 0 &&
                          std::isfinite(objective()) && known_end);
}

void LogisticRegressionModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
