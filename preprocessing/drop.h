// The transformer that gives nothing on: for columns to leave out.
#pragma once

#include <string_view>

#include "lathe/ml/core/estimator.h"

namespace lathe {

class DropModel final : public Transformer {
 public:
  explicit DropModel(Index n_features) : n_features_(n_features) {}
  explicit DropModel(InputArchive& archive);

  std::string_view name() const override;
  Index n_features_in() const override { return n_features_; }
  Index n_outputs() const override { return 0; }
  Schema columns_out(const Schema&) const override { return {}; }
  void transform_into(const MatrixView& X, MatrixRef out) const override;
  void save(OutputArchive& archive) const override;

 private:
  static void state(auto& self, auto& archive);

  Index n_features_ = 0;
};

// Columns{}.add({"id", "name"}, Drop{}).add("numeric", StandardScaler{})
struct Drop {
  static constexpr std::string_view name = "drop";
  static constexpr std::string_view doc = "Leaves its columns out.";
  static constexpr Tags tags{.missing = true, .categorical = true};

  static void describe(auto&, auto&&) {}
  DropModel fit(const MatrixView& X, const Context& context = {}) const;
  bool operator==(const Drop&) const = default;
};

}  // namespace lathe
