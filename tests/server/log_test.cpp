#include "lathe/server/log.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace lathe::server {

namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { set_log(LogFormat::text, LogLevel::info); }

  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::istringstream in(out_.str());
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }

  std::ostringstream out_;
};

TEST_F(LogTest, TextLinesSayTheMessage) {
  set_log(LogFormat::text, LogLevel::info, &out_);
  log_info("model m serves", {{"model", "m"}});
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_THAT(lines()[0], EndsWith(" info: model m serves"));
}

TEST_F(LogTest, JsonLinesParseWhateverIsInThem) {
  set_log(LogFormat::json, LogLevel::info, &out_);
  log_warning("a \"quote\", a \\, a\nline, % and \xFF", {{"model", "m\x01\xC3"}, {"version", 12}});
  log_error("plain");
  ASSERT_EQ(lines().size(), 2U);
  const json first = json::parse(lines()[0]);
  EXPECT_EQ(first["level"], "warning");
  EXPECT_EQ(first["message"], "a \"quote\", a \\, a\nline, % and \xEF\xBF\xBD");
  EXPECT_EQ(first["version"], 12);
  EXPECT_THAT(first["time"].get<std::string>(), testing::MatchesRegex("....-..-..T..:..:.*"));
  EXPECT_EQ(json::parse(lines()[1])["level"], "error");
}

TEST_F(LogTest, AMessageCannotForgeALine) {
  set_log(LogFormat::text, LogLevel::info, &out_);
  log_info("name\n2026-01-01 error: \x1B[31mforged");
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_THAT(lines()[0], HasSubstr("name\\x0a2026-01-01 error: \\x1b[31mforged"));
}

TEST_F(LogTest, TheLevelIsTheLeastThatIsLogged) {
  set_log(LogFormat::text, LogLevel::warning, &out_);
  log_info("not this");
  log_debug("nor this");
  log_warning("this");
  log_error("and this");
  EXPECT_EQ(lines().size(), 2U);
  EXPECT_THAT(out_.str(), Not(HasSubstr("not this")));
}

}  // namespace

}  // namespace lathe::server
