#include "lathe/ml/core/options.h"

#include <cmath>
#include <span>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/estimator.h"
#include "lathe/ml/core/registry.h"

namespace lathe {
namespace {

std::string number_text(double v) {  // 3, not 3.0: rules speak of integers and numbers alike
  std::string text = to_text(v);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

// The text of a word or a quoted text; null for anything else.
const std::string* as_text(const Value& value) {
  if (const auto* word = std::get_if<Word>(&value.data)) return &word->text;
  return std::get_if<std::string>(&value.data);
}

std::string out_of_rule(const std::string& shown, const Rule& rule) {
  return shown + ", but it must be " + (rule.text().empty() ? "finite" : rule.text());
}

}  // namespace

bool Rule::allows(double value) const {
  if (std::isnan(value)) return nan_allowed;
  if (std::isinf(value) && !(std::isinf(hi) && !hi_open)) return false;
  const bool above_lo = lo_open ? value > lo : value >= lo;
  const bool below_hi = hi_open ? value < hi : value <= hi;
  return above_lo && below_hi;
}

std::string Rule::text() const {
  if (std::isinf(lo) && std::isinf(hi)) return {};
  if (std::isinf(hi)) return (lo_open ? "> " : ">= ") + number_text(lo);
  if (std::isinf(lo)) return (hi_open ? "< " : "<= ") + number_text(hi);
  return std::string("in ") + (lo_open ? "(" : "[") + number_text(lo) + ", " + number_text(hi) +
         (hi_open ? ")" : "]");
}

namespace options {

Value to_value(bool v) { return {v}; }
Value to_value(std::int64_t v) { return {v}; }
Value to_value(double v) { return {v}; }
Value to_value(const std::string& v) { return {v}; }
Value word(std::string_view text) { return {Word{std::string(text)}}; }

Value to_value(const std::vector<double>& v) {
  std::vector<Value> items(v.begin(), v.end());
  return {std::move(items)};
}

Value to_value(const std::vector<std::string>& v) {
  std::vector<Value> items(v.begin(), v.end());
  return {std::move(items)};
}

Value to_value(const LabelWeights& v) {
  std::vector<Value> items;
  for (const auto& [label, weight] : v) {
    items.emplace_back(std::vector<Value>{Value(label), Value(weight)});
  }
  return {std::move(items)};
}

Value to_value(const Matrix& v) {
  std::vector<Value> rows;
  for (Index i = 0; i < v.rows(); ++i) {
    const double* row = v.data() + i * v.cols();
    rows.push_back(to_value(std::vector<double>(row, row + v.cols())));
  }
  return {std::move(rows)};
}

Value to_value(const Estimator& v) {
  Pipe pipe = v.to_pipe();
  const bool bare =
      pipe.steps.size() == 1 && pipe.steps[0].arguments.empty() && pipe.steps[0].branches.empty();
  if (bare) return word(pipe.steps[0].name);  // as it reads back from text
  return {std::move(pipe)};
}

std::string read(const Value& value, bool& out, const Registry&) {
  const auto* v = std::get_if<bool>(&value.data);
  if (v == nullptr) return "true or false";
  out = *v;
  return {};
}

std::string read(const Value& value, std::int64_t& out, const Registry&) {
  const auto* v = std::get_if<std::int64_t>(&value.data);
  if (v == nullptr) return "an integer";
  out = *v;
  return {};
}

std::string read(const Value& value, double& out, const Registry&) {
  if (const auto* whole = std::get_if<std::int64_t>(&value.data)) {
    out = static_cast<double>(*whole);
    return {};
  }
  const auto* v = std::get_if<double>(&value.data);
  if (v == nullptr) return "a number";
  out = *v;
  return {};
}

std::string read(const Value& value, std::string& out, const Registry&) {
  const std::string* text = as_text(value);
  if (text == nullptr) return "a text";
  out = *text;
  return {};
}

template <class T>
std::string read_list(const Value& value, std::vector<T>& out, const Registry& registry,
                      const char* what) {
  const auto* items = std::get_if<std::vector<Value>>(&value.data);
  if (items == nullptr) return what;
  std::vector<T> read_items(items->size());
  for (std::size_t i = 0; i < items->size(); ++i) {
    if (!read((*items)[i], read_items[i], registry).empty()) return what;
  }
  out = std::move(read_items);
  return {};
}

std::string read(const Value& value, std::vector<double>& out, const Registry& registry) {
  return read_list(value, out, registry, "a list of numbers");
}

std::string read(const Value& value, std::vector<std::string>& out, const Registry& registry) {
  return read_list(value, out, registry, "a list of texts");
}

std::string read(const Value& value, LabelWeights& out, const Registry& registry) {
  constexpr const char* expected = "a list of [label, weight]";
  const auto* items = std::get_if<std::vector<Value>>(&value.data);
  if (items == nullptr) return expected;
  LabelWeights weights;
  for (const Value& item : *items) {
    const auto* pair = std::get_if<std::vector<Value>>(&item.data);
    if (pair == nullptr || pair->size() != 2) return expected;
    auto& [label, weight] = weights.emplace_back();
    if (const auto* whole = std::get_if<std::int64_t>(&(*pair)[0].data)) {
      label = std::to_string(*whole);
    } else if (!read((*pair)[0], label, registry).empty()) {
      return expected;
    }
    if (!read((*pair)[1], weight, registry).empty()) return expected;
  }
  out = std::move(weights);
  return {};
}

std::string read(const Value& value, Matrix& out, const Registry& registry) {
  constexpr const char* expected = "a list of rows, [[1, 2], [3, 4]], of one length";
  const auto* items = std::get_if<std::vector<Value>>(&value.data);
  if (items == nullptr || items->empty()) return expected;
  Matrix matrix;
  for (std::size_t i = 0; i < items->size(); ++i) {
    std::vector<double> row;
    if (!read((*items)[i], row, registry).empty() || row.empty()) return expected;
    if (i == 0) matrix.resize(static_cast<Index>(items->size()), static_cast<Index>(row.size()));
    if (static_cast<Index>(row.size()) != matrix.cols()) return expected;
    matrix.row(static_cast<Index>(i)) =
        Eigen::Map<const RowVector>(row.data(), static_cast<Index>(row.size()));
  }
  out = std::move(matrix);
  return {};
}

std::string read(const Value& value, Estimator& out, const Registry& registry) {
  if (const auto* pipe = std::get_if<Pipe>(&value.data)) {
    out = make_estimator(*pipe, registry);
    return {};
  }
  if (const auto* name = std::get_if<Word>(&value.data)) {
    out = make_estimator(Pipe{{Step{name->text, {}, {}, value.position}}}, registry);
    return {};
  }
  return "an estimator";
}

std::string read_name(const Value& value, const std::string_view* names, std::size_t count,
                      std::size_t& out) {
  const std::string* text = as_text(value);
  std::string expected = "one of";
  for (std::size_t i = 0; i < count; ++i) {
    if (text != nullptr && *text == names[i]) {
      out = i;
      return {};
    }
    expected.append(i == 0 ? " " : ", ").append(names[i]);
  }
  if (text != nullptr) {
    const std::string_view near = nearest_name(*text, std::span(names, count));
    if (!near.empty()) expected += " (did you mean " + std::string(near) + "?)";
  }
  return expected;
}

std::string check(std::int64_t v, const Rule& rule) {
  if (rule.allows(static_cast<double>(v))) return {};
  return out_of_rule(std::to_string(v), rule);
}

// No text of a number that is allowed: an option may be a matrix of them.
std::string check(double v, const Rule& rule) {
  if (rule.allows(v)) return {};
  return out_of_rule(to_text(v), rule);
}

std::string check(const std::vector<double>& v, const Rule& rule) {
  for (const double item : v) {
    if (std::string why = check(item, rule); !why.empty()) return why;
  }
  return {};
}

std::string check(const LabelWeights& v, const Rule& rule) {
  for (const auto& [label, weight] : v) {
    if (std::string why = check(weight, rule); !why.empty()) return why;
  }
  return {};
}

std::string check(const Matrix& v, const Rule& rule) {
  for (Index i = 0; i < v.size(); ++i) {
    if (std::string why = check(v.data()[i], rule); !why.empty()) return why;
  }
  return {};
}

std::string check(const CountOrShare& v, const Rule& rule) {
  if (const auto* count = std::get_if<std::int64_t>(&v)) return check(*count, rule);
  const double share = std::get<double>(v);
  std::string why = check(share, rule);
  if (why.empty() && !(share <= 1.0)) {
    why = to_text(share) + ", but a share is at most 1.0 (a count has no point)";
  }
  return why;
}

void refuse_value(std::string_view owner, std::string_view option, const Value& value,
                  const std::string& expected) {
  throw InvalidArgument("O002", std::string(owner) + ": " + std::string(option) + " = " +
                                    to_text(value) + " is not " + expected);
}

void refuse_range(std::string_view owner, std::string_view option, const std::string& why) {
  throw InvalidArgument("O001", std::string(owner) + ": " + std::string(option) + " = " + why);
}

void refuse_option(std::string_view owner, std::string_view option,
                   const std::vector<std::string_view>& known) {
  std::string help;
  if (known.empty()) {
    help = std::string(owner) + " has no options";
  } else if (const auto near = nearest_name(option, known); !near.empty()) {
    help = "did you mean " + std::string(near) + "?";
  } else {
    help = "its options are";
    const char* between = " ";
    for (const std::string_view name : known) {
      help.append(between).append(name);
      between = ", ";
    }
  }
  throw InvalidArgument("O003", std::string(owner) + " has no option '" + std::string(option) + "'",
                        help);
}

}  // namespace options
}  // namespace lathe
