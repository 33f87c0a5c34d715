// Fills missing cells with a statistic of their column.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lathe/ml/core/estimator.h"

namespace lathe {

class SimpleImputerModel;

// SimpleImputer{.strategy = SimpleImputer::Strategy::median}.fit(X)
//
// Numeric columns take every strategy, categorical ones most_frequent and constant. Of equally
// frequent values the lowest wins. A fill_value that is not in a column's vocabulary joins it.
//
// No column is ever left out: one without any cell to learn from is filled with 0 (numeric) or
// "missing_value" (categorical), with a warning. (scikit-learn drops it unless keep_empty_features
// is set, which moves all columns behind it.)
struct SimpleImputer {
  static constexpr std::string_view name = "simple_imputer";
  static constexpr std::string_view doc = "Fills missing cells with a statistic of their column.";
  static constexpr Tags tags{.missing = true, .categorical = true};

  enum class Strategy { mean, median, most_frequent, constant };

  Strategy strategy = Strategy::mean;
  std::optional<std::variant<double, std::string>> fill_value = {};
  bool add_indicator = false;

  static void describe(auto& self, auto&& field) {
    field("strategy", self.strategy, any_value, "what a missing cell becomes");
    field("fill_value", self.fill_value, any_value,
          "of strategy constant; none is 0, and \"missing_value\" in categorical columns");
    field("add_indicator", self.add_indicator, any_value,
          "also give 0/1 columns that tell which cells were missing, where training had such");
  }

  // X: n_samples x n_features, categorical cells as codes. O(n log n) time per column. Throws
  // InvalidArgument on infinite cells, codes outside the vocabulary, the mean or median of a
  // categorical column, and a fill_value of the other kind than a column.
  SimpleImputerModel fit(const MatrixView& X, const Context& context = {}) const;

  bool operator==(const SimpleImputer&) const = default;

  friend constexpr auto names(Strategy) {
    return std::array<std::string_view, 4>{"mean", "median", "most_frequent", "constant"};
  }
};

class SimpleImputerModel final : public Transformer {
 public:
  struct Learned {
    Schema columns;                        // as they came in
    Vector fill;                           // a number, or a code of the vocabulary that comes out
    std::vector<std::string> added;        // per column: the level that joins its vocabulary, or ""
    std::vector<std::int64_t> places;      // per column: the code which that level takes, or -1
    std::vector<std::int64_t> indicators;  // columns with an indicator, ascending
    std::vector<std::int64_t> empty;       // columns without any cell
  };
  explicit SimpleImputerModel(Learned learned);
  explicit SimpleImputerModel(InputArchive& archive);

  std::string_view name() const override;
  Index n_features_in() const override { return learned_.fill.size(); }
  Index n_outputs() const override {
    return n_features_in() + static_cast<Index>(learned_.indicators.size());
  }
  // The columns by their names, then "missingindicator_<column>".
  Schema columns_out(const Schema& in) const override;
  void transform_into(const MatrixView& X, MatrixRef out) const override;
  void save(OutputArchive& archive) const override;
  std::vector<Attribute> attributes() const override;
  std::vector<std::string> warnings() const override;

  // What missing cells become: numbers, and codes of the vocabulary that columns_out() gives.
  const Vector& statistics() const { return learned_.fill; }
  // The same as text, levels by their name.
  std::vector<std::string> statistic_texts() const;

 private:
  static void state(auto& self, auto& archive);
  void prepare();

  Learned learned_;
  Vector moved_from_;  // codes from here on are one higher when they come out
};

}  // namespace lathe
