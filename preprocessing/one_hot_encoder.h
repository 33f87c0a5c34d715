// One column of zeros and ones for each value that a column had in training.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/ml/core/estimator.h"
#include "lathe/preprocessing/categories.h"

namespace lathe {

class OneHotEncoderModel;

// OneHotEncoder{.handle_unknown = OneHotEncoder::HandleUnknown::ignore}.fit(X, context)
//
// context.columns says which columns are categorical; the values of others are their numbers.
// Missing is a value like any other, and the last one.
struct OneHotEncoder {
  static constexpr std::string_view name = "one_hot_encoder";
  static constexpr std::string_view doc =
      "One column of zeros and ones for each value of a column.";
  static constexpr Tags tags{.missing = true, .categorical = true, .encodes = true};

  enum class HandleUnknown { error, ignore, infrequent_if_exist };
  enum class Drop { first, if_binary };

  HandleUnknown handle_unknown = HandleUnknown::error;
  std::optional<Drop> drop = {};
  std::optional<CountOrShare> min_frequency = {};
  std::optional<std::int64_t> max_categories = {};

  static void describe(auto& self, auto&& field) {
    field("handle_unknown", self.handle_unknown, any_value,
          "at values that training did not see: refuse, write zeros, or call them infrequent");
    field("drop", self.drop, any_value,
          "leave out each column's first value, or that of columns with two");
    field("min_frequency", self.min_frequency, share_or_count,
          "values seen less often, in rows or as a share of them, become one: infrequent");
    field("max_categories", self.max_categories, at_least(1.0),
          "at most so many outputs per column, the infrequent one included");
  }

  // X: n_samples x n_features, categorical cells as codes. O(n log n) time per column. Throws
  // InvalidArgument on infinite cells and on codes outside the vocabulary.
  OneHotEncoderModel fit(const MatrixView& X, const Context& context = {}) const;

  bool operator==(const OneHotEncoder&) const = default;

  friend constexpr auto names(HandleUnknown) {
    return std::array<std::string_view, 3>{"error", "ignore", "infrequent_if_exist"};
  }
  friend constexpr auto names(Drop) {
    return std::array<std::string_view, 2>{"first", "if_binary"};
  }
};

class OneHotEncoderModel final : public Transformer {
 public:
  OneHotEncoderModel(const OneHotEncoder& options, Categories categories, Index n_samples);
  explicit OneHotEncoderModel(InputArchive& archive);

  std::string_view name() const override;
  Index n_features_in() const override { return categories_.cols(); }
  Index n_outputs() const override { return offsets_.back(); }
  // "<column>_<value>", "<column>_nan" where missing, and "<column>_infrequent_sklearn" for all
  // infrequent values; a name that comes up again gets "#2".
  Schema columns_out(const Schema& in) const override;
  void transform_into(const MatrixView& X, MatrixRef out) const override;
  // The codes and numbers that encoded rows came from: of each column, the value whose number is
  // greatest. Zeros alone stand for the dropped value; where none was dropped, and for infrequent
  // values, the cell is unknown: unknown_category, or NaN in a numeric column. Throws
  // InvalidArgument on zeros alone that handle_unknown = error cannot have written.
  Matrix inverse_transform(const MatrixView& encoded) const;
  void save(OutputArchive& archive) const override;
  std::vector<Attribute> attributes() const override;

  const Categories& categories() const { return categories_; }
  // Places among the values of column j, ascending.
  const std::vector<std::int64_t>& infrequent(Index j) const { return infrequent_[at(j)]; }
  // The place of the (first) value of column j that has no output, or -1.
  std::int64_t drop_index(Index j) const { return dropped_[at(j)]; }

 private:
  static std::size_t at(Index j) { return static_cast<std::size_t>(j); }
  static void state(auto& self, auto& archive);
  void prepare();
  Index width(Index j) const { return offsets_[at(j + 1)] - offsets_[at(j)]; }

  Categories categories_;
  OneHotEncoder::HandleUnknown handle_unknown_ = OneHotEncoder::HandleUnknown::error;
  std::vector<std::vector<std::int64_t>> infrequent_;
  std::vector<std::int64_t> dropped_;

  // These follow from the others.
  std::vector<std::vector<Index>>
      slots_;                            // where in its column's outputs a value's is; -1: dropped
  std::vector<Index> infrequent_slots_;  // the same of the infrequent values; -1: none or dropped
  std::vector<Index> offsets_;           // of each column's outputs, and their number at the end
};

}  // namespace lathe
