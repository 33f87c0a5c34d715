#include "lathe/ml/linear/linear_regression.h"

#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/gram_statistics.h"
#include "lathe/ml/linear/gram_fit.h"
#include "lathe/ml/linear/student.h"

namespace lathe {
namespace {

LinearSummary summarise(const LeastSquares& fitted) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Index targets = fitted.coef.rows();
  LinearSummary summary;
  summary.regression_dof = fitted.solver.rank;
  summary.residual_dof = fitted.residual_dof;
  summary.residual_sd = Vector::Constant(targets, nan);
  summary.r_squared = Vector::Constant(targets, nan);
  summary.f_statistic = Vector::Constant(targets, nan);
  const Vector explained = (fitted.total_squares - fitted.residual_squares).cwiseMax(0.0);
  summary.regression_squares = explained.cwiseProduct(fitted.unit).cwiseProduct(fitted.unit);
  summary.residual_squares =
      fitted.residual_squares.cwiseProduct(fitted.unit).cwiseProduct(fitted.unit);
  const double dof = static_cast<double>(summary.residual_dof);
  const double rank = static_cast<double>(summary.regression_dof);
  for (Index t = 0; t < targets; ++t) {
    const double residual = fitted.residual_squares[t];
    const double total = fitted.total_squares[t];
    if (total > 0.0) summary.r_squared[t] = 1.0 - residual / total;
    if (dof == 0.0) continue;
    summary.residual_sd[t] = std::sqrt(residual / dof) * fitted.unit[t];
    if (rank > 0.0 && total > 0.0) {
      summary.f_statistic[t] = explained[t] / rank / (residual / dof);
    }
  }
  summary.standard_error = summary.residual_sd * fitted.error.transpose();
  summary.intercept_standard_error = summary.residual_sd * fitted.intercept_error;
  return summary;
}

void forget_errors(bool fit_intercept, LeastSquares& fitted) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  fitted.error.setConstant(nan);
  if (fit_intercept) fitted.intercept_error = nan;
}

// What models did not hold in their first version follows from the rest, with degrees of freedom.
void add_squares(Index rank, LinearSummary& summary) {
  summary.regression_dof = rank;
  const Vector variance = summary.residual_sd.cwiseAbs2();
  summary.residual_squares = variance * static_cast<double>(summary.residual_dof);
  summary.regression_squares =
      summary.f_statistic.cwiseProduct(variance) * static_cast<double>(rank);
}

}  // namespace

LinearRegressionModel LinearRegression::fit(const MatrixView& X, const MatrixView& y,
                                            const Context& context) const {
  check_options(*this);
  check_fit_shape(name, tags, X, context);
  check_fit_target(name, tags, X, y);
  LeastSquares fitted = least_squares(X, y,
                                      {.weight = context.weight,
                                       .fit_intercept = fit_intercept,
                                       .refine = refine,
                                       .errors = standard_errors});
  if (!fitted.finite) check_fit_cells(name, tags, X, context);
  LinearSummary summary = summarise(fitted);
  return {std::move(fitted), std::move(summary)};
}

const StatisticsKind* LinearRegression::statistics() const { return gram_statistics(); }

std::unique_ptr<StatisticsFit> LinearRegression::fit_statistics(const Statistics& rows,
                                                                const TrainingRows* source) const {
  check_options(*this);
  if (refine == Refine::always && source == nullptr) return nullptr;
  return fit_gram(rows, source, {.fit_intercept = fit_intercept}, [this](LeastSquares&& fitted) {
    if (!standard_errors) forget_errors(fit_intercept, fitted);
    LinearSummary summary = summarise(fitted);
    return std::make_shared<const LinearRegressionModel>(std::move(fitted), std::move(summary));
  });
}

LinearRegressionModel::LinearRegressionModel(LeastSquares&& fitted, LinearSummary summary)
    : LinearModel(std::move(fitted)), summary_(std::move(summary)) {}

std::string_view LinearRegressionModel::name() const { return LinearRegression::name; }

std::vector<Attribute> LinearRegressionModel::attributes() const {
  std::vector<Attribute> all = LinearModel::attributes();
  const auto row = [](const Vector& v) { return Matrix(v.transpose()); };
  all.push_back({"standard_error", summary_.standard_error});
  all.push_back({"intercept_standard_error", row(summary_.intercept_standard_error)});
  all.push_back({"residual_sd", row(summary_.residual_sd)});
  all.push_back({"r_squared", row(summary_.r_squared)});
  all.push_back({"f_statistic", row(summary_.f_statistic)});
  all.push_back({"regression_squares", row(summary_.regression_squares)});
  all.push_back({"residual_squares", row(summary_.residual_squares)});
  all.push_back({"regression_dof", summary_.regression_dof});
  all.push_back({"residual_dof", summary_.residual_dof});
  return all;
}

LinearTests LinearRegressionModel::tests(double level) const {
  if (!(level > 0.0 && level < 1.0)) {
    throw InvalidArgument("L001", "linear_regression: level = " + to_text(level) +
                                      " of a confidence interval must be in (0, 1)");
  }
  const double dof = static_cast<double>(summary_.residual_dof);
  const double half = student_quantile(0.5 + 0.5 * level, dof);
  const auto p_value = [&](double t) { return student_two_sided(t, dof); };
  LinearTests tests;
  tests.t_value = coef().array() / summary_.standard_error.array();
  tests.p_value = tests.t_value.unaryExpr(p_value);
  tests.lower = coef() - half * summary_.standard_error;
  tests.upper = coef() + half * summary_.standard_error;
  tests.intercept_t_value = intercept().array() / summary_.intercept_standard_error.array();
  tests.intercept_p_value = tests.intercept_t_value.unaryExpr(p_value);
  tests.intercept_lower = intercept() - half * summary_.intercept_standard_error;
  tests.intercept_upper = intercept() + half * summary_.intercept_standard_error;
  tests.f_p_value = summary_.f_statistic.unaryExpr(
      [&](double f) { return fisher_above(f, static_cast<double>(rank()), dof); });
  return tests;
}

void LinearRegressionModel::state(auto& self, auto& archive) {
  const int version = archive.version(2);
  coef_state(self, archive);
  auto& summary = self.summary_;
  archive(summary.standard_error, summary.intercept_standard_error, summary.residual_sd,
          summary.r_squared, summary.f_statistic, summary.residual_dof);
  if (version >= 2) {
    archive(summary.regression_squares, summary.residual_squares, summary.regression_dof);
  } else if constexpr (!std::is_const_v<std::remove_reference_t<decltype(self)>>) {
    add_squares(self.rank(), summary);
  }
}

LinearRegressionModel::LinearRegressionModel(InputArchive& archive) {
  state(*this, archive);
  check_coef();
  const LinearSummary& s = summary_;
  check_state(
      name(),
      s.standard_error.rows() == n_targets() && s.standard_error.cols() == n_features_in() &&
          s.intercept_standard_error.size() == n_targets() && s.residual_sd.size() == n_targets() &&
          s.r_squared.size() == n_targets() && s.f_statistic.size() == n_targets() &&
          s.regression_squares.size() == n_targets() && s.residual_squares.size() == n_targets() &&
          s.regression_dof >= 0 && s.residual_dof >= 0);
}

void LinearRegressionModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
