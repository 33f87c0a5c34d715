#include "lathe/server/watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"

#include "tests/server/watcher_fixture.h"

namespace lathe::server {

namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(WatcherTest, ServesTheNewestVersionOfEachModel) {
  put("m", "9", 9);
  put("m", "10", 10);
  put("other", "1", 1);
  fs::create_directories(root_ / "m" / "notes");
  fs::create_directories(root_ / ".hidden" / "1");
  watcher_->scan_once();
  EXPECT_EQ(offset(), 10);
  EXPECT_EQ(offset("other"), 1);
  EXPECT_EQ(row(9).reason, "version 10 serves");
  EXPECT_EQ(repository_.index().size(), 3U);
  EXPECT_THROW((void)repository_.find("m", "9"), Error);
}

TEST_F(WatcherTest, ANewVersionReplacesTheOld) {
  put("m", "1", 1);
  watcher_->scan_once();
  const ServedModelPtr first = repository_.find("m");
  watcher_->scan_once();
  EXPECT_EQ(repository_.find("m"), first) << "nothing changed, nothing is loaded again";
  put("m", "2", 2);
  watcher_->scan_once();
  EXPECT_EQ(offset(), 2);
}

TEST_F(WatcherTest, ABadVersionLeavesTheOldOneServingAndSaysWhy) {
  put("m", "1", 1);
  watcher_->scan_once();
  write(file("m", "2"), "this is no model");
  watcher_->scan_once();
  EXPECT_EQ(offset(), 1);
  EXPECT_EQ(row(2).state, VersionState::unavailable);
  EXPECT_THAT(row(2).reason, HasSubstr("m/2/model.lathe"));
  EXPECT_THAT(row(2).reason, Not(HasSubstr(root_.string()))) << "no path of the host";
  put("m", "3", 3);
  watcher_->scan_once();
  EXPECT_EQ(offset(), 3) << "the bad one does not stand in the way";
}

TEST_F(WatcherTest, APipeIsRefusedWithoutWaitingForItsWriter) {
  put("m", "1", 1);
  ASSERT_EQ(::mkfifo(file("m", "2").c_str(), 0600), 0);
  watcher_->scan_once();
  EXPECT_EQ(offset(), 1);
  EXPECT_EQ(row(2).reason, "cannot read m/2/model.lathe: it is not a regular file");
}

TEST_F(WatcherTest, NoReasonHoldsAPathOfTheHost) {
  const std::string bytes = model_bytes(linear_model(2, 2));
  std::string newer = bytes;
  newer[8] = 77;
  std::string state = bytes;
  state.back() = static_cast<char>(state.back() + 1);
  write(file("empty", "1"), "");
  write(file("text", "1"), "this is no model");
  write(file("cut", "1"), std::string_view(bytes).substr(0, bytes.size() - 1));
  write(file("newer", "1"), newer);
  write(file("state", "1"), state);
  fs::create_directories(root_ / "nothing" / "1");
  fs::create_directories(file("folder", "1"));
  ASSERT_EQ(::mkfifo(file("pipe", "1").c_str(), 0600), 0);
  fs::create_symlink(root_ / "away", file("dangling", "1"));
  fs::create_symlink(file("loop", "1"), file("loop", "1"));
  watcher_->scan_once();
  EXPECT_EQ(repository_.index().size(), 10U);
  for (const VersionStatus& status : repository_.index()) {
    EXPECT_EQ(status.state, VersionState::unavailable) << status.name;
    EXPECT_THAT(status.reason, HasSubstr(status.name + "/1/model.lathe"));
    EXPECT_THAT(status.reason, Not(HasSubstr(root_.string())));
    try {
      watcher_->load(status.name);
      FAIL() << status.name;
    } catch (const CorruptData& error) {
      EXPECT_THAT(error.what() + error.help(), Not(HasSubstr(root_.string())));
    }
    try {
      (void)repository_.find(status.name);
      FAIL() << status.name;
    } catch (const Error& error) {
      EXPECT_THAT(error.what() + error.help(), Not(HasSubstr(root_.string())));
    }
  }
}

TEST_F(WatcherTest, AModelThatRefusesTheOrdinaryRowServes) {
  save_model(level_model(), file("m", "1").string());
  watcher_->scan_once();
  EXPECT_EQ(row(1).state, VersionState::ready) << row(1).reason;
}

TEST_F(WatcherTest, AHalfCopiedFileIsPublishedWhenItIsWhole) {
  const std::string bytes = model_bytes(linear_model(2, 2));
  put("m", "1", 1);
  watcher_->scan_once();
  (void)log();
  fs::create_directories(root_ / "m" / "2");
  watcher_->scan_once();
  EXPECT_THAT(row(2).reason, HasSubstr("there is no file m/2/model.lathe"));
  for (const std::size_t share :
       {std::size_t{0}, std::size_t{1}, bytes.size() / 2, bytes.size() - 1}) {
    write(file("m", "2"), std::string_view(bytes).substr(0, share));
    watcher_->scan_once();
    watcher_->scan_once();
    EXPECT_EQ(offset(), 1) << share << " bytes are there";
    EXPECT_EQ(row(2).state, VersionState::unavailable);
  }
  EXPECT_EQ(log(), "") << "a copy is no trouble";
  EXPECT_EQ(quarantined(), 0U);
  write(file("m", "2"), bytes);
  watcher_->scan_once();
  EXPECT_EQ(offset(), 2);
  EXPECT_THAT(log(), Not(HasSubstr("warning")));
}

TEST_F(WatcherTest, HalfAFileThatDoesNotGrowIsQuarantined) {
  const std::string bytes = model_bytes(linear_model(2, 2));
  put("m", "1", 1);
  write(file("m", "2"), std::string_view(bytes).substr(0, bytes.size() / 2));
  watcher_->scan_once();
  EXPECT_EQ(quarantined(), 0U);
  let_time_pass();
  (void)log();
  watcher_->scan_once();
  EXPECT_EQ(quarantined(), 1U);
  EXPECT_THAT(log(), HasSubstr("warning: model m version 2 is not served: m/2/model.lathe is "
                               "damaged or incomplete"));
  watcher_->scan_once();
  EXPECT_EQ(quarantined(), 1U);
  EXPECT_EQ(log(), "") << "it is said once";
  write(file("m", "2"), bytes);
  watcher_->scan_once();
  EXPECT_EQ(offset(), 2) << "a changed file is tried again";
}

TEST_F(WatcherTest, AFolderWithoutAFileIsNotAFault) {
  fs::create_directories(root_ / "m" / "1");
  watcher_->scan_once();
  let_time_pass();
  watcher_->scan_once();
  watcher_->scan_once();
  EXPECT_EQ(quarantined(), 0U);
  EXPECT_EQ(row(1).reason, "there is no file m/1/model.lathe");
  EXPECT_THAT(log(), Not(HasSubstr("warning")));
}

TEST_F(WatcherTest, WhatCannotBeACopyIsQuarantinedAtOnce) {
  std::string bytes = model_bytes(linear_model(2, 2));
  bytes[8] = 77;  // the format's version
  write(file("m", "1"), bytes);
  watcher_->scan_once();
  EXPECT_EQ(quarantined(), 1U);
  EXPECT_THAT(log(), HasSubstr("m/1/model.lathe is format 77"));
}

TEST_F(WatcherTest, TheLogSaysWhatMemoryHoldsWhileAModelIsReplaced) {
  put("m", "1", 1);
  watcher_->scan_once();
  const std::string bytes = std::to_string(fs::file_size(file("m", "1")));
  EXPECT_THAT(log(), HasSubstr("version 1 serves: linear_regression (" + bytes + " bytes)"));
  put("m", "2", 2);
  watcher_->scan_once();
  const std::string said = log();
  EXPECT_THAT(said, HasSubstr("bytes, loaded beside " + bytes + " bytes that serve)"));
  EXPECT_THAT(said, HasSubstr("model m version 1 ends with its last call: version 2 serves"));
}

}  // namespace

}  // namespace lathe::server
