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
using ::testing::StartsWith;

TEST(Cli, SaysHowItIsUsed) {
  const Folder folder;
  EXPECT_EQ(folder.lathe({"--help"}).exit_code, 0);
  EXPECT_THAT(folder.lathe({"--help"}).out, HasSubstr("describe"));
  EXPECT_THAT(folder.lathe({"--version"}).out, StartsWith("lathe "));
  EXPECT_THAT(folder.lathe({"--version", "--verbose"}).out,
              AllOf(StartsWith("lathe "), HasSubstr("\nkernels  "), HasSubstr("\nthreads  ")));
  EXPECT_EQ(folder.lathe({}).exit_code, 2);
  EXPECT_EQ(folder.lathe({"fi"}).exit_code, 2);
  EXPECT_EQ(folder.lathe({"fit", penguins}).exit_code, 2);
  EXPECT_THAT(folder.lathe({"fit", penguins}).err, HasSubstr("--pipeline"));
}

TEST(Cli, DescribesATable) {
  const Folder folder;
  const Outcome text = folder.lathe({"describe", penguins, "--target", "species"});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("344 rows, 8 columns"), HasSubstr("species (target)"),
                              HasSubstr("bill_length_mm"), HasSubstr("Adelie 152")));
  const json object = json::parse(folder.lathe({"describe", penguins, "--json"}).out);
  EXPECT_EQ(object["rows"], 344);
  EXPECT_EQ(object["columns"][2]["name"], "bill_length_mm");
  EXPECT_EQ(object["columns"][2]["missing"], 2);
  EXPECT_GT(object["columns"][2]["autocorrelation"], 0.5);  // rows are in order of species
  EXPECT_EQ(object["columns"][0]["levels"][0]["count"], 152);
}

TEST(Cli, FitsPredictsScoresAndInspects) {
  const Folder folder;
  const Outcome fit = folder.lathe({"fit", penguins, "--target", "species", "--pipeline",
                                    encode + "logistic_regression", "--output", "m.lathe", "--cv",
                                    "stratified_kfold(n_splits=3)"});
  ASSERT_EQ(fit.exit_code, 0) << fit.err;
  EXPECT_THAT(fit.out, AllOf(HasSubstr("accuracy"), HasSubstr("saved   m.lathe")));

  const Outcome predict = folder.lathe({"predict", "m.lathe", penguins, "--proba"});
  ASSERT_EQ(predict.exit_code, 0) << predict.err;
  EXPECT_EQ(lines(predict.out), 345U);
  EXPECT_THAT(predict.out,
              StartsWith("prediction,proba_Adelie,proba_Chinstrap,proba_Gentoo\nAdelie,"));
  EXPECT_EQ(predict.err, "");  // the target is no surprise

  // Columns are found by name, in any order; others are ignored, and it says so.
  const Outcome moved = folder.lathe(
      {"predict", "m.lathe", "-"},
      "note,year,sex,body_mass_g,flipper_length_mm,bill_depth_mm,bill_length_mm,island\n"
      "big,2007,female,4500,211,13.2,46.1,Biscoe\n");
  EXPECT_EQ(moved.out, "prediction\nGentoo\n");
  EXPECT_THAT(moved.err, HasSubstr("note"));

  const Outcome score =
      folder.lathe({"score", "m.lathe", penguins, "--metric", "accuracy", "--json"});
  ASSERT_EQ(score.exit_code, 0) << score.err;
  EXPECT_GT(json::parse(score.out)["metrics"]["accuracy"].get<double>(), 0.98);

  const Outcome inspect = folder.lathe({"inspect", "m.lathe", "--json"});
  ASSERT_EQ(inspect.exit_code, 0) << inspect.err;
  const json contract = json::parse(inspect.out)["contract"];
  EXPECT_EQ(contract["targets"][0], "species");
  EXPECT_EQ(contract["scores"][0]["folds"].size(), 3U);
  EXPECT_THAT(folder.lathe({"inspect", "m.lathe"}).out,
              AllOf(HasSubstr("Adelie, Chinstrap, Gentoo"), HasSubstr("cross-validated with")));
}

TEST(Cli, KeepsTrainingRowsInTheModelUnlessToldNotTo) {
  const Folder folder;
  const auto kept = [&](const std::string& file, const std::vector<std::string>& flags) {
    std::vector<std::string> fit = {"fit",        diabetes, "--target", "target",
                                    "--pipeline", "ridge",  "--output", file};
    fit.insert(fit.end(), flags.begin(), flags.end());
    EXPECT_THAT(folder.lathe(fit).out, HasSubstr(" training rows, to warm up a server"));
    const json contract = json::parse(folder.lathe({"inspect", file, "--json"}).out)["contract"];
    return contract.contains("warm_rows") ? contract["warm_rows"].size() : 0;
  };
  EXPECT_EQ(kept("default.lathe", {}), 3U);
  EXPECT_EQ(kept("none.lathe", {"--warm-rows", "0"}), 0U);
  EXPECT_EQ(folder
                .lathe({"fit", diabetes, "--target", "target", "--pipeline", "ridge", "--output",
                        "m.lathe", "--warm-rows", "-1"})
                .exit_code,
            2);
}

#ifdef LATHE_SERVER
TEST(Cli, PushesTheNextVersionIntoARepository) {
  const Folder folder;
  ASSERT_EQ(fit_ridge(folder), 0);
  EXPECT_EQ(folder.lathe({"push", "m.lathe", "models"}).exit_code, 5) << "there is no repository";
  std::filesystem::create_directory(folder.path("models"));
  EXPECT_EQ(folder.lathe({"push", "m.lathe", "models"}).out, "pushed  m version 1 to models\n");
  EXPECT_EQ(folder.lathe({"push", "m.lathe", "models", "--name", "sugar"}).exit_code, 0);
  EXPECT_EQ(folder.lathe({"push", "m.lathe", "models"}).out, "pushed  m version 2 to models\n");
  EXPECT_EQ(read_file(folder.path("models/m/2/model.lathe")), read_file(folder.path("m.lathe")));
  folder.write("bad.lathe", "no model");
  EXPECT_EQ(folder.lathe({"push", "bad.lathe", "models", "--name", "m"}).exit_code, 4);
  EXPECT_EQ(folder.lathe({"push", "m.lathe", "models", "--name", "a/b"}).exit_code, 2);
  EXPECT_EQ(folder.lathe({"push", "m.lathe", "models", "--name", ""}).exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(folder.path("models/m/3")));
}

TEST(Cli, ServeSaysWhatIsWrongWithItsConfiguration) {
  const Folder folder;
  folder.write("lathed.toml", "max-cell = 1\n");
  const Outcome outcome = folder.lathe({"serve", "m.lathe", "--config", "lathed.toml"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean max-cells?"));
}

// Whichever file is at fault, as lathed does.
TEST(Cli, ServeEndsWithTheStatusOfLathed) {
  const Folder folder;
  ASSERT_EQ(fit_ridge(folder), 0);
  const auto serve = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> words = {"serve",  "m.lathe",        "--grpc-address",
                                      "unix:s", "--http-address", "none"};
    words.insert(words.end(), flags.begin(), flags.end());
    return folder.lathe(words).exit_code;
  };
  const std::string tokens = folder.write("tokens", "predict 0123456789abcdef\n");
  std::filesystem::permissions(tokens, std::filesystem::perms{0644});
  EXPECT_EQ(serve({"--token-file", "tokens"}), 2) << "everybody may read it";
  folder.write("tokens", "prophet 0123456789abcdef\n");
  std::filesystem::permissions(tokens, std::filesystem::perms{0600});
  EXPECT_EQ(serve({"--token-file", "tokens"}), 2) << "a line that is none";
  EXPECT_EQ(serve({"--token-file", "none"}), 5);
  EXPECT_EQ(serve({"--tls-cert", "tokens"}), 2) << "without a key";
  EXPECT_EQ(serve({"--tls-cert", "tokens", "--tls-key", "tokens"}), 2) << "no PEM";
  EXPECT_EQ(serve({"--tls-cert", "none", "--tls-key", "tokens"}), 5);
  folder.write("m.lathe", "half");
  EXPECT_EQ(serve({}), 4);
}
#endif

TEST(Cli, PredictsFromStandardInputIntoAFile) {
  const Folder folder;
  ASSERT_EQ(fit_ridge(folder), 0);
  const std::string table = read_file(diabetes);
  const Outcome whole = folder.lathe({"predict", "m.lathe", diabetes});
  const Outcome piped = folder.lathe({"predict", "m.lathe", "-", "--output", "p.csv"}, table);
  ASSERT_EQ(piped.exit_code, 0) << piped.err;
  EXPECT_EQ(piped.out, "");
  EXPECT_EQ(read_file(folder.path("p.csv")), whole.out);

  // A row alone gives what it gave in the table.
  std::string two_rows = table.substr(0, table.find('\n', table.find('\n') + 1) + 1);
  const Outcome alone = folder.lathe({"predict", "m.lathe", "-"}, two_rows);
  EXPECT_EQ(alone.out, whole.out.substr(0, alone.out.size()));
  EXPECT_EQ(lines(alone.out), 2U);
}

TEST(Cli, CrossValidates) {
  const Folder folder;
  const std::vector<std::string> command = {
      "cv",         penguins,
      "--target",   "species",
      "--pipeline", encode + "logistic_regression",
      "--splitter", "stratified_kfold(n_splits=4, shuffle=true)",
      "--metric",   "accuracy",
      "--metric",   "f1(average=macro)",
      "--seed",     "7"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), command.begin(), command.end());
    return folder.lathe(more);
  };
  const Outcome text = with({});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("accuracy"), HasSubstr("mean"), HasSubstr("std")));

  const json object = json::parse(with({"--json"}).out);
  EXPECT_EQ(object["metrics"]["accuracy"]["folds"].size(), 4U);
  EXPECT_TRUE(object["metrics"]["f1(average=macro)"]["mean"].is_number());
  EXPECT_TRUE(object["metrics"]["accuracy"]["std"].is_number());
  EXPECT_TRUE(object["seconds"].is_number());
  EXPECT_EQ(object["splitter"], "stratified_kfold(n_splits=4, shuffle=true)");
  EXPECT_EQ(object["seed"], 7);
  EXPECT_THAT(object["pipeline"].get<std::string>(), HasSubstr("logistic_regression"));

  // Threads change nothing but the time.
  const json threaded = json::parse(with({"--json", "--threads", "3"}).out);
  EXPECT_EQ(object["metrics"], threaded["metrics"]);
}

TEST(Cli, SavesTheModelOfEachFold) {
  const Folder folder;
  const Outcome cv = folder.lathe({"cv", diabetes, "--target", "target", "--pipeline", "ridge",
                                   "--splitter", "kfold(n_splits=3)", "--save", "folds"});
  ASSERT_EQ(cv.exit_code, 0) << cv.err;
  for (const char* name : {"fold-1.lathe", "fold-2.lathe", "fold-3.lathe"}) {
    const Outcome inspect = folder.lathe({"inspect", std::string("folds/") + name, "--json"});
    ASSERT_EQ(inspect.exit_code, 0) << inspect.err;
    EXPECT_LT(json::parse(inspect.out)["contract"]["rows"].get<int>(), 442);
  }
  EXPECT_EQ(
      folder.lathe({"cv", diabetes, "--target", "target", "--pipeline", "ridge", "--save", "folds"})
          .exit_code,
      2)
      << "it overwrote";
}

TEST(Cli, GroupsStayTogether) {
  const Folder folder;
  std::string table = "x,y,who\n";
  for (int i = 0; i < 40; ++i) {
    table += std::to_string(i) + "," + std::to_string(2 * i + i % 3) + ",p" +
             std::to_string(i % 5) + "\n";
  }
  const std::string path = folder.write("t.csv", table);
  const Outcome cv =
      folder.lathe({"cv", path, "--target", "y", "--pipeline", "linear_regression", "--splitter",
                    "group_kfold(n_splits=5)", "--group", "who", "--json"});
  ASSERT_EQ(cv.exit_code, 0) << cv.err;
  EXPECT_EQ(json::parse(cv.out)["metrics"]["r2"]["folds"].size(), 5U);
  EXPECT_EQ(cv.err, "") << "progress is for terminals";

  const Outcome both = folder.lathe({"cv", path, "--target", "y", "--pipeline", "ridge",
                                     "--splitter", "group_kfold", "--group", "y"});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_THAT(both.err, HasSubstr("cannot be the groups"));
}

TEST(Cli, TextColumnsWithoutAnEncoderGetTheDocumentedDefault) {
  const Folder folder;
  const Outcome fit = folder.lathe({"fit", penguins, "--target", "species", "--pipeline",
                                    "logistic_regression", "--output", "m.lathe"});
  ASSERT_EQ(fit.exit_code, 0) << fit.err;
  EXPECT_THAT(fit.err, AllOf(HasSubstr("note: "), HasSubstr("one_hot_encoder")));
}

TEST(Cli, LabelsComeBackAsTheyWentIn) {
  const Folder folder;
  std::string table = "x,code\n";
  for (int i = 0; i < 20; ++i) table += std::to_string(i) + (i < 10 ? ",007\n" : ",8\n");
  const std::string path = folder.write("t.csv", table);
  ASSERT_EQ(folder
                .lathe({"fit", path, "--target", "code", "--pipeline", "logistic_regression",
                        "--output", "m.lathe"})
                .exit_code,
            0);
  EXPECT_THAT(folder.lathe({"predict", "m.lathe", path}).out, StartsWith("prediction\n007\n"));

  // What is not to be compared with is not looked at.
  EXPECT_EQ(folder.lathe({"predict", "m.lathe", "-"}, "x,code\n1,to be seen\n").out,
            "prediction\n007\n");
}

TEST(Cli, AnImputerAloneDoesNotEncodeText) {
  const Folder folder;
  const Outcome fit = folder.lathe({"fit", penguins, "--target", "species", "--pipeline",
                                    "simple_imputer | logistic_regression", "--output", "m.lathe"});
  EXPECT_EQ(fit.exit_code, 0) << fit.err;
  EXPECT_THAT(fit.err, HasSubstr("one_hot_encoder"));
}

TEST(Cli, ListsEverything) {
  const Folder folder;
  const Outcome text = folder.lathe({"list"});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("ridge"), HasSubstr("stratified_kfold"),
                              HasSubstr("adjusted_rand"), HasSubstr("one_hot_encoder")));
  const json one = json::parse(folder.lathe({"list", "ridge", "--json"}).out);
  EXPECT_EQ(one["entries"][0]["options"][0]["name"], "alpha");
  EXPECT_EQ(one["entries"][0]["options"][0]["default"], 1.0);
  EXPECT_EQ(one["entries"][0]["options"][0]["allowed"], ">= 0");
  const json all = json::parse(folder.lathe({"list", "--json"}).out);
  for (const json& entry : all["entries"]) {
    EXPECT_FALSE(entry["doc"].get<std::string>().empty()) << entry["name"];
    EXPECT_EQ(folder.lathe({"list", entry["name"].get<std::string>()}).exit_code, 0);
  }
  EXPECT_EQ(folder.lathe({"list", "rigde"}).exit_code, 2);
  EXPECT_THAT(folder.lathe({"list", "rigde"}).err, HasSubstr("did you mean ridge?"));
}

TEST(Cli, ForceOverwritesAndStrictDoesNotSave) {
  const Folder folder;
  std::vector<std::string> fit = {"fit",        penguins,
                                  "--target",   "species",
                                  "--pipeline", encode + "logistic_regression(max_iter=1)",
                                  "--output",   "m.lathe"};
  const Outcome loose = folder.lathe(fit);
  ASSERT_EQ(loose.exit_code, 0) << loose.err;
  EXPECT_THAT(loose.err, HasSubstr("warning: "));
  fit.push_back("--force");
  EXPECT_EQ(folder.lathe(fit).exit_code, 0);
  const std::string before = read_file(folder.path("m.lathe"));
  fit.push_back("--strict");
  EXPECT_EQ(folder.lathe(fit).exit_code, 6);
  EXPECT_EQ(read_file(folder.path("m.lathe")), before);
}

TEST(Cli, ClustersAndTransformsNeedNoTarget) {
  const Folder folder;
  ASSERT_EQ(folder
                .lathe({"fit", diabetes, "--drop", "target", "--pipeline",
                        "standard_scaler | kmeans(n_clusters=3)", "--output", "k.lathe"})
                .exit_code,
            0);
  const Outcome clusters = folder.lathe({"predict", "k.lathe", diabetes});
  EXPECT_THAT(clusters.out, StartsWith("cluster\n"));
  EXPECT_EQ(lines(clusters.out), 443U);
  ASSERT_EQ(folder
                .lathe({"fit", diabetes, "--drop", "target", "--pipeline",
                        "standard_scaler | pca(n_components=2)", "--output", "t.lathe"})
                .exit_code,
            0);
  EXPECT_EQ(lines(folder.lathe({"predict", "t.lathe", diabetes}).out), 443U);
  const Outcome proba = folder.lathe({"predict", "t.lathe", diabetes, "--proba"});
  EXPECT_NE(proba.exit_code, 0);
  EXPECT_EQ(proba.out, "");
}

TEST(Cli, ScoresAClustererAgainstTextLabels) {
  const Folder folder;
  ASSERT_EQ(folder
                .lathe({"fit", penguins, "--target", "species", "--pipeline",
                        "kmeans(n_clusters=3)", "--output", "k.lathe"})
                .exit_code,
            0);
  const Outcome score = folder.lathe(
      {"score", "k.lathe", penguins, "--metric", "adjusted_rand", "--metric", "silhouette"});
  EXPECT_EQ(score.exit_code, 0) << score.err;
  EXPECT_THAT(score.out, AllOf(HasSubstr("adjusted_rand"), HasSubstr("silhouette")));
}

}  // namespace
}  // namespace lathe::testing
