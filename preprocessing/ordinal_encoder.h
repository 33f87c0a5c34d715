// The place of each value among those that its column had in training.
#pragma once

#include <array>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/ml/core/estimator.h"
#include "lathe/preprocessing/categories.h"

namespace lathe {

class OrdinalEncoderModel;

// OrdinalEncoder{.encoded_missing_value = -1}.fit(X, context)
//
// context.columns says which columns are categorical (their levels go bytewise); the values of
// others are their numbers, ascending. A missing cell that training has seen becomes
// encoded_missing_value; one that it has not seen is an unknown value.
struct OrdinalEncoder {
  static constexpr std::string_view name = "ordinal_encoder";
  static constexpr std::string_view doc = "Numbers 0, 1, ... for the values of a column.";
  static constexpr Tags tags{.missing = true, .categorical = true, .encodes = true};

  enum class HandleUnknown { error, use_encoded_value };

  HandleUnknown handle_unknown = HandleUnknown::error;
  std::optional<double> unknown_value = {};
  double encoded_missing_value = std::numeric_limits<double>::quiet_NaN();

  static void describe(auto& self, auto&& field) {
    constexpr Rule finite_or_nan{.nan_allowed = true};
    field("handle_unknown", self.handle_unknown, any_value,
          "at values that training did not see: refuse, or write unknown_value");
    field("unknown_value", self.unknown_value, finite_or_nan,
          "what use_encoded_value writes: an integer that encodes no value, or nan");
    field("encoded_missing_value", self.encoded_missing_value, finite_or_nan,
          "what a missing cell becomes: nan, or a number that encodes no value");
  }

  // X: n_samples x n_features, categorical cells as codes. O(n log n) time per column. Throws
  // InvalidArgument on infinite cells, codes outside the vocabulary, an unknown_value without
  // use_encoded_value or the other way round, and either value where it encodes another.
  OrdinalEncoderModel fit(const MatrixView& X, const Context& context = {}) const;

  bool operator==(const OrdinalEncoder& other) const {  // nan equals nan here
    return to_step(*this) == to_step(other);
  }

  friend constexpr auto names(HandleUnknown) {
    return std::array<std::string_view, 2>{"error", "use_encoded_value"};
  }
};

class OrdinalEncoderModel final : public Transformer {
 public:
  OrdinalEncoderModel(const OrdinalEncoder& options, Categories categories);
  explicit OrdinalEncoderModel(InputArchive& archive);

  std::string_view name() const override;
  Index n_features_in() const override { return categories_.cols(); }
  Index n_outputs() const override { return categories_.cols(); }
  Schema columns_out(const Schema& in) const override;  // the same names, numeric
  void transform_into(const MatrixView& X, MatrixRef out) const override;
  // The codes and numbers that encoded rows came from. unknown_value gives unknown_category, or NaN
  // in a numeric column. Throws InvalidArgument on numbers that encode nothing.
  Matrix inverse_transform(const MatrixView& encoded) const;
  void save(OutputArchive& archive) const override;
  std::vector<Attribute> attributes() const override;

  const Categories& categories() const { return categories_; }

 private:
  static void state(auto& self, auto& archive);
  Index n_encoded(Index j) const;  // values of column j but for missing

  Categories categories_;
  std::optional<double> unknown_value_;  // none: unknown values are refused
  double missing_value_ = 0.0;
};

}  // namespace lathe
