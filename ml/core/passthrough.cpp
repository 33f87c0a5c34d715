#include "lathe/ml/core/passthrough.h"

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"

namespace lathe {

PassthroughModel Passthrough::fit(const MatrixView& X, const Context& context) const {
  check_fit(*this, X, context);
  return PassthroughModel(X.cols());
}

std::string_view PassthroughModel::name() const { return Passthrough::name; }

void PassthroughModel::transform_into(const MatrixView& X, MatrixRef out) const {
  check_no_infinity(name(), X, n_features_);
  check_out(name(), X, out, n_features_);
  out = X;
}

void PassthroughModel::state(auto& self, auto& archive) {
  archive.version(1);
  archive(self.n_features_);
}

PassthroughModel::PassthroughModel(InputArchive& archive) {
  state(*this, archive);
  check_state(Passthrough::name, n_features_ > 0);
}

void PassthroughModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
