// What the watcher does on its own thread.
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/watcher_fixture.h"

namespace lathe::server {

namespace {

using testing::HasSubstr;

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
