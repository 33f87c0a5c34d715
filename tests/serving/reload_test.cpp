// New versions and bad ones under a running lathed, while clients ask it.
#include <fstream>
#include <functional>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/temporary_folder.h"
#include "tests/serving/daemon.h"
#include "tests/serving/support.h"

namespace lathe::server {

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class ReloadTest : public testing::Test {
 protected:
  void load_now() { call_once(daemon_.address(), "RepositoryModelLoad", load_request("linear")); }
  // Of the version that answers now.
  std::string serving() {
    inference::ModelInferResponse reply;
    reply.ParseFromString(call_once(daemon_.address(), "ModelInfer", versions_.request()));
    return reply.model_version();
  }
  inference::RepositoryIndexResponse index() {
    inference::RepositoryIndexResponse reply;
    reply.ParseFromString(call_once(daemon_.address(), "RepositoryIndex", ""));
    return reply;
  }

  TemporaryFolder folder_;
  Versions versions_{folder_.path(), 20};
  Daemon daemon_{folder_.path().string(), folder_.path().string()};
};

TEST_F(ReloadTest, AThousandReloadsUnderConstantLoadFailNoRequestAndKeepNoMemory) {
  constexpr std::uint64_t reloads = 1000;
  constexpr std::uint64_t warm = 300;  // by then the heap has its size
  Background load(load_of(versions_, daemon_.address()));
  std::size_t memory = 0;
  for (std::uint64_t version = 2; version <= reloads + 1; ++version) {
    versions_.add(version);
    load_now();
    versions_.remove(version - 1);
    if (version == warm) memory = daemon_.memory();
  }
  EXPECT_EQ(serving(), std::to_string(reloads + 1));
  const LoadReport report = load.end();
  EXPECT_THAT(report.errors, ElementsAre()) << report.first_error;
  EXPECT_GT(report.replies, reloads);
  if (memory_is_telling) {
    EXPECT_LT(daemon_.memory(), memory + memory / 20 + (2U << 20));
  }
  EXPECT_EQ(daemon_.stop(), 0) << daemon_.log();
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

// Twenty ways in which a version is not one.
std::vector<std::string> bad_files(const std::string& good) {
  std::vector<std::string> files = {"", "x", std::string(4096, '\0'), "{\"not\": \"a model\"}"};
  for (const std::size_t share : {1, 2, 3, 4, 5, 6, 7}) {  // half-copied
    files.push_back(good.substr(0, good.size() * share / 8));
  }
  files.push_back(good.substr(0, good.size() - 1));
  files.push_back(good + "x");
  files.push_back(good.substr(1));
  for (const std::size_t place :
       {std::size_t{0}, std::size_t{9}, good.size() / 3, good.size() / 2, good.size() - 1}) {
    files.push_back(good);
    files.back()[place] = static_cast<char>(files.back()[place] ^ 0x20);
  }
  files.push_back(good + good);
  return files;
}

TEST_F(ReloadTest, TwentyBadVersionsNeverStopTheOldOne) {
  const std::vector<std::string> bad = bad_files(read(versions_.file(1)));
  ASSERT_EQ(bad.size(), 20U);
  Load strict = load_of(versions_, daemon_.address());
  strict.check = [this](std::size_t, std::string_view bytes) {
    inference::ModelInferResponse reply;
    reply.ParseFromString(std::string(bytes));
    return reply.model_version() == "1" ? versions_.wrong(reply) : "not version 1";
  };
  Background load(strict);
  std::uint64_t version = 1;
  for (const std::string& bytes : bad) {
    ++version;
    write(versions_.folder(version) / "model.lathe", bytes);
    EXPECT_THROW(load_now(), std::runtime_error) << version;
  }
  fs::create_directories(versions_.folder(++version) / "model.lathe");  // a folder, not a file
  EXPECT_THROW(load_now(), std::runtime_error);
  fs::create_directories(versions_.folder(++version));  // nothing in it
  EXPECT_THROW(load_now(), std::runtime_error);

  int ready = 0;
  const inference::RepositoryIndexResponse rows = index();
  for (const auto& model : rows.models()) {
    ready += model.state() == "READY" ? 1 : 0;
    EXPECT_EQ(model.reason().empty(), model.state() == "READY") << model.version();
  }
  EXPECT_EQ(ready, 1);
  const LoadReport report = load.end();
  EXPECT_THAT(report.errors, ElementsAre()) << report.first_error;
  EXPECT_GT(report.replies, 0U);
  EXPECT_EQ(daemon_.stop(), 0) << daemon_.log();
}

TEST_F(ReloadTest, AHalfCopiedVersionServesOnceItIsWhole) {
  Background load(load_of(versions_, daemon_.address()));
  const std::string good = read(versions_.file(2));
  const fs::path path = versions_.folder(2) / "model.lathe";
  write(path, "");
  constexpr std::size_t piece = 1024;
  for (std::size_t at = 0; at < good.size(); at += piece) {
    EXPECT_EQ(serving(), "1");
    std::ofstream(path, std::ios::binary | std::ios::app) << good.substr(at, piece);
  }
  load_now();
  EXPECT_EQ(serving(), "2");
  const LoadReport report = load.end();
  EXPECT_THAT(report.errors, ElementsAre()) << report.first_error;
  EXPECT_EQ(daemon_.stop(), 0) << daemon_.log();
}

}  // namespace

}  // namespace lathe::server
