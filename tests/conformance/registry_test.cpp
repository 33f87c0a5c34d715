// What holds for the registry itself and for options, without data.
#include "lathe/ml/registry.h"

#include <cmath>
#include <limits>
#include <set>

#include <gmock/gmock.h>

#include "lathe/ml/core/error.h"

#include "tests/conformance/cases.h"

namespace lathe::conformance {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;

TEST(StandardRegistry, IsSortedByName) {
  std::vector<std::string_view> names;
  for (const EstimatorEntry& entry : registry().entries()) names.push_back(entry.name);
  EXPECT_THAT(names, testing::SizeIs(testing::Ge(1U)));
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end(), std::less_equal<>()));
}

TEST(StandardRegistry, EntriesAreWhatTheyMake) {
  for (const EstimatorEntry& entry : registry().entries()) {
    const Estimator made = entry.make();
    EXPECT_EQ(made.name(), entry.name);
    EXPECT_EQ(made.role(), entry.role) << entry.name;
    EXPECT_FALSE(entry.doc.empty()) << entry.name;
    EXPECT_EQ(made.text(), entry.name) << "defaults are not printed";
    EXPECT_EQ(make_estimator(entry.name), made);
    EXPECT_EQ(registry().find(entry.name), &entry);
    for (const OptionInfo& option : made.options()) {
      EXPECT_FALSE(option.doc.empty()) << entry.name << "." << option.name;
    }
  }
}

TEST(StandardRegistry, TheSuiteHasACaseForEveryEntry) {
  std::set<std::string> covered;
  for (const Case& c : cases()) {
    const Pipe pipe = parse_pipe(c.text);
    if (pipe.steps.size() == 1) covered.insert(pipe.steps[0].name);
  }
  for (const EstimatorEntry& entry : registry().entries()) {
    EXPECT_TRUE(covered.contains(std::string(entry.name))) << entry.name << " has no case";
  }
}

std::string refusal(Estimator estimator, const std::string& option, const Value& value) {
  const Estimator before = estimator;
  try {
    estimator.set(option, value, registry());
  } catch (const InvalidArgument& error) {
    EXPECT_EQ(estimator, before) << "a refused value must change nothing";
    return error.what();
  }
  return "accepted " + to_text(value);
}

// Numbers next to what the rule allows, on the outside.
std::vector<Value> outside(const OptionInfo& option) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Rule& rule = option.rule;
  const bool counts = option.type.find("integer") != std::string::npos;
  const bool numbers = option.type.find("number") != std::string::npos;
  std::vector<double> values;
  if (numbers) {
    values = {std::nan(""), infinity, -infinity};
    if (std::isfinite(rule.lo)) values.push_back(std::nextafter(rule.lo, -infinity));
    if (std::isfinite(rule.hi)) values.push_back(std::nextafter(rule.hi, infinity));
    if (std::isfinite(rule.lo)) values.push_back(rule.lo);
    if (std::isfinite(rule.hi)) values.push_back(rule.hi);
  }
  std::vector<Value> bad;
  for (const double value : values) {
    if (rule.allows(value)) continue;
    bad.emplace_back(value);
    bad.emplace_back(std::vector<Value>{Value(value)});
  }
  if (counts && std::isfinite(rule.lo)) {
    bad.emplace_back(static_cast<std::int64_t>(rule.lo) - 1);
    if (rule.lo_open) bad.emplace_back(static_cast<std::int64_t>(rule.lo));
  }
  if (counts && std::isfinite(rule.hi)) bad.emplace_back(static_cast<std::int64_t>(rule.hi) + 1);
  if (counts && !numbers) bad.emplace_back(3.7);
  return bad;
}

TEST(Options, RefuseWhatIsOutOfRangeAndNameIt) {
  int refused = 0;
  for (const EstimatorEntry& entry : registry().entries()) {
    for (const OptionInfo& option : entry.make().options()) {
      for (const Value& value : outside(option)) {
        EXPECT_THAT(refusal(entry.make(), option.name, value),
                    AllOf(HasSubstr(std::string(entry.name)), HasSubstr(option.name)));
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 5);
}

TEST(Options, RefuseValuesOfAnotherKindAndNameThem) {
  for (const EstimatorEntry& entry : registry().entries()) {
    for (const OptionInfo& option : entry.make().options()) {
      const bool takes_text = option.type.find("text") != std::string::npos;
      const Value value = takes_text ? Value(std::vector<Value>{Value(std::vector<Value>{})})
                                     : Value(std::string("not this"));
      EXPECT_THAT(refusal(entry.make(), option.name, value),
                  AllOf(HasSubstr(std::string(entry.name)), HasSubstr(option.name)));
    }
  }
}

TEST(Options, RefuseUnknownNamesAndNameThem) {
  for (const EstimatorEntry& entry : registry().entries()) {
    EXPECT_THAT(refusal(entry.make(), "no_such_option", Value(std::int64_t{1})),
                AllOf(HasSubstr(std::string(entry.name)), HasSubstr("no_such_option")));
  }
}

using TextForm = Conformance;

TEST_P(TextForm, ReadsBackAsItWasPrinted) {
  const Estimator estimator = estimator_of(GetParam());
  EXPECT_EQ(make_estimator(estimator.text()), estimator) << estimator.text();
  EXPECT_EQ(make_estimator(estimator.text()).text(), estimator.text());
  EXPECT_EQ(parse_pipe(estimator.text()), estimator.to_pipe());
}

TEST_P(TextForm, OptionsSetToTheirOwnValuesChangeNothing) {
  const Estimator estimator = estimator_of(GetParam());
  for (const OptionInfo& option : estimator.options()) {
    Estimator copy = estimator;
    copy.set(option.name, option.value, registry());
    EXPECT_EQ(copy, estimator) << option.name;
    copy.set(option.name, parse_value(to_text(option.value)), registry());
    EXPECT_EQ(copy, estimator) << option.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, TextForm, testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace lathe::conformance
