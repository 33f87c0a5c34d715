#include "lathe/server/change_listener.h"

#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "tests/server/temporary_folder.h"

namespace lathe::server {

namespace {

using namespace std::chrono_literals;
constexpr auto for_ever = std::chrono::milliseconds::max();  // the test hangs if nothing is heard

TEST(ChangeListener, HearsOfFilesAndFoldersThatComeAndGo) {
  const TemporaryFolder folder;
  ChangeListener listener;
  listener.listen_to({folder.path()});
  EXPECT_FALSE(listener.wait(0ms));

  std::ofstream(folder.path() / "a") << "text";
  EXPECT_TRUE(listener.wait(for_ever));
  EXPECT_FALSE(listener.wait(0ms)) << "that was heard already";
  std::filesystem::rename(folder.path() / "a", folder.path() / "b");
  EXPECT_TRUE(listener.wait(for_ever));
  std::filesystem::create_directory(folder.path() / "c");
  EXPECT_TRUE(listener.wait(for_ever));

  listener.listen_to({folder.path(), folder.path() / "c"});
  std::ofstream(folder.path() / "c" / "d") << "text";
  EXPECT_TRUE(listener.wait(for_ever));
  std::filesystem::remove_all(folder.path() / "c");
  EXPECT_TRUE(listener.wait(for_ever));
}

TEST(ChangeListener, AFolderThatIsNotThereIsPassedOver) {
  const TemporaryFolder folder;
  ChangeListener listener;
  listener.listen_to({folder.path() / "none", folder.path()});
  std::ofstream(folder.path() / "a") << "text";
  EXPECT_TRUE(listener.wait(for_ever));
}

TEST(ChangeListener, IsWokenFromAnotherThread) {
  ChangeListener listener;
  std::jthread other([&] { listener.wake(); });
  EXPECT_FALSE(listener.wait(for_ever));
  EXPECT_FALSE(listener.wait(0ms));
}

}  // namespace

}  // namespace lathe::server
