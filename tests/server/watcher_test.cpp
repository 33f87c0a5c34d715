#include "lathe/server/watcher.h"

#include <condition_variable>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"
#include "lathe/ml/model_file.h"
#include "lathe/server/log.h"

#include "tests/server/models.h"
#include "tests/server/temporary_folder.h"

namespace lathe::server {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class WatcherTest : public testing::Test {
 protected:
  WatcherTest() {
    set_log(LogFormat::text, LogLevel::info, &log_);
    watch();
  }
  ~WatcherTest() override { set_log(LogFormat::text, LogLevel::info); }

  // Anew, with a clock that stands still until the test moves it.
  void watch(WatcherOptions options = {}) {
    options.now = [this] { return now_; };
    watcher_ = std::make_unique<Watcher>(repository_, model_folder(root_), options);
  }
  // Far beyond the settling time of whatever was written.
  void let_time_pass() { now_ = std::chrono::system_clock::now().time_since_epoch() + 24h; }
  std::string log() {
    std::string lines = log_.str();
    log_.str("");
    return lines;
  }
  std::uint64_t quarantined() const { return repository_.counters().quarantined; }

  fs::path file(const std::string& name, const std::string& version) const {
    fs::create_directories(root_ / name / version);
    return root_ / name / version / "model.lathe";
  }
  void put(const std::string& name, const std::string& version, double offset) const {
    save_model(linear_model(2, offset), file(name, version).string(), true);
  }
  static void write(const fs::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  // What the model predicts for a row of zeros: its offset.
  double offset(const std::string& name = "m") const {
    const ServedModelPtr model = repository_.find(name);
    Matrix out(1, 1);
    model->model().predict_into(Matrix::Zero(1, 2), out);
    return std::round(out(0, 0));
  }
  VersionStatus row(std::uint64_t version, const std::string& name = "m") const {
    for (const VersionStatus& status : repository_.index()) {
      if (status.name == name && status.version == version) return status;
    }
    return {name, version, VersionState::unavailable, "not in the index"};
  }

  TemporaryFolder folder_;
  fs::path root_ = folder_.path();
  std::ostringstream log_;
  std::chrono::nanoseconds now_ = std::chrono::system_clock::now().time_since_epoch();
  Repository repository_;
  std::unique_ptr<Watcher> watcher_;
};

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
  EXPECT_THAT(said, HasSubstr("bytes, loaded beside " + bytes + " that serve"));
  EXPECT_THAT(said, HasSubstr("model m version 1 ends with its last call: version 2 serves"));
}

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
  EXPECT_THAT(row(1).reason, HasSubstr("m/1/model.lathe"));
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
  fs::remove(path);
  watcher.scan_once();
  EXPECT_EQ(offset("penguins"), 2);
  EXPECT_THROW(model_file(path), IoError);
  EXPECT_THROW(model_file(root_), IoError);
  write(root_ / "\n.lathe", "");
  EXPECT_THROW(model_file(root_ / "\n.lathe"), InvalidArgument);
}

TEST_F(WatcherTest, ItsThreadFreesWhatCallsHaveLeft) {
  put("m", "1", 1);
  watcher_->scan_once();
  watcher_->start(24h);
  ServedModelPtr call = repository_.find("m");
  const std::weak_ptr<const ServedModel> first = call;
  put("m", "2", 2);
  watcher_->load("m");
  EXPECT_EQ(offset(), 2);
  EXPECT_FALSE(first.expired());
  call.reset();
  while (!first.expired()) std::this_thread::yield();  // for ever, if nobody frees it
  const std::weak_ptr<const ServedModel> second = repository_.find("m");
  watcher_->unload("m");  // changes no file
  while (!second.expired()) std::this_thread::yield();
  watcher_->stop();
  EXPECT_THAT(log(), HasSubstr("model m version 1: its last call has ended"));
}

TEST_F(WatcherTest, ItsThreadFreesAlsoWhereItDoesNotFollowTheFolder) {
  watch({.on_request = true, .follows = false});
  put("m", "1", 1);
  watcher_->scan_once();
  watcher_->start(1ms);
  watcher_->load("m");
  ServedModelPtr call = repository_.find("m");
  const std::weak_ptr<const ServedModel> first = call;
  put("n", "1", 1);  // stays unknown
  watcher_->unload("m");
  watcher_->look_now();
  EXPECT_FALSE(first.expired());
  call.reset();
  while (!first.expired()) std::this_thread::yield();  // for ever, if nobody frees it
  watcher_->stop();
  EXPECT_THAT(log(), HasSubstr("model m version 1: its last call has ended"));
  EXPECT_EQ(row(1, "n").reason, "not in the index");
}

TEST_F(WatcherTest, LooksWhenItIsToldTo) {
  put("m", "1", 1);
  bool listed = false;
  std::mutex mutex;
  std::condition_variable changed;
  watcher_ = std::make_unique<Watcher>(repository_, [&] {  // whose changes nobody hears of
    const std::lock_guard lock(mutex);
    listed = true;
    changed.notify_one();
    return Listing{};
  });
  const auto wait_until_listed = [&] {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return std::exchange(listed, false); });
  };
  watcher_->start(0ms);
  wait_until_listed();  // at the start
  watcher_->look_now();
  wait_until_listed();
  watcher_->stop();
}

TEST_F(WatcherTest, WithoutItsThreadTheLastCallFrees) {
  put("m", "1", 1);
  watcher_->scan_once();
  const std::weak_ptr<const ServedModel> first = repository_.find("m");
  put("m", "2", 2);
  watcher_->load("m");
  EXPECT_TRUE(first.expired());
}

TEST_F(WatcherTest, ItsThreadFindsNewVersions) {
  put("m", "1", 1);
  watcher_->scan_once();
  std::mutex mutex;
  std::condition_variable changed;
  bool found = false;
  repository_.on_change([&](const std::string&, bool) {
    const std::lock_guard lock(mutex);
    found = true;
    changed.notify_one();
  });
  watcher_->start(24h);  // so it is the kernel that tells
  put("m", "2", 2);
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return found; });
  EXPECT_EQ(offset(), 2);
  lock.unlock();
  watcher_->stop();
}

}  // namespace

}  // namespace lathe::server
