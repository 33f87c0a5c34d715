// Which versions of a model serve.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"

#include "tests/server/watcher_fixture.h"

namespace lathe::server {

namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

TEST_F(WatcherTest, ThePolicySaysHowManyVersionsServe) {
  for (const char* version : {"1", "2", "3"}) put("m", version, version[0] - '0');
  watch({.policy = VersionPolicy::latest(2)});
  watcher_->scan_once();
  EXPECT_EQ(offset(), 3) << "the newest answers where none is asked for";
  EXPECT_EQ(repository_.find("m", "2")->version(), 2U);
  EXPECT_THROW((void)repository_.find("m", "1"), Error);
  put("m", "4", 4);
  watcher_->scan_once();
  EXPECT_EQ(row(2).reason, "version 4 serves");
  EXPECT_EQ(repository_.ready("m").size(), 2U);
  fs::remove_all(root_ / "m" / "3");
  watcher_->scan_once();
  EXPECT_EQ(repository_.find("m", "2")->version(), 2U) << "it takes the place of version 3";
}

TEST_F(WatcherTest, ABadVersionTakesNoPlaceOfThePolicy) {
  put("m", "1", 1);
  put("m", "2", 2);
  write(file("m", "3"), "bad");
  watch({.policy = VersionPolicy::latest(2)});
  watcher_->scan_once();
  EXPECT_EQ(repository_.ready("m").size(), 2U);
  EXPECT_EQ(repository_.ready("m")[0]->version(), 1U);
}

TEST_F(WatcherTest, AllVersionsOrTheNamedOnes) {
  for (const char* name : {"m", "few"}) {
    for (const char* version : {"1", "2", "3"}) put(name, version, version[0] - '0');
  }
  watch({.policy = VersionPolicy::all(), .policies = {{"few", VersionPolicy::specific({1, 2})}}});
  watcher_->scan_once();
  EXPECT_EQ(repository_.ready("m").size(), 3U);
  EXPECT_EQ(offset("few"), 2);
  EXPECT_EQ(row(3, "few").reason, "the version policy is specific(1,2)");
  EXPECT_NO_THROW(watcher_->load("few"));
  put("other", "1", 1);
  watch({.policies = {{"other", VersionPolicy::specific({7})}}});
  EXPECT_THROW(watcher_->load("other"), NotFound);
}

TEST_F(WatcherTest, OnRequestNothingIsLoadedUntilItIsAskedFor) {
  put("m", "1", 1);
  put("other", "1", 1);
  watch({.on_request = true});
  watcher_->scan_once();
  EXPECT_TRUE(repository_.ready().empty());
  EXPECT_THAT(row(1).reason, HasSubstr("RepositoryModelLoad"));
  watcher_->load("m");
  EXPECT_EQ(offset(), 1);
  EXPECT_TRUE(repository_.ready("other").empty());
  put("m", "2", 2);
  watcher_->load("m");
  EXPECT_EQ(offset(), 2);
  watcher_->unload("m");
  EXPECT_TRUE(repository_.ready().empty());
}

TEST_F(WatcherTest, AtTheStartTheNewestGoodVersionServes) {
  put("m", "1", 1);
  put("m", "2", 2);
  write(file("m", "3"), "");
  watcher_->scan_once();
  EXPECT_EQ(offset(), 2);
  EXPECT_EQ(row(3).state, VersionState::unavailable);
}

TEST_F(WatcherTest, TakingTheNewestAwayGoesBackToTheOneBefore) {
  put("m", "1", 1);
  put("m", "2", 2);
  watcher_->scan_once();
  fs::remove_all(root_ / "m" / "2");
  watcher_->scan_once();
  EXPECT_EQ(offset(), 1);
  EXPECT_EQ(row(2).reason, "not in the index");
}

TEST_F(WatcherTest, AServingVersionWhoseFolderIsGoneStaysUntilAnotherCanTakeOver) {
  put("m", "1", 1);
  watcher_->scan_once();
  fs::remove_all(root_ / "m" / "1");
  write(file("m", "2"), "bad");
  watcher_->scan_once();
  EXPECT_EQ(offset(), 1);
  EXPECT_THAT(row(1).reason, HasSubstr("its folder is gone"));
  put("m", "2", 2);
  watcher_->scan_once();
  EXPECT_EQ(offset(), 2);
  EXPECT_EQ(row(1).reason, "not in the index");
}

TEST_F(WatcherTest, ARemovedModelIsUnloaded) {
  put("m", "1", 1);
  put("kept", "1", 1);
  watcher_->scan_once();
  fs::remove_all(root_ / "m");
  watcher_->scan_once();
  EXPECT_THROW((void)repository_.find("m"), NotFound);
  EXPECT_EQ(offset("kept"), 1);
}

TEST_F(WatcherTest, AChangedFileOfTheServingVersionIsLoadedAgain) {
  put("m", "1", 1);
  watcher_->scan_once();
  put("m", "1", 5);
  watcher_->scan_once();
  EXPECT_EQ(offset(), 5);
  write(file("m", "1"), "bad");
  watcher_->scan_once();
  EXPECT_EQ(offset(), 5);
  EXPECT_EQ(row(1).state, VersionState::ready);
  EXPECT_THAT(row(1).reason, AllOf(HasSubstr("m/1/model.lathe"),
                                   EndsWith("what was loaded before goes on serving")));
}

TEST_F(WatcherTest, AnUnreadableFolderChangesNothing) {
  put("m", "1", 1);
  watcher_->scan_once();
  fs::rename(root_, root_.string() + "_away");
  EXPECT_THROW(watcher_->scan_once(), IoError);
  EXPECT_EQ(offset(), 1);
  fs::rename(root_.string() + "_away", root_);
  watcher_->scan_once();
  EXPECT_EQ(offset(), 1);
}

TEST_F(WatcherTest, AModelWhoseFolderCannotBeReadHoldsUpNoOther) {
  put("m", "1", 1);
  put("other", "1", 1);
  Listing listing = model_folder(root_)();
  Watcher watcher(repository_, [&] { return listing; });
  watcher.scan_once();
  put("m", "2", 2);
  put("other", "2", 2);
  listing = model_folder(root_)();
  listing.models["m"].clear();
  listing.unreadable = {{"m", "Permission denied"}};
  log();
  for (int i = 0; i < 2; ++i) watcher.scan_once();
  EXPECT_EQ(offset(), 1);
  EXPECT_EQ(offset("other"), 2);
  const std::string lines = log();
  const std::string line =
      "model m: its folder cannot be read: Permission denied; what serves goes on serving";
  EXPECT_THAT(lines, HasSubstr(line));
  EXPECT_EQ(lines.find(line), lines.rfind(line)) << "once";
  EXPECT_THROW(watcher.load("m"), CorruptData);
  listing = model_folder(root_)();
  watcher.scan_once();
  EXPECT_EQ(offset(), 2);
}

TEST_F(WatcherTest, UnloadedModelsStayAwayUntilTheyAreLoaded) {
  put("m", "1", 1);
  watcher_->scan_once();
  watcher_->unload("m");
  put("m", "2", 2);
  watcher_->scan_once();
  EXPECT_THROW((void)repository_.find("m"), Error);
  EXPECT_EQ(row(1).reason, "unloaded on request");
  watcher_->load("m");
  EXPECT_EQ(offset(), 2);
  EXPECT_THROW(watcher_->load("nobody"), NotFound);
  EXPECT_THROW(watcher_->unload("nobody"), NotFound);
}

TEST_F(WatcherTest, LoadingSaysWhyTheNewestCannotBeLoaded) {
  put("m", "1", 1);
  write(file("m", "2"), "bad");
  try {
    watcher_->load("m");
    FAIL() << "version 2 is bad";
  } catch (const CorruptData& error) {
    EXPECT_EQ(error.code(), "R023");
    EXPECT_THAT(error.what(), HasSubstr("version 2"));
  }
  EXPECT_EQ(offset(), 1) << "the older one serves";
}

TEST_F(WatcherTest, ABareFileServesUnderItsOwnName) {
  const fs::path path = root_ / "penguins.lathe";
  save_model(linear_model(2, 1), path.string());
  Watcher watcher(repository_, model_file(path));
  watcher.scan_once();
  EXPECT_EQ(offset("penguins"), 1);
  save_model(linear_model(2, 2), path.string(), true);
  watcher.scan_once();
  EXPECT_EQ(offset("penguins"), 2);
  EXPECT_THAT(log(), AllOf(HasSubstr("model penguins serves: "), Not(HasSubstr("version"))));
  fs::remove(path);
  watcher.scan_once();
  EXPECT_EQ(offset("penguins"), 2);
  EXPECT_EQ(row(1, "penguins").reason,
            "there is no file penguins.lathe; what was loaded before goes on serving");
  EXPECT_THROW(model_file(path), IoError);
  EXPECT_THROW(model_file(root_), IoError);
  write(root_ / "\n.lathe", "");
  EXPECT_THROW(model_file(root_ / "\n.lathe"), InvalidArgument);
}

TEST_F(WatcherTest, ABareFileIsCalledByItsOwnName) {
  const fs::path path = root_ / "penguins.lathe";
  save_model(linear_model(2, 1), path.string());
  Watcher watcher(repository_, model_file(path), {.settle = 0s});
  watcher.load("penguins");
  log();
  write(path, "this is no model");
  watcher.scan_once();
  EXPECT_EQ(offset("penguins"), 1);
  const std::string lines = log();
  EXPECT_THAT(lines, HasSubstr("warning: model penguins: penguins.lathe is not a Lathe model"));
  EXPECT_THAT(lines, HasSubstr("; what was loaded before goes on serving"));
  EXPECT_THAT(lines, Not(HasSubstr("version")));
  try {
    watcher.load("penguins");
    FAIL() << "it is bad";
  } catch (const CorruptData& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("model \"penguins\" cannot be loaded: penguins.lathe is not"));
  }
}

}  // namespace

}  // namespace lathe::server
