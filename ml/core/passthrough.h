// The transformer that changes nothing: for columns that go on as they are.
#pragma once

#include "lathe/ml/core/estimator.h"

namespace lathe {

class PassthroughModel final : public Transformer {
 public:
  explicit PassthroughModel(Index n_features) : n_features_(n_features) {}
  explicit PassthroughModel(InputArchive& archive);

  std::string_view name() const override;
  Index n_features_in() const override { return n_features_; }
  Index n_outputs() const override { return n_features_; }
  Schema columns_out(const Schema& in) const override { return in; }
  void transform_into(const MatrixView& X, MatrixRef out) const override;
  void save(OutputArchive& archive) const override;

 private:
  static void state(auto& self, auto& archive);

  Index n_features_ = 0;
};

struct Passthrough {
  static constexpr std::string_view name = "passthrough";
  static constexpr std::string_view doc = "Gives its columns on unchanged.";
  static constexpr Tags tags{.missing = true, .categorical = true};

  static void describe(auto&, auto&&) {}
  PassthroughModel fit(const MatrixView& X, const Context& context = {}) const;
  bool operator==(const Passthrough&) const = default;
};

}  // namespace lathe
