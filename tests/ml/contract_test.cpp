#include "lathe/ml/contract.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(NumericStatistics, AreThoseOfThePresentCells) {
  const std::vector<double> cells{4.0, missing, 1.0, 3.0, 2.0};
  const ColumnStatistics s = numeric_statistics(cells);
  EXPECT_EQ(s.count, 4);
  EXPECT_EQ(s.missing, 1);
  EXPECT_EQ(s.mean, 2.5);
  EXPECT_DOUBLE_EQ(s.sd, std::sqrt(5.0 / 3.0));
  EXPECT_EQ(s.min, 1.0);
  EXPECT_EQ(s.max, 4.0);
}

TEST(NumericStatistics, QuantilesAreInterpolatedAsNumpyDoes) {
  const std::vector<double> cells{0.0, 10.0, 20.0, 40.0};
  // np.quantile([0, 10, 20, 40], np.linspace(0, 1, 11))
  const std::vector<double> expected{0, 3, 6, 9, 12, 15, 18, 22, 28, 34, 40};
  const ColumnStatistics s = numeric_statistics(cells);
  ASSERT_EQ(s.quantiles.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(s.quantiles[i], expected[i], 1e-13) << i;
  }
}

TEST(NumericStatistics, OfNoCellAndOfOne) {
  ColumnStatistics none;
  none.missing = 2;
  EXPECT_EQ(numeric_statistics(std::vector<double>{missing, missing}), none);
  const ColumnStatistics one = numeric_statistics(std::vector<double>{7.5});
  EXPECT_EQ(one.mean, 7.5);
  EXPECT_EQ(one.sd, 0.0);
  EXPECT_EQ(one.quantiles, std::vector<double>(11, 7.5));
}

TEST(NumericStatistics, ConstantColumnsHaveTheirValueAndNoSpread) {
  const ColumnStatistics s = numeric_statistics(std::vector<double>(1000, 0.1));
  EXPECT_EQ(s.mean, 0.1);
  EXPECT_EQ(s.sd, 0.0);
}

TEST(NumericStatistics, StayAccurateFarFromZeroAndAtTheEndsOfTheRange) {
  EXPECT_EQ(numeric_statistics(std::vector<double>{1e9 + 1, 1e9 + 2, 1e9 + 3}).sd, 1.0);
  const double largest = std::numeric_limits<double>::max();
  const ColumnStatistics huge = numeric_statistics(std::vector<double>{largest, largest, -largest});
  EXPECT_DOUBLE_EQ(huge.mean, largest / 3.0);
  EXPECT_TRUE(std::isfinite(huge.sd));
  for (const double q : huge.quantiles) EXPECT_TRUE(std::isfinite(q)) << q;
  EXPECT_DOUBLE_EQ(numeric_statistics(std::vector<double>{1e-200, 3e-200}).sd,
                   1e-200 * std::sqrt(2.0));
}

TEST(CategoryStatistics, CountsLevels) {
  const ColumnStatistics s = category_statistics(std::vector<double>{2, 0, missing, 2}, 3);
  EXPECT_EQ(s.count, 3);
  EXPECT_EQ(s.missing, 1);
  EXPECT_THAT(s.category_counts, ElementsAre(1, 0, 2));
}

Contract example() {
  Contract contract;
  contract.lathe_version = "0.1.0";
  contract.pipeline = "columns(numeric: \"x\") | logistic_regression";
  contract.role = Role::classifier;
  contract.inputs.columns = {{"länge \"mm\"", ColumnKind::numeric, {}},
                             {"colour", ColumnKind::categorical, {"", "blue", "grün"}}};
  contract.statistics = {numeric_statistics(std::vector<double>{0.1, 1e-300, missing, 1.0 / 3.0}),
                         category_statistics(std::vector<double>{0, 2, 2, missing}, 3)};
  contract.targets = {"kind"};
  contract.classes =
      Classes(std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min(), 7});
  contract.outputs = {"kind"};
  contract.weight = "w";
  contract.seed = std::numeric_limits<std::uint64_t>::max();
  contract.rows = 4;
  contract.data_fingerprint = "0123456789abcdef0123456789abcdef";
  contract.scores = {{"accuracy", "kfold(n_splits=2)", {0.1, 0.7000000000000001}, 0.4, 0.3}};
  contract.warm_rows = {{0.1, 2.0}, {std::nullopt, std::nullopt}};
  return contract;
}

TEST(ContractJson, ReadsBackEveryFieldToTheBit) {
  EXPECT_EQ(contract_from_json(to_json(example())), example());
  Contract other = example();
  other.classes = Classes(std::vector<std::string>{"a", "b"});
  other.scores.clear();
  other.weight.clear();
  other.warm_rows.clear();
  EXPECT_EQ(contract_from_json(to_json(other)), other);
}

std::string refusal(const std::string& text) {
  try {
    contract_from_json(text);
  } catch (const CorruptData& error) {
    EXPECT_EQ(error.code(), "C001");
    return error.what();
  }
  return "read without complaint";
}

TEST(ContractJson, NeedsEveryField) {
  const json whole = json::parse(to_json(example()));
  int checked = 0;
  const json flat = whole.flatten();
  for (const auto& [place, value] : flat.items()) {
    for (json::json_pointer at(place); !at.empty(); at.pop_back()) {
      const json& parent = whole.at(at.parent_pointer());
      if (!parent.is_object()) continue;
      json cut = whole;
      if (at.back() == "warm_rows") continue;
      cut.at(at.parent_pointer()).erase(at.back());
      EXPECT_THAT(refusal(cut.dump()), HasSubstr(at.back() + " is missing")) << at;
      ++checked;
    }
  }
  EXPECT_GT(checked, 30);
}

TEST(ContractJson, FilesFromBeforeWarmRowsAreReadAndWrittenAsTheyWere) {
  Contract old = example();
  old.warm_rows.clear();
  const std::string text = to_json(old);
  EXPECT_THAT(text, testing::Not(HasSubstr("warm_rows")));
  EXPECT_EQ(contract_from_json(text), old);
}

TEST(ContractJson, RefusesWhatDoesNotFitAndSaysWhere) {
  const struct {
    const char* place;
    json value;
    const char* message;
  } cases[] = {
      {"/pipeline", 3, "pipeline must be text"},
      {"/role", "oracle", "role is 'oracle', which is no role"},
      {"/rows", 0, "rows must be > 0"},
      {"/rows", -4, "rows must be a whole number >= 0"},
      {"/rows", 18446744073709551615U, "rows is too large"},
      {"/seed", 1.5, "seed must be a whole number >= 0"},
      {"/inputs", json::array(), "inputs must not be empty"},
      {"/inputs", json::object(), "inputs must be a list"},
      {"/inputs/0", nullptr, "inputs[0].kind is missing"},
      {"/inputs/0/name", "", "inputs[0].name must not be empty"},
      {"/inputs/0/name", "colour", "inputs must differ in name"},
      {"/inputs/0/name", "kind", "inputs must differ in name"},
      {"/weight", "colour", "inputs must differ in name"},
      {"/inputs/0/kind", "date", "inputs[0].kind must be numeric or categorical"},
      {"/inputs/0/extra", 1, "inputs[0] has a field 'extra'"},
      {"/inputs/0/statistics/mean", "1", "inputs[0].statistics.mean must be a number"},
      {"/inputs/0/statistics/mean", nullptr, "inputs[0].statistics.mean must be a number"},
      {"/inputs/0/statistics/sd", -1.0, "inputs[0].statistics must have sd >= 0"},
      {"/inputs/0/statistics/min", 5.0, "inputs[0].statistics must have sd >= 0 and min <= max"},
      {"/inputs/0/statistics/missing", 2, "inputs[0].statistics must count every row"},
      {"/inputs/0/statistics/quantiles/0", 9.0, "quantiles must be ascending"},
      {"/inputs/0/statistics/quantiles", json::array(), "quantiles must be 11 numbers"},
      {"/inputs/1/vocabulary/0", "red", "inputs[1].vocabulary must be sorted and distinct"},
      {"/inputs/1/vocabulary/1", "", "inputs[1].vocabulary must be sorted and distinct"},
      {"/inputs/1/vocabulary/1", 4, "inputs[1].vocabulary[1] must be text"},
      {"/inputs/1/statistics/category_counts/0", 2, "category_counts must add up to the count"},
      {"/inputs/1/statistics/category_counts", {1, 2}, "category_counts must be one per level"},
      {"/targets", "kind", "targets must be a list"},
      {"/classes/1", "7", "classes[1] must be a 64-bit integer"},
      {"/classes/1", 18446744073709551615U, "classes[1] must be a 64-bit integer"},
      {"/classes", {7, 7}, "classes must be sorted and distinct"},
      {"/classes", {"b", "a"}, "classes must be sorted and distinct"},
      {"/data_fingerprint", "xyz", "data_fingerprint must be 32 hex digits"},
      {"/scores/0/std", -0.5, "scores[0].std must be >= 0"},
      {"/warm_rows", 1, "warm_rows must be a list"},
      {"/warm_rows/0", {1.0}, "warm_rows[0] must have a cell for each input"},
      {"/warm_rows/0", {1.0, 1, 1}, "warm_rows[0] must have a cell for each input"},
      {"/warm_rows/0/0", "a", "warm_rows[0][0] must be a number"},
      {"/warm_rows/1/1", 3, "warm_rows[1][1] must be the code of a level"},
      {"/warm_rows/1/1", 1.5, "warm_rows[1][1] must be a whole number"},
      {"/scores/0/folds/1", true, "scores[0].folds[1] must be a number"},
  };
  for (const auto& c : cases) {
    json bad = json::parse(to_json(example()));
    bad[json::json_pointer(c.place)] = c.value;
    EXPECT_THAT(refusal(bad.dump()), HasSubstr(c.message)) << c.place;
  }
}

TEST(ContractJson, RefusesWhatIsNotJson) {
  const std::string good = to_json(example());
  EXPECT_THAT(refusal(""), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(good.substr(0, good.size() - 1)), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(good + "x"), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("[]"), HasSubstr("must be an object"));
  EXPECT_THAT(refusal(std::string(100000, '[')), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("{\"pipeline\": \"\xff\"}"), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("{\"rows\": 1e999}"), HasSubstr("not JSON"));
}

TEST(ContractJson, RefusesToWriteWhatCannotBeRead) {
  const auto code = [](const Contract& contract) {
    try {
      to_json(contract);
    } catch (const InvalidArgument& error) {
      return error.code();
    }
    return std::string("written");
  };
  Contract bad = example();
  bad.inputs.columns[0].name = "\xff";
  EXPECT_EQ(code(bad), "C002");
  bad = example();
  bad.statistics[0].sd = infinity;
  EXPECT_EQ(code(bad), "C002");
  bad = example();
  bad.scores[0].folds[0] = missing;
  EXPECT_EQ(code(bad), "C002");
  bad = example();
  bad.warm_rows[0][0] = infinity;
  EXPECT_EQ(code(bad), "C002");
}

TEST(LatheVersion, IsThreeNumbers) {
  EXPECT_THAT(std::string(lathe_version()), testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

}  // namespace
}  // namespace lathe
