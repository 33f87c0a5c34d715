#include "lathe/ml/linear/ridge.h"

#include <utility>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/gram_statistics.h"
#include "lathe/ml/linear/gram_fit.h"

namespace lathe {

RidgeModel Ridge::fit(const MatrixView& X, const MatrixView& y, const Context& context) const {
  check_options(*this);
  check_fit_shape(name, tags, X, context);
  check_fit_target(name, tags, X, y);
  LeastSquares fitted = least_squares(
      X, y,
      {.weight = context.weight, .fit_intercept = fit_intercept, .alpha = alpha, .errors = false});
  if (!fitted.finite) check_fit_cells(name, tags, X, context);
  return RidgeModel(std::move(fitted));
}

const StatisticsKind* Ridge::statistics() const { return gram_statistics(); }

std::unique_ptr<StatisticsFit> Ridge::fit_statistics(const Statistics& rows,
                                                     const TrainingRows* source) const {
  check_options(*this);
  return fit_gram(
      rows, source, {.fit_intercept = fit_intercept, .alpha = alpha},
      [](LeastSquares&& fitted) { return std::make_shared<const RidgeModel>(std::move(fitted)); });
}

std::string_view RidgeModel::name() const { return Ridge::name; }

void RidgeModel::state(auto& self, auto& archive) {
  archive.version(1);
  coef_state(self, archive);
}

RidgeModel::RidgeModel(InputArchive& archive) {
  state(*this, archive);
  check_coef();
}

void RidgeModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
