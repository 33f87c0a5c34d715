#include "lathe/ml/linear/linear_model.h"

#include <utility>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/kernel_table.h"
#include "lathe/ml/core/kernels.h"

namespace lathe {

LinearModel::~LinearModel() = default;

LinearModel::LinearModel(LeastSquares&& fitted)
    : coef_(std::move(fitted.coef)),
      intercept_(std::move(fitted.intercept)),
      solver_(fitted.solver) {}

void LinearModel::predict_into(const MatrixView& X, MatrixRef out) const {
  check_finite_rows(name(), X, n_features_in());
  check_out(name(), X, out, n_targets());
  kernels::affine(X, coef_, intercept_, out);
}

// NaN and infinity stay in a sum, also times a coefficient of 0.
void LinearModel::rows_into(const double* X, Index rows, Index stride, double* out,
                            Index out_stride) const {
  kernels::table().affine(X, rows, coef_.cols(), stride, coef_.data(), intercept_.data(),
                          coef_.rows(), out, out_stride);
}

std::vector<Attribute> LinearModel::attributes() const {
  const auto path = names(solver_.path)[static_cast<std::size_t>(solver_.path)];
  return {{"coef", coef_},
          {"intercept", Matrix(intercept_.transpose())},
          {"rank", solver_.rank},
          {"solver", std::string(path)},
          {"condition", solver_.condition},
          {"refinement_steps", solver_.steps}};
}

std::vector<std::string> LinearModel::warnings() const {
  if (solver_.settled) return {};
  return {std::string(name()) + ": the columns are so nearly dependent (condition " +
          std::to_string(solver_.condition) +
          ") that the last digits of the coefficients are uncertain"};
}

void LinearModel::check_coef() const {
  check_state(name(), coef_.rows() > 0 && coef_.cols() > 0 && intercept_.size() == coef_.rows() &&
                          coef_.allFinite() && intercept_.allFinite() && solver_.rank >= 0 &&
                          solver_.rank <= coef_.cols() && solver_.steps >= 0 &&
                          solver_.condition >= 0.0);
}

}  // namespace lathe
