#include "lathe/ml/file_write.h"

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "lathe/ml/core/error.h"

#include "tests/ml/temporary_folder.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

mode_t mode(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 0777;
}

std::string refusal(const std::string& path, bool overwrite = false) {
  try {
    write_file_atomically(path, "new", overwrite);
  } catch (const Error& error) {
    return error.code();
  }
  return "written";
}

TEST(WriteFileAtomically, WritesWhatItIsGivenAndNothingElse) {
  const TemporaryFolder folder;
  const std::string bytes("a\0b\n", 4);
  write_file_atomically(folder / "file", bytes, false);
  EXPECT_EQ(read(folder / "file"), bytes);
  EXPECT_THAT(folder.names(), ElementsAre("file"));
}

TEST(WriteFileAtomically, OverwritesOnlyWhereAskedTo) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "old", false);
  EXPECT_EQ(refusal(folder / "file"), "M005");
  EXPECT_EQ(read(folder / "file"), "old");
  EXPECT_EQ(refusal(folder / "file", true), "written");
  EXPECT_EQ(read(folder / "file"), "new");
  EXPECT_THAT(folder.names(), ElementsAre("file"));
}

TEST(WriteFileAtomically, KeepsThePermissionsOfWhatItOverwrites) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "old", false);
  ASSERT_EQ(::chmod((folder / "file").c_str(), 0640), 0);
  write_file_atomically(folder / "file", "new", true);
  EXPECT_EQ(mode(folder / "file"), mode_t{0640});
}

TEST(WriteFileAtomically, DoesNotTakeThePlaceOfWhatIsNoFile) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(write_file_atomically(folder / "pipe", "new", true), IoError);
  EXPECT_TRUE(std::filesystem::is_fifo(folder / "pipe"));
}

TEST(WriteFileAtomically, ReplacesALinkAndLeavesWhatItPointsTo) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "target", "old", false);
  std::filesystem::create_symlink("target", folder / "link");
  EXPECT_EQ(refusal(folder / "link"), "M005");
  EXPECT_EQ(refusal(folder / "link", true), "written");
  EXPECT_EQ(read(folder / "target"), "old");
  EXPECT_EQ(read(folder / "link"), "new");
}

TEST(WriteFileAtomically, RefusesPlacesThatCannotHoldAFile) {
  const TemporaryFolder folder;
  EXPECT_EQ(refusal(folder / "missing/file"), "M006");
  std::filesystem::create_directory(folder / "folder");
  EXPECT_EQ(refusal(folder / "folder", true), "M006");
  EXPECT_THAT(folder.names(), ElementsAre("folder"));
}

TEST(WriteFileAtomically, LeavesNothingBehindWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 2;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string code = refusal(folder / "file");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(code, "M006");
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST(WriteFileAtomically, OneOfTwoWritersWins) {
  const TemporaryFolder folder;
  for (int round = 0; round < 20; ++round) {
    const std::string path = folder / std::to_string(round);
    std::string codes[2];
    {
      std::jthread other([&] { codes[1] = refusal(path); });
      codes[0] = refusal(path);
    }
    EXPECT_THAT(codes, testing::UnorderedElementsAre("written", "M005"));
  }
}

}  // namespace
}  // namespace lathe
