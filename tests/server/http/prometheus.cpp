#include "tests/server/http/prometheus.h"

#include <charconv>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string_view>

#include <gtest/gtest.h>

namespace lathe::server {

namespace {

std::optional<double> number(const std::string& text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string without_suffix(const std::string& name) {
  for (const std::string_view suffix : {"_bucket", "_sum", "_count"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

struct Family {
  std::string name;
  std::string type;
  double last_bucket = 0.0;
};

}  // namespace

Prometheus parse_prometheus(const std::string& text) {
  static const std::regex help(R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) \S.*)");
  static const std::regex type(R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram))");
  static const std::regex sample(
      R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_]\w*="(?:[^"\\]|\\["\\n])*"(?:,[a-zA-Z_]\w*="(?:[^"\\]|\\["\\n])*")*\})? (\S+))re");
  Prometheus page;
  std::set<std::string> seen;
  Family family;
  std::smatch match;
  EXPECT_TRUE(text.ends_with('\n'));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, help)) {
      EXPECT_TRUE(seen.insert(match[1]).second) << "twice: " << line;
      family = {match[1], "", 0.0};
    } else if (std::regex_match(line, match, type)) {
      EXPECT_EQ(match[1], family.name) << line;
      family.type = match[2];
    } else if (std::regex_match(line, match, sample)) {
      const std::string name = match[1];
      const bool histogram = family.type == "histogram";
      EXPECT_EQ(histogram ? without_suffix(name) : name, family.name) << line;
      const std::optional<double> value = number(match[3]);
      EXPECT_TRUE(value.has_value()) << line;
      EXPECT_TRUE(page.emplace(name + match[2].str(), value.value_or(-1.0)).second) << line;
      if (histogram && name.ends_with("_bucket")) {
        EXPECT_GE(*value, family.last_bucket) << line;
        family.last_bucket = *value;
      } else if (histogram && name.ends_with("_count")) {
        EXPECT_EQ(*value, family.last_bucket) << line;
        family.last_bucket = 0.0;
      }
    } else {
      ADD_FAILURE() << "no line of the format: " << line;
    }
  }
  return page;
}

}  // namespace lathe::server
