// The contract read from JSON: nothing in it is trusted.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <limits>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "lathe/ml/contract.h"
#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

// Not ordered_json, which takes quadratic time to read an object of many fields.
using Json = nlohmann::json;

constexpr std::size_t quantile_count = 11;
constexpr std::array roles{Role::regressor, Role::classifier, Role::clusterer, Role::transformer,
                           Role::outlier_detector};

[[noreturn]] void corrupt(const std::string& path, const std::string& why) {
  throw CorruptData("C001", "contract: " + (path.empty() ? "" : path + " ") + why);
}

void need(bool good, const std::string& path, const char* why) {
  if (!good) corrupt(path, why);
}

// A value of the document and where it stands, as inputs[3].statistics.mean.
class Node {
 public:
  Node(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  void check(bool good, const char* why) const { need(good, path_, why); }

  Node operator[](const char* key) const {
    const auto at = json_.find(key);
    const std::string path = path_.empty() ? key : path_ + "." + key;
    need(at != json_.end(), path, "is missing");
    return {*at, path};
  }
  // An object of exactly these fields.
  void fields(std::initializer_list<std::string_view> names) const {
    check(json_.is_object(), "must be an object");
    for (const auto& [key, value] : json_.items()) {
      if (std::find(names.begin(), names.end(), key) == names.end()) {
        corrupt(path_, "has a field '" + key + "' that does not belong there");
      }
    }
  }
  void each(auto&& visit) const {
    check(json_.is_array(), "must be a list");
    for (std::size_t i = 0; i < json_.size(); ++i) {
      visit(Node(json_[i], path_ + "[" + std::to_string(i) + "]"));
    }
  }

  bool has(const char* key) const { return json_.contains(key); }
  bool is_null() const { return json_.is_null(); }
  bool starts_with_text() const {
    return json_.is_array() && !json_.empty() && json_[0].is_string();
  }
  std::string text() const {
    check(json_.is_string(), "must be text");
    return json_.get<std::string>();
  }
  double number() const {
    check(json_.is_number(), "must be a number");
    const auto number = json_.get<double>();
    check(std::isfinite(number), "must be finite");
    return number;
  }
  std::uint64_t natural() const {
    check(json_.is_number_unsigned(), "must be a whole number >= 0");
    return json_.get<std::uint64_t>();
  }
  std::int64_t integer() const {
    check(json_.is_number_integer() && (!json_.is_number_unsigned() || fits_int64(natural())),
          "must be a 64-bit integer");
    return json_.get<std::int64_t>();
  }
  std::int64_t count() const {
    check(fits_int64(natural()), "is too large");
    return static_cast<std::int64_t>(natural());
  }
  std::vector<double> numbers() const { return list<double>(&Node::number); }
  std::vector<std::int64_t> counts() const { return list<std::int64_t>(&Node::count); }
  std::vector<std::string> texts() const { return list<std::string>(&Node::text); }

  template <class T>
  std::vector<T> list(T (Node::*read)() const) const {
    std::vector<T> values;
    each([&](const Node& item) { values.push_back((item.*read)()); });
    return values;
  }

 private:
  static bool fits_int64(std::uint64_t number) {
    return number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  }

  const Json& json_;
  std::string path_;
};

template <class T>
bool strictly_ascending(const std::vector<T>& values) {
  return std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) == values.end();
}

ColumnStatistics read_numeric(const Node& node) {
  node.fields({"count", "missing", "mean", "sd", "min", "max", "quantiles"});
  ColumnStatistics s;
  s.mean = node["mean"].number();
  s.sd = node["sd"].number();
  s.min = node["min"].number();
  s.max = node["max"].number();
  s.quantiles = node["quantiles"].numbers();
  s.count = node["count"].count();
  node["quantiles"].check(s.quantiles.size() == (s.count > 0 ? quantile_count : 0),
                          "must be 11 numbers, or none where no cell is present");
  node["quantiles"].check(std::is_sorted(s.quantiles.begin(), s.quantiles.end()),
                          "must be ascending");
  node.check(s.sd >= 0.0 && s.min <= s.max, "must have sd >= 0 and min <= max");
  return s;
}

ColumnStatistics read_categorical(const Node& node, std::size_t levels) {
  node.fields({"count", "missing", "category_counts"});
  ColumnStatistics s;
  s.count = node["count"].count();
  s.category_counts = node["category_counts"].counts();
  node["category_counts"].check(s.category_counts.size() == levels, "must be one per level");
  std::int64_t left = s.count;
  for (const std::int64_t count : s.category_counts) {
    node["category_counts"].check(count <= left, "must add up to the count");
    left -= count;
  }
  node["category_counts"].check(left == 0, "must add up to the count");
  return s;
}

void read_input(const Node& node, Contract& contract) {
  Column column;
  const std::string kind = node["kind"].text();
  const Node statistics = node["statistics"];
  column.name = node["name"].text();
  node["name"].check(!column.name.empty(), "must not be empty");
  if (kind == "numeric") {
    node.fields({"name", "kind", "statistics"});
    contract.statistics.push_back(read_numeric(statistics));
  } else {
    node["kind"].check(kind == "categorical", "must be numeric or categorical");
    node.fields({"name", "kind", "vocabulary", "statistics"});
    column.kind = ColumnKind::categorical;
    column.vocabulary = node["vocabulary"].texts();
    node["vocabulary"].check(strictly_ascending(column.vocabulary), "must be sorted and distinct");
    contract.statistics.push_back(read_categorical(statistics, column.vocabulary.size()));
  }
  ColumnStatistics& s = contract.statistics.back();
  s.missing = statistics["missing"].count();
  statistics.check(s.count <= contract.rows && s.missing == contract.rows - s.count,
                   "must count every row");
  contract.inputs.columns.push_back(std::move(column));
}

Classes read_classes(const Node& node) {
  if (node.starts_with_text()) {
    std::vector<std::string> names = node.texts();
    node.check(strictly_ascending(names), "must be sorted and distinct");
    return Classes(std::move(names));
  }
  std::vector<std::int64_t> numbers = node.list<std::int64_t>(&Node::integer);
  node.check(strictly_ascending(numbers), "must be sorted and distinct");
  return Classes(std::move(numbers));
}

std::vector<std::optional<double>> read_row(const Node& node, const Schema& inputs) {
  std::vector<std::optional<double>> row;
  node.each([&](const Node& cell) {
    const auto j = static_cast<Index>(row.size());
    node.check(j < inputs.size(), "must have a cell for each input");
    if (cell.is_null()) {
      row.emplace_back();
    } else if (inputs[j].kind == ColumnKind::numeric) {
      row.emplace_back(cell.number());
    } else {
      const std::uint64_t code = cell.natural();
      cell.check(code < inputs[j].vocabulary.size(), "must be the code of a level");
      row.emplace_back(static_cast<double>(code));
    }
  });
  node.check(static_cast<Index>(row.size()) == inputs.size(), "must have a cell for each input");
  return row;
}

CrossValidationScore read_score(const Node& node) {
  node.fields({"metric", "splitter", "folds", "mean", "std"});
  CrossValidationScore score;
  score.metric = node["metric"].text();
  score.splitter = node["splitter"].text();
  score.folds = node["folds"].numbers();
  score.mean = node["mean"].number();
  score.std = node["std"].number();
  node["std"].check(score.std >= 0.0, "must be >= 0");
  return score;
}

Role read_role(const Node& node) {
  const std::string text = node.text();
  for (const Role role : roles) {
    if (text == to_text(role)) return role;
  }
  corrupt(node.path(), "is '" + text + "', which is no role");
}

void check_names(const Contract& contract) {
  std::vector<std::string> names = contract.targets;
  for (const Column& column : contract.inputs.columns) names.push_back(column.name);
  if (!contract.weight.empty()) names.push_back(contract.weight);
  need(std::set(names.begin(), names.end()).size() == names.size(), "inputs",
       "must differ in name from each other, the targets and the weight");
}

bool is_fingerprint(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

Contract contract_from_json(std::string_view text) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::exception& error) {
    throw CorruptData("C001", std::string("contract: it is not JSON: ") + error.what());
  }
  const Node node(json, "");
  node.fields({"lathe_version", "pipeline", "role", "inputs", "targets", "classes", "outputs",
               "weight", "seed", "rows", "data_fingerprint", "scores", "warm_rows"});
  Contract contract;
  contract.lathe_version = node["lathe_version"].text();
  contract.pipeline = node["pipeline"].text();
  contract.role = read_role(node["role"]);
  contract.rows = node["rows"].count();
  node["rows"].check(contract.rows > 0, "must be > 0");
  node["inputs"].each([&](const Node& input) { read_input(input, contract); });
  node["inputs"].check(contract.inputs.size() > 0, "must not be empty");
  contract.targets = node["targets"].texts();
  contract.classes = read_classes(node["classes"]);
  contract.outputs = node["outputs"].texts();
  contract.weight = node["weight"].text();
  contract.seed = node["seed"].natural();
  contract.data_fingerprint = node["data_fingerprint"].text();
  node["data_fingerprint"].check(is_fingerprint(contract.data_fingerprint),
                                 "must be 32 hex digits");
  node["scores"].each([&](const Node& item) { contract.scores.push_back(read_score(item)); });
  if (node.has("warm_rows")) {
    node["warm_rows"].each(
        [&](const Node& row) { contract.warm_rows.push_back(read_row(row, contract.inputs)); });
  }
  check_names(contract);
  return contract;
}

}  // namespace lathe
