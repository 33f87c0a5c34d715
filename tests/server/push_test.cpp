#include "lathe/server/push.h"

#include <algorithm>
#include <fstream>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"
#include "lathe/ml/model_file.h"

#include "tests/server/models.h"
#include "tests/server/temporary_folder.h"

namespace lathe::server {

namespace {

namespace fs = std::filesystem;

class PushTest : public testing::Test {
 protected:
  PushTest() {
    fs::create_directory(repository_);
    save_model(linear_model(2), file_.string());
  }
  // What is in a folder, hidden names too.
  static std::vector<std::string> names(const fs::path& folder) {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder)) {
      all.push_back(entry.path().filename().string());
    }
    std::ranges::sort(all);
    return all;
  }

  TemporaryFolder folder_;
  fs::path repository_ = folder_.path() / "models";
  fs::path file_ = folder_.path() / "m.lathe";
};

TEST_F(PushTest, TakesTheNextNumber) {
  EXPECT_EQ(push_model(file_, repository_, "m"), 1U);
  EXPECT_EQ(push_model(file_, repository_, "m"), 2U);
  fs::create_directory(repository_ / "m" / "9");
  EXPECT_EQ(push_model(file_, repository_, "m"), 10U);
  EXPECT_EQ(push_model(file_, repository_, "other"), 1U);
  EXPECT_THAT(names(repository_ / "m"), testing::ElementsAre("1", "10", "2", "9"))
      << "nothing hidden is left";
  EXPECT_EQ(load_model_file((repository_ / "m" / "10" / "model.lathe").string()).contract(),
            load_model_file(file_.string()).contract());
  const auto mode = fs::status(repository_ / "m" / "1").permissions();
  EXPECT_EQ(mode, fs::status(repository_ / "m").permissions()) << "the daemon may be another user";
}

TEST_F(PushTest, PushesAtTheSameTimeNeverCollide) {
  std::vector<std::uint64_t> versions(8);
  {
    std::vector<std::jthread> pushes;
    for (std::uint64_t& version : versions) {
      pushes.emplace_back([&] { version = push_model(file_, repository_, "m"); });
    }
  }
  std::ranges::sort(versions);
  EXPECT_THAT(versions, testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_EQ(names(repository_ / "m").size(), 8U);
}

TEST_F(PushTest, ClearsWhatKilledPushesLeft) {
  const fs::path model = repository_ / "m";
  const auto leave = [&model](const std::string& name) {
    fs::create_directories(model / name);
    std::ofstream(model / name / ".model.lathe.999-0.tmp") << "half";
  };
  leave(".push-999-0");
  leave(".push-" + std::to_string(::getpid()) + "-1000000");
  leave(".mine");
  push_model(file_, repository_, "m");
  EXPECT_THAT(names(model), testing::ElementsAre(".mine", "1"));
}

TEST_F(PushTest, ClearsNothingBesideAnotherPush) {
  const fs::path model = repository_ / "m";
  fs::create_directories(model / ".push-999-0");
  const int other = ::open(model.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(other, LOCK_SH), 0);  // as a push of another process holds it
  push_model(file_, repository_, "m");
  EXPECT_THAT(names(model), testing::ElementsAre(".push-999-0", "1"));
  ::close(other);  // as the kernel does for a process that is killed
  push_model(file_, repository_, "m");
  EXPECT_THAT(names(model), testing::ElementsAre("1", "2"));
}

TEST_F(PushTest, ABadFileIsNotPublished) {
  std::ofstream(file_) << "no model";
  EXPECT_THROW(push_model(file_, repository_, "m"), CorruptData);
  EXPECT_THROW(push_model(folder_.path() / "none.lathe", repository_, "m"), NotFound);
  EXPECT_TRUE(names(repository_).empty());
}

TEST_F(PushTest, RefusesWhatIsNoNameOrNoRepository) {
  for (const char* name : {"", ".hidden", "a/b", "..", "a\nb"}) {
    EXPECT_THROW(push_model(file_, repository_, name), InvalidArgument) << name;
  }
  EXPECT_THROW(push_model(file_, folder_.path() / "none", "m"), IoError);
  EXPECT_THROW(push_model(file_, file_, "m"), IoError);
}

}  // namespace

}  // namespace lathe::server
