// Different transformers for different columns, side by side.
//
//   columns(numeric: simple_imputer | standard_scaler, categorical: one_hot_encoder)
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/ml/core/estimator.h"

namespace lathe {

// All numeric columns, all categorical ones, or columns by name.
class ColumnSelector {
 public:
  enum class Kind { numeric, categorical, names };

  // "numeric" and "categorical" are the kinds, any other text is a column's name. A list holds
  // names only.
  ColumnSelector(const char* text) : ColumnSelector(std::string(text)) {}
  ColumnSelector(std::string text);
  ColumnSelector(std::initializer_list<std::string> columns);
  ColumnSelector(std::vector<std::string> columns);
  // As the text form has it: numeric, categorical, a name as a word or in quotes, or a list of
  // names. Throws InvalidArgument for anything else.
  explicit ColumnSelector(const Value& value);

  Kind kind() const { return kind_; }
  const std::vector<std::string>& columns() const { return columns_; }  // of kind names
  Value to_value() const;
  std::string text() const;
  bool operator==(const ColumnSelector&) const = default;

 private:
  Kind kind_ = Kind::names;
  std::vector<std::string> columns_;
};

class ColumnsModel;

// Columns{}.add("numeric", SimpleImputer{} | StandardScaler{}).add({"sex", "island"}, Drop{})
//
// A kind stands for the columns of it that no branch names; a branch whose kind has no column is
// left out. Columns that no branch takes are the remainder.
struct Columns {
  static constexpr std::string_view name = "columns";
  static constexpr std::string_view doc = "Different transformers for different columns.";

  enum class Remainder { drop, passthrough };
  struct Branch {
    ColumnSelector selector;
    Estimator estimator;
    bool operator==(const Branch&) const = default;
  };

  std::vector<Branch> branches = {};
  Remainder remainder = Remainder::drop;

  // Throws InvalidArgument unless `branch` is a transformer, and for a column named twice.
  Columns& add(ColumnSelector selector, Estimator branch) &;
  Columns&& add(ColumnSelector selector, Estimator branch) && {
    return std::move(add(std::move(selector), std::move(branch)));
  }

  static void describe(auto& self, auto&& field) {
    field("remainder", self.remainder, any_value, "what becomes of columns that no branch takes");
  }
  void add_branch(const Value& selector, Estimator branch);
  Pipe to_pipe() const;
  // Missing cells and categories are for the branches to refuse; weights go to those that take
  // them.
  Tags tags() const;

  // X: n_samples x n_features; y goes to every branch. Throws NotFound for a column that is not
  // there, naming the nearest, and InvalidArgument when no column comes out.
  ColumnsModel fit(const MatrixView& X, const Target& y = {}, const Context& context = {}) const;

  bool operator==(const Columns&) const = default;

  friend constexpr auto names(Remainder) {
    return std::array<std::string_view, 2>{"drop", "passthrough"};
  }
};

class ColumnsModel final : public Transformer {
 public:
  struct Part {
    std::string label;           // the selector; "remainder"; "#2" behind one that comes up again
    std::vector<Index> columns;  // of the input
    std::shared_ptr<const Transformer> model;
  };
  ColumnsModel(Index n_features, std::vector<Part> parts);
  explicit ColumnsModel(InputArchive& archive);

  std::string_view name() const override;
  Index n_features_in() const override { return n_features_; }
  Index n_outputs() const override { return offsets_.back(); }
  // What the parts give, one after the other. A name that several parts give is
  // "<label>__<name>" in each.
  Schema columns_out(const Schema& in) const override;
  void transform_into(const MatrixView& X, MatrixRef out) const override;
  void save(OutputArchive& archive) const override;
  std::vector<Attribute> attributes() const override;
  bool converged() const override;
  std::vector<std::string> warnings() const override;

  const std::vector<Part>& parts() const { return parts_; }

 private:
  void prepare();

  Index n_features_ = 0;
  std::vector<Part> parts_;
  std::vector<Index> offsets_;  // of each part's outputs, and their number at the end
};

}  // namespace lathe
