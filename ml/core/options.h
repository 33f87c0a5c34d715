// Options described once. An estimator, a splitter or a metric says
//
//   static void describe(auto& self, auto&& field) {
//     field("alpha", self.alpha, at_least(0.0), "strength of the L2 penalty");
//   }
//
// and checking, the text form, JSON, `lathe list` and the saved options all read that.
// An option may be: bool, int64, double, string, an enum with names(), optional<T>, CountOrShare,
// vector<double>, vector<string>, LabelWeights, Matrix, Estimator, and a variant of two of these.
// A struct with a Matrix writes its own ==, since Eigen's takes equal shapes only.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "lathe/ml/core/types.h"
#include "lathe/ml/core/value.h"

namespace lathe {

class Registry;
class Estimator;

using CountOrShare = std::variant<std::int64_t, double>;  // 3 of them, or a share of 0.95
using LabelWeights = std::vector<std::pair<std::string, double>>;

// The numbers that an option allows; it holds for each number of a list, and for what an optional
// holds. NaN is never allowed; infinity only where hi is infinite and closed.
struct Rule {
  double lo = -std::numeric_limits<double>::infinity();
  double hi = std::numeric_limits<double>::infinity();
  bool lo_open = false;
  bool hi_open = true;
  bool nan_allowed = false;

  bool allows(double value) const;
  std::string text() const;  // ">= 0", "in (0, 1]", "any"
};

inline constexpr Rule any_value{};
inline constexpr Rule any_number_or_nan{.hi_open = false, .nan_allowed = true};
inline constexpr Rule share_or_count{.lo = 0.0, .lo_open = true};  // CountOrShare: shares end at 1
constexpr Rule at_least(double lo) { return {.lo = lo}; }
constexpr Rule above(double lo) { return {.lo = lo, .lo_open = true}; }
constexpr Rule between(double lo, double hi) { return {.lo = lo, .hi = hi, .hi_open = false}; }
constexpr Rule inside(double lo, double hi) {
  return {.lo = lo, .hi = hi, .lo_open = true, .hi_open = true};
}

struct OptionInfo {
  std::string name;
  std::string type;  // "integer", "number", "true or false", "one of mean, median", ...
  Value value;
  Value default_value;
  std::string allowed;  // the rule in words, empty where any value goes
  std::string doc;
  Rule rule;  // what `allowed` says
};

namespace options {

// An enum option's names, in the order of its values, found by argument-dependent look-up:
//   enum class Strategy { mean, median };
//   constexpr auto names(Strategy) { return std::array{std::string_view("mean"), ...}; }
template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) {
  names(e).size();
};

Value to_value(bool v);
Value to_value(std::int64_t v);
Value to_value(double v);
Value to_value(const std::string& v);
Value to_value(const std::vector<double>& v);
Value to_value(const std::vector<std::string>& v);
Value to_value(const LabelWeights& v);
Value to_value(const Matrix& v);
Value to_value(const Estimator& v);
Value word(std::string_view text);

// Each returns an empty string, or what the value should have been ("an integer").
std::string read(const Value& value, bool& out, const Registry&);
std::string read(const Value& value, std::int64_t& out, const Registry&);
std::string read(const Value& value, double& out, const Registry&);
std::string read(const Value& value, std::string& out, const Registry&);
std::string read(const Value& value, std::vector<double>& out, const Registry&);
std::string read(const Value& value, std::vector<std::string>& out, const Registry&);
std::string read(const Value& value, LabelWeights& out, const Registry&);
std::string read(const Value& value, Matrix& out, const Registry&);
std::string read(const Value& value, Estimator& out, const Registry&);
std::string read_name(const Value& value, const std::string_view* names, std::size_t count,
                      std::size_t& out);

// Each returns an empty string, or why the rule does not hold.
inline std::string check(bool, const Rule&) { return {}; }
std::string check(std::int64_t v, const Rule& rule);
std::string check(double v, const Rule& rule);
inline std::string check(const std::string&, const Rule&) { return {}; }
std::string check(const std::vector<double>& v, const Rule& rule);
inline std::string check(const std::vector<std::string>&, const Rule&) { return {}; }
std::string check(const LabelWeights& v, const Rule& rule);
std::string check(const Matrix& v, const Rule& rule);
std::string check(const CountOrShare& v, const Rule& rule);
inline std::string check(const Estimator&, const Rule&) { return {}; }

inline std::string type_of(bool) { return "true or false"; }
inline std::string type_of(std::int64_t) { return "integer"; }
inline std::string type_of(double) { return "number"; }
inline std::string type_of(const std::string&) { return "text"; }
inline std::string type_of(const std::vector<double>&) { return "list of numbers"; }
inline std::string type_of(const std::vector<std::string>&) { return "list of texts"; }
inline std::string type_of(const LabelWeights&) { return "list of [label, weight]"; }
inline std::string type_of(const Matrix&) { return "list of rows"; }
inline std::string type_of(const Estimator&) { return "estimator"; }

template <NamedEnum E>
Value to_value(E e) {
  return word(names(e)[static_cast<std::size_t>(e)]);
}
template <NamedEnum E>
std::string read(const Value& value, E& out, const Registry&) {
  const auto known = names(E{});
  std::size_t index = 0;
  std::string problem = read_name(value, known.data(), known.size(), index);
  if (problem.empty()) out = static_cast<E>(index);
  return problem;
}
template <NamedEnum E>
std::string check(E, const Rule&) {
  return {};
}
template <NamedEnum E>
std::string type_of(E) {
  std::string text = "one of";
  const char* between = " ";
  for (std::string_view name : names(E{})) {
    text.append(between).append(name);
    between = ", ";
  }
  return text;
}

// Of two alternatives, the first that the value fits (an integer before a number).
template <class A, class B>
Value to_value(const std::variant<A, B>& v) {
  return v.index() == 0 ? to_value(std::get<0>(v)) : to_value(std::get<1>(v));
}
template <class A, class B>
std::string read(const Value& value, std::variant<A, B>& out, const Registry& registry) {
  A a{};
  const std::string not_a = read(value, a, registry);
  if (not_a.empty()) {
    out = std::move(a);
    return {};
  }
  B b{};
  const std::string not_b = read(value, b, registry);
  if (not_b.empty()) {
    out = std::move(b);
    return {};
  }
  return not_a + " or " + not_b;
}
template <class A, class B>
std::string check(const std::variant<A, B>& v, const Rule& rule) {
  return v.index() == 0 ? check(std::get<0>(v), rule) : check(std::get<1>(v), rule);
}
template <class A, class B>
std::string type_of(const std::variant<A, B>&) {
  return type_of(A{}) + " or " + type_of(B{});
}

template <class T>
Value to_value(const std::optional<T>& v) {
  return v ? to_value(*v) : Value();
}
template <class T>
std::string read(const Value& value, std::optional<T>& out, const Registry& registry) {
  if (std::holds_alternative<None>(value.data)) {
    out.reset();
    return {};
  }
  T inner{};
  std::string problem = read(value, inner, registry);
  if (!problem.empty()) return problem + " or none";
  out = std::move(inner);
  return {};
}
template <class T>
std::string check(const std::optional<T>& v, const Rule& rule) {
  return v ? check(*v, rule) : std::string();
}
template <class T>
std::string type_of(const std::optional<T>&) {
  return type_of(T{}) + " or none";
}

[[noreturn]] void refuse_value(std::string_view owner, std::string_view option, const Value& value,
                               const std::string& expected);
[[noreturn]] void refuse_range(std::string_view owner, std::string_view option,
                               const std::string& why);
[[noreturn]] void refuse_option(std::string_view owner, std::string_view option,
                                const std::vector<std::string_view>& known);

}  // namespace options

// T has `static constexpr std::string_view name` and `describe`.
template <class T>
std::vector<OptionInfo> list_options(const T& object) {
  std::vector<OptionInfo> infos;
  T::describe(object, [&](std::string_view name, const auto& value, const Rule& rule,
                          std::string_view doc) {
    infos.push_back({std::string(name),
                     options::type_of(value),
                     options::to_value(value),
                     {},
                     rule.text(),
                     std::string(doc),
                     rule});
  });
  const T defaults{};
  std::size_t i = 0;
  T::describe(defaults, [&](std::string_view, const auto& value, const Rule&, std::string_view) {
    infos[i++].default_value = options::to_value(value);
  });
  return infos;
}

// Throws InvalidArgument when an option is outside its rule.
template <class T>
void check_options(const T& object) {
  T::describe(object,
              [](std::string_view option, const auto& value, const Rule& rule, std::string_view) {
                const std::string why = options::check(value, rule);
                if (!why.empty()) options::refuse_range(T::name, option, why);
              });
}

// Throws InvalidArgument for an unknown option, a value of the wrong kind, or one out of range;
// nothing is changed then.
template <class T>
void set_option(T& object, std::string_view key, const Value& value, const Registry& registry) {
  bool found = false;
  std::vector<std::string_view> known;
  T::describe(object, [&](std::string_view option, auto& slot, const Rule& rule, std::string_view) {
    known.push_back(option);
    if (option != key) return;
    found = true;
    auto held = slot;
    const std::string expected = options::read(value, held, registry);
    if (!expected.empty()) options::refuse_value(T::name, option, value, expected);
    const std::string why = options::check(held, rule);
    if (!why.empty()) options::refuse_range(T::name, option, why);
    slot = std::move(held);
  });
  if (!found) options::refuse_option(T::name, key, known);
}

// Only what differs from the defaults.
template <class T>
Step to_step(const T& object) {
  Step step{std::string(T::name), {}, {}, 0};
  for (OptionInfo& info : list_options(object)) {
    if (!(info.value == info.default_value)) {
      step.arguments.push_back({std::move(info.name), std::move(info.value), 0});
    }
  }
  return step;
}

}  // namespace lathe
