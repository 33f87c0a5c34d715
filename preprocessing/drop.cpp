#include "lathe/preprocessing/drop.h"

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"

namespace lathe {

DropModel Drop::fit(const MatrixView& X, const Context& context) const {
  check_fit(*this, X, context);
  return DropModel(X.cols());
}

std::string_view DropModel::name() const { return Drop::name; }

void DropModel::transform_into(const MatrixView& X, MatrixRef out) const {
  check_rows(name(), X, n_features_);
  check_out(name(), X, out, 0);
}

void DropModel::state(auto& self, auto& archive) {
  archive.version(1);
  archive(self.n_features_);
}

DropModel::DropModel(InputArchive& archive) {
  state(*this, archive);
  check_state(Drop::name, n_features_ > 0);
}

void DropModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
