// What the command line refuses, and how it says so.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cli/run.h"

namespace lathe::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Refusal {
  const char* what;
  std::vector<std::string> arguments;
  int exit_code;
  const char* words;
};

TEST(Cli, RefusalsNameTheCulpritAndExitAsPromised) {
  const Folder folder;
  folder.write("bad.csv", "a,b\n1,2\n3,4,5\n");
  folder.write(
      "typo.csv", "a,y\n" + [] {
        std::string rows;
        for (int i = 0; i < 60; ++i) rows += std::to_string(i) + "," + std::to_string(i % 7) + "\n";
        return rows;
      }() + "n.d.,3\n");
  folder.write("inf.csv", "a,y\n1,2\n2,\n3,4\n");
  folder.write("broken.lathe", "this is no model");
  ASSERT_EQ(fit_ridge(folder), 0);
  const std::vector<Refusal> refusals = {
      {"estimator",
       {"fit", diabetes, "--target", "target", "--pipeline", "rigde", "--output", "x"},
       2,
       "did you mean ridge?"},
      {"option",
       {"fit", diabetes, "--target", "target", "--pipeline", "ridge(alhpa=1)", "--output", "x"},
       2,
       "did you mean alpha?"},
      {"range",
       {"fit", diabetes, "--target", "target", "--pipeline", "ridge(alpha=-1)", "--output", "x"},
       2,
       "must be >= 0"},
      {"grammar",
       {"fit", diabetes, "--target", "target", "--pipeline", "ridge(alpha=1", "--output", "x"},
       2,
       "^"},
      {"splitter",
       {"cv", diabetes, "--target", "target", "--pipeline", "ridge", "--splitter", "kfolds"},
       2,
       "kfold"},
      {"metric",
       {"cv", diabetes, "--target", "target", "--pipeline", "ridge", "--metric", "r3"},
       2,
       "r2"},
      {"target",
       {"fit", diabetes, "--target", "targte", "--pipeline", "ridge", "--output", "x"},
       3,
       "target"},
      {"ragged", {"describe", "bad.csv"}, 3, "bad.csv:3"},
      {"typo", {"describe", "typo.csv"}, 3, "n.d."},
      {"missing target",
       {"fit", "inf.csv", "--target", "y", "--pipeline", "ridge", "--output", "x"},
       3,
       "missing"},
      {"overwriting",
       {"fit", diabetes, "--target", "target", "--pipeline", "ridge", "--output", "m.lathe"},
       2,
       "--force"},
      {"no such table", {"describe", "nowhere.csv"}, 5, "nowhere.csv"},
      {"no such model", {"predict", "nowhere.lathe", diabetes}, 5, "nowhere.lathe"},
      {"no model", {"inspect", "broken.lathe"}, 4, "broken.lathe"},
      {"other columns", {"predict", "m.lathe", weather}, 3, "bmi"},
      {"text for numbers",
       {"predict", "m.lathe", "bad.csv", "--delimiter", "xx"},
       2,
       "--delimiter"},
  };
  for (const Refusal& refusal : refusals) {
    const Outcome outcome = folder.lathe(refusal.arguments);
    EXPECT_EQ(outcome.exit_code, refusal.exit_code) << refusal.what << ": " << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("error["), HasSubstr(refusal.words))) << refusal.what;
    EXPECT_EQ(outcome.out, "") << refusal.what;
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path("x"))) << "a failed fit left a file";
}

bool drives_a_terminal(const std::string& text) {
  return text.find_first_of("\x1b\x07\r\x7f") != std::string::npos ||
         text.find("\xc2\x9b") != std::string::npos;
}

TEST(Cli, ControlCharactersOfATableDoNotReachTheTerminal) {
  const Folder folder;
  folder.write(
      "esc.csv",
      "a\x1b[2J,b,y\n1,\x1b[31mred\x1b[0m,p\x07\n4,\"two\nlines\",q\xc2\x9b\n2,x,q\xc2\x9b\n");
  const Outcome described = folder.lathe({"describe", "esc.csv"});
  ASSERT_EQ(described.exit_code, 0) << described.err;
  EXPECT_FALSE(drives_a_terminal(described.out)) << described.out;
  EXPECT_THAT(described.out, AllOf(HasSubstr(" [31mred [0m 1"), HasSubstr("two lines 1")));

  const Outcome fit = folder.lathe({"fit", "esc.csv", "--target", "y", "--pipeline",
                                    "logistic_regression", "--output", "m.lathe"});
  ASSERT_EQ(fit.exit_code, 0) << fit.err;
  EXPECT_FALSE(drives_a_terminal(fit.err)) << fit.err;
  const Outcome inspect = folder.lathe({"inspect", "m.lathe"});
  ASSERT_EQ(inspect.exit_code, 0) << inspect.err;
  EXPECT_FALSE(drives_a_terminal(inspect.out)) << inspect.out;
  EXPECT_THAT(inspect.out, HasSubstr("two lines"));

  folder.write("new.csv", "a\x1b[2J,b\n1,\x1b[2J\n");
  EXPECT_FALSE(drives_a_terminal(folder.lathe({"predict", "m.lathe", "new.csv"}).err));
  folder.write("other.csv", "b,c\x1b[2J\n1,\x1b[2J\n");
  const Outcome refused = folder.lathe({"predict", "m.lathe", "other.csv"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_FALSE(drives_a_terminal(refused.err)) << refused.err;
}

TEST(Cli, NumbersOfFlagsAreReadWholeOrRefused) {
  const Folder folder;
  const auto cv = [&](const std::string& flag, const std::string& value) {
    return folder.lathe(
        {"cv", diabetes, "--target", "target", "--pipeline", "ridge", flag, value, "--json"});
  };
  for (const char* value : {"-1", "99999999999999999999999", "1.5", "two", ""}) {
    EXPECT_EQ(cv("--seed", value).exit_code, 2) << value;
  }
  EXPECT_EQ(json::parse(cv("--seed", "18446744073709551615").out)["seed"], 18446744073709551615ULL);
  EXPECT_EQ(json::parse(cv("--seed", "010").out)["seed"], 10);
  for (const char* value : {"0", "-1", "1025", "two"}) {
    const Outcome outcome = cv("--threads", value);
    EXPECT_EQ(outcome.exit_code, 2) << value;
    EXPECT_THAT(outcome.err, HasSubstr("is not a whole number from 1 to 1024")) << value;
  }
  setenv("LATHE_NUM_THREADS", "5000", 1);
  const Outcome outcome = folder.lathe({"describe", diabetes});
  unsetenv("LATHE_NUM_THREADS");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err,
              HasSubstr("error[O004]: LATHE_NUM_THREADS = 5000, but it must be in [1, 1024]"));
}

TEST(Cli, UsageErrorsHaveTheirCodeAndACure) {
  const Folder folder;
  const std::vector<Refusal> refusals = {
      {"command", {"ft", penguins}, 2, "lathe has no command 'ft'\n  = help: did you mean fit?"},
      {"no command", {}, 2, "no command is given\n  = help: `lathe --help` lists them"},
      {"missing flag",
       {"fit", penguins, "--output", "x"},
       2,
       "--pipeline EXPR is not given\n  = help: what to fit; `lathe list` has the names"},
      {"missing flags",
       {"fit", penguins},
       2,
       "--pipeline EXPR and --output FILE are not given\n  = help: `lathe fit --help` shows how"},
      {"flag",
       {"fit", penguins, "--targt", "species"},
       2,
       "lathe fit has no flag --targt\n  = help: did you mean --target?"},
      {"flag with its value", {"cv", penguins, "--metrics=r2"}, 2, "did you mean --metric?"},
      {"argument",
       {"describe", penguins, "more.csv"},
       2,
       "'more.csv' is one argument too many for lathe describe"},
      {"flag before the command",
       {"--threads", "2", "describe", penguins},
       2,
       "lathe has no flag --threads"},
      {"number",
       {"describe", penguins, "--threads", "two"},
       2,
       "--threads: 'two' is not a whole number from 1 to 1024"},
      {"no value", {"describe", penguins, "--target"}, 2, "--target: the value is missing"},
      {"twice",
       {"describe", penguins, "--target", "a", "--target", "b"},
       2,
       "--target is given 2 times, but takes one value"},
      {"positional", {"score", "m.lathe"}, 2, "DATA is not given\n  = help: a CSV file"},
#ifdef LATHE_SERVER
      {"nothing to serve", {"serve"}, 2, "MODEL is not given: there is nothing to serve"},
#endif
  };
  for (const Refusal& refusal : refusals) {
    const Outcome outcome = folder.lathe(refusal.arguments);
    EXPECT_EQ(outcome.exit_code, refusal.exit_code) << refusal.what << ": " << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(StartsWith("error[U001]: "), HasSubstr(refusal.words)))
        << refusal.what;
    EXPECT_EQ(outcome.out, "") << refusal.what;
  }
  EXPECT_EQ(folder.lathe({"help"}).out, folder.lathe({"--help"}).out);
  EXPECT_EQ(folder.lathe({"help", "fit"}).out, folder.lathe({"fit", "--help"}).out);
  EXPECT_EQ(folder.lathe({"help"}).exit_code, 0);
}

TEST(Cli, AnOutputIsAFileThatIsNoInput) {
  const Folder folder;
  const std::string table = folder.write("t.csv", read_file(diabetes));
  const std::vector<std::string> fit = {"fit",        table,   "--target", "target",
                                        "--pipeline", "ridge", "--output"};
  const auto fit_into = [&](const std::string& file) {
    std::vector<std::string> command = fit;
    command.insert(command.end(), {file, "--force"});
    return folder.lathe(command);
  };
  ASSERT_EQ(fit_into("m.lathe").exit_code, 0);
  const std::string model = read_file(folder.path("m.lathe"));
  std::filesystem::create_directory(folder.path("folder"));
  std::filesystem::create_symlink(folder.path("t.csv"), folder.path("link.csv"));

  const auto predict_into = [&](const std::string& file) {
    return folder.lathe({"predict", "m.lathe", table, "--output", file, "--force"});
  };
  for (const char* file : {"m.lathe", "./folder/../m.lathe", "t.csv", "link.csv", "folder", ""}) {
    const Outcome outcome = predict_into(file);
    EXPECT_EQ(outcome.exit_code, 2) << file;
    EXPECT_THAT(outcome.err, StartsWith("error[U005]: ")) << file;
  }
  for (const char* file : {"t.csv", "link.csv", "folder", "-", ""}) {
    const Outcome outcome = fit_into(file);
    EXPECT_EQ(outcome.exit_code, 2) << file;
    EXPECT_THAT(outcome.err, StartsWith("error[U005]: ")) << file;
  }
  EXPECT_EQ(read_file(folder.path("m.lathe")), model);
  EXPECT_EQ(read_file(table), read_file(diabetes));

  const Outcome to_stdout = predict_into("-");
  EXPECT_EQ(to_stdout.out, folder.lathe({"predict", "m.lathe", table}).out);
  EXPECT_FALSE(std::filesystem::exists(folder.path("-")));
  EXPECT_THAT(predict_into("p.csv").err, StartsWith("saved   p.csv ("));
}

TEST(Cli, SentencesReadAsOneWouldSayThem) {
  const Folder folder;
  folder.write("one.csv", "a\n1\n");
  const Outcome one = folder.lathe({"describe", "one.csv"});
  EXPECT_THAT(one.out, AllOf(HasSubstr("1 row, 1 column\n"), Not(HasSubstr("nan"))));
  folder.write("semicolon.csv", "a;b\n1;2\n");
  EXPECT_THAT(folder.lathe({"describe", "semicolon.csv"}).err,
              HasSubstr("= help: --delimiter ';', or "));
  EXPECT_THAT(folder.lathe({"list", "logistic_regression"}).out, HasSubstr("each > 0"));

  const auto fit = [&](const std::string& pipeline, const std::vector<std::string>& more) {
    std::vector<std::string> command = {"fit",        penguins, "--target", "species",
                                        "--pipeline", pipeline, "--output", "m.lathe"};
    command.insert(command.end(), more.begin(), more.end());
    return folder.lathe(command).err;
  };
  const std::string stopped = fit(encode + "logistic_regression(max_iter=1)", {"--strict"});
  EXPECT_THAT(stopped, AllOf(HasSubstr("warning: logistic_regression: stopped after"),
                             HasSubstr("note: the fit did not converge, so that --strict saved "
                                       "nothing\n")));
  EXPECT_THAT(fit("logistic_regression", {}), HasSubstr("2 columns (\"island\", \"sex\") are"));
  EXPECT_THAT(fit("columns(numric: standard_scaler) | logistic_regression", {"--force"}),
              HasSubstr("did you mean \"numeric\"?"));
  EXPECT_THAT(folder
                  .lathe({"cv", penguins, "--target", "species", "--pipeline",
                          "standard_scaler | logistic_regression", "--metric", "r2"})
                  .err,
              HasSubstr("but the pipeline is a classifier"));
  EXPECT_THAT(folder
                  .lathe({"cv", diabetes, "--target", "target", "--pipeline", "ridge", "--splitter",
                          "group_kfold"})
                  .err,
              HasSubstr("--group COLUMN"));
}

TEST(Cli, AFewLinesSayThatANumericTargetIsTakenAsClasses) {
  const Folder folder;
  const Outcome outcome = folder.lathe({"cv", diabetes, "--target", "target", "--pipeline",
                                        "standard_scaler | logistic_regression"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("note: target \"target\" is numeric"),
                                 HasSubstr("a regressor, such as ridge")));
  EXPECT_LT(lines(outcome.err), 20U) << outcome.err;
}

TEST(Cli, AnEmptyTextIsNoDelimiter) {
  const Folder folder;
  const Outcome outcome = folder.lathe({"describe", diabetes, "--delimiter", ""});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--delimiter '' is not one character"));
}

}  // namespace
}  // namespace lathe::testing
