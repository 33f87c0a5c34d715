#include "lathe/server/config.h"

#include <fstream>

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"
#include "lathe/server/serve.h"

#include "tests/server/temporary_folder.h"

namespace lathe::server {

namespace {

using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  ServeOptions parse(const std::string& file, const std::string& flags = "") {
    std::ofstream(path_) << file;
    CLI::App app;
    ServeOptions options;
    app.add_option("--model-repository", options.models);
    add_flags(app, options);
    app.parse("--config " + path_ + " " + flags);
    finish_flags(app, options);
    printed_ = to_config(app, options);
    return options;
  }
  // Code, message and help.
  std::string refusal(const std::string& file) {
    try {
      parse(file);
    } catch (const InvalidArgument& error) {
      return error.code() + " " + error.what() + " " + error.help();
    }
    return "taken";
  }

  TemporaryFolder folder_;
  std::string path_ = (folder_.path() / "lathed.toml").string();
  std::string printed_;
};

TEST_F(ConfigTest, SetsWhatTheCommandLineDoesNot) {
  const ServeOptions options = parse(
      "# a comment\n"
      "model-repository = \"/srv/models\"\n"
      "max-cells = 1000  # another\n"
      "poll-seconds = 0.5\n"
      "log-format = 'json'\n"
      "version-policy = \"latest(2)\"\n",
      "--max-cells 2000 --drain-seconds 7");
  EXPECT_EQ(options.models, "/srv/models");
  EXPECT_EQ(options.max_cells, 2000) << "the command line goes first";
  EXPECT_EQ(options.poll_seconds, 0.5);
  EXPECT_EQ(options.log_format, LogFormat::json);
  EXPECT_EQ(options.version_policy, VersionPolicy::latest(2));
  EXPECT_EQ(options.drain_seconds, 7.0);
}

TEST_F(ConfigTest, ModelsHaveTheirOwnPolicies) {
  const ServeOptions options = parse(
      "model-repository = \"m\"\n"
      "[models.penguins]\n"
      "version-policy = \"all\"\n"
      "[models.\"iris.v2\"]\n"
      "version-policy = \"specific(1,3)\"\n");
  ASSERT_EQ(options.version_policies.size(), 2U);
  EXPECT_EQ(options.version_policies.at("penguins"), VersionPolicy::all());
  EXPECT_EQ(options.version_policies.at("iris.v2"), VersionPolicy::specific({1, 3}));
}

TEST_F(ConfigTest, WhatIsPrintedReadsBack) {
  const ServeOptions first = parse(
      "model-repository = \"/srv/models\"\n"
      "max-cells = 1000\n"
      "[models.penguins]\n"
      "version-policy = \"all\"\n");
  const std::string printed = printed_;
  EXPECT_THAT(printed, HasSubstr("max-cells = 1000\n"));
  EXPECT_THAT(printed, HasSubstr("model-control = \"poll\"\n"));
  EXPECT_THAT(printed, HasSubstr("[models.\"penguins\"]\nversion-policy = \"all\"\n"));
  EXPECT_THAT(printed, testing::Not(HasSubstr("config =")));
  const ServeOptions second = parse(printed);
  EXPECT_EQ(printed_, printed);
  EXPECT_EQ(second.max_cells, first.max_cells);
  EXPECT_EQ(second.version_policies, first.version_policies);
}

TEST_F(ConfigTest, AWrongKeyIsRefusedWithTheNearestRightOne) {
  EXPECT_THAT(refusal("max-cell = 1\n"),
              testing::AllOf(HasSubstr("U014"), HasSubstr("\"max-cell\""),
                             HasSubstr("did you mean max-cells?")));
  EXPECT_THAT(refusal("qqqqqqqqqqqqqqq = 1\n"), HasSubstr("the keys are "));
  EXPECT_THAT(refusal("[models.m]\nversion = \"all\"\n"), HasSubstr("\"version\" of a model"));
  EXPECT_THAT(refusal("[modells.m]\nversion-policy = \"all\"\n"),
              testing::AllOf(HasSubstr("no section \"[modells.m]\""),
                             HasSubstr("did you mean [models.m]?")));
  EXPECT_THAT(refusal("[server.m]\nversion-policy = \"all\"\n"), HasSubstr("[models.NAME]"));
  EXPECT_THAT(refusal("config = \"other\"\n"), HasSubstr("U014"));
}

TEST_F(ConfigTest, AWrongValueIsRefusedWithNameRuleAndValue) {
  EXPECT_THAT(refusal("max-cells = 0\n"),
              testing::AllOf(HasSubstr("U015"), HasSubstr("max-cells = 0"),
                             HasSubstr("not in range 1 to 134217728")));
  EXPECT_THAT(refusal("max-cells = many\n"), HasSubstr("max-cells = many"));
  EXPECT_THAT(refusal("max-cells = [1, 2]\n"), HasSubstr("max-cells = 1, 2"));
  EXPECT_THAT(refusal("model-control = \"often\"\n"),
              testing::AllOf(HasSubstr("model-control = often"), HasSubstr("explicit")));
  EXPECT_THAT(refusal("version-policy = \"oldest\"\n"), HasSubstr("latest(N), all or specific"));
  EXPECT_THAT(refusal("[models.m]\nversion-policy = \"oldest\"\n"),
              testing::AllOf(HasSubstr("models.m.version-policy"), HasSubstr("latest(N)")));
  EXPECT_THAT(refusal("model-repository = \"/srv/a#b\"\n"), HasSubstr("has a # in it"));
  EXPECT_THAT(refusal("model-repository = \"m\"\ngrpc-address = \"nowhere\"\n"), HasSubstr("U010"));
}

TEST_F(ConfigTest, RefusalsSayTheFileAndTheLine) {
  EXPECT_THAT(refusal("# a comment\n\nmax-cell = 1\n"),
              HasSubstr("configuration " + path_ + ", line 3: there is no key"));
  EXPECT_THAT(refusal("grace-seconds = 1\n[models.\"a.b\"]\n version-policy='oldest'\n"),
              HasSubstr(path_ + ", line 3: models."));
  EXPECT_THAT(refusal("grace-seconds = ten\n"),
              HasSubstr(path_ + ", line 1: grace-seconds = ten: Value ten not in range"));
  EXPECT_THAT(refusal("max-cells = 1\nmax-queue = 2\nmax-cells = 3\n"),
              HasSubstr(path_ + ", line 3: \"max-cells\" is there already, in line 1"));
  EXPECT_THAT(refusal("max-cells = 1\nmax-cells = 3\n"), HasSubstr("line 2"));
  EXPECT_THAT(refusal("grace-seconds = 1, 2\n"), HasSubstr("it must be one value"));
}

TEST_F(ConfigTest, WhatCannotGoTogetherIsRefused) {
  const std::string models = "model-repository = \"m\"\n";
  for (const char* seconds :
       {"drain-seconds", "poll-seconds", "http-idle-seconds", "keepalive-seconds"}) {
    EXPECT_THAT(refusal(models + seconds + " = nan\n"), HasSubstr("nan is not a number"));
  }
  EXPECT_THAT(refusal(models + "tls-cert = \"c\"\n"), HasSubstr("R037 TLS needs both"));
  EXPECT_THAT(refusal(models + "tls-client-ca = \"c\"\n"), HasSubstr("R037 TLS needs both"));
  EXPECT_THAT(refusal(models + "http-address = \"unix:x\"\n"), HasSubstr("HTTP listens on HOST"));
  EXPECT_THAT(refusal(models + "[models.m]\nversion-policy = \"all\"\n"
                               "[models.m]\nversion-policy = \"latest(2)\"\n"),
              HasSubstr("line 5: \"models.m.version-policy\" is there already, in line 3"));
}

TEST_F(ConfigTest, AByteOrderMarkIsNoPartOfTheFirstKey) {
  EXPECT_EQ(parse("\xEF\xBB\xBFmodel-repository = \"m\"\r\n").models, "m");
}

TEST_F(ConfigTest, WithoutModelsThereIsNothingToServe) {
  EXPECT_THAT(refusal("max-cells = 1000\n"), HasSubstr("--model-repository"));
}

TEST_F(ConfigTest, AFileThatIsNotThereIsAnError) {
  CLI::App app;
  ServeOptions options;
  add_flags(app, options);
  for (const std::string& path :
       {(folder_.path() / "none").string(), folder_.path().string(), std::string("/dev/zero")}) {
    EXPECT_THROW(read_config(app, path, options), IoError) << path;
  }
  EXPECT_NO_THROW(read_config(app, "/dev/null", options));
}

}  // namespace

}  // namespace lathe::server
