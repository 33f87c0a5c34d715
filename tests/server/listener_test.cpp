#include "lathe/server/listener.h"

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"

namespace lathe::server {

namespace {

namespace fs = std::filesystem;

int connect_to(const sockaddr* name, socklen_t size) {
  const int connection = ::socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(connection, name, size), 0);
  return connection;
}
int connect_to(const std::string& address) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port =
      htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect_to(reinterpret_cast<const sockaddr*>(&name), sizeof name);
}

std::string read_to_end(int connection) {
  std::string text;
  char buffer[256];
  for (ssize_t got = 1; got > 0;) {
    got = ::recv(connection, buffer, sizeof buffer, 0);
    if (got > 0) text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

// What a listener gave.
class Taken {
 public:
  void operator()(int connection) {
    const std::lock_guard lock(mutex_);
    connections_.push_back(connection);
    changed_.notify_all();
  }
  int at(std::size_t index) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return connections_.size() > index; });
    return connections_[index];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> connections_;
};

TEST(Listener, LetsInAsManyAsMayBeOpenAndTellsTheNextWhy) {
  Taken taken;
  Listener listener("127.0.0.1:0");
  listener.start(2, true, [&](int, int connection) { taken(connection); });
  const int first = connect_to(listener.address());
  const int second = connect_to(listener.address());
  taken.at(1);
  const int third = connect_to(listener.address());
  const std::string told = read_to_end(third);
  EXPECT_THAT(told, testing::StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(told, testing::EndsWith("\r\n\r\nR036: 2 connections are open: that is the limit; "
                                      "raise --max-connections\n"));

  ::close(taken.at(0));  // as gRPC does when the client is gone
  const int fourth = connect_to(listener.address());
  EXPECT_GE(taken.at(2), 0);
  listener.stop();
  for (const int connection : {first, second, third, fourth, taken.at(1), taken.at(2)}) {
    ::close(connection);
  }
}

TEST(Listener, TellsNothingWhereTheClientWouldNotUnderstand) {
  Listener listener("127.0.0.1:0");
  listener.start(0, false, [](int, int) { ADD_FAILURE() << "nobody may come in"; });
  const int connection = connect_to(listener.address());
  EXPECT_EQ(read_to_end(connection), "");
  ::close(connection);
}

// Message and help.
std::string refusal(const std::string& address) {
  try {
    const Listener listener(address);
  } catch (const IoError& error) {
    EXPECT_EQ(error.code(), "R025");
    return std::string(error.what()) + "; " + error.help();
  }
  return "taken";
}

TEST(Listener, SaysWhyItCannotListen) {
  const Listener listener("127.0.0.1:0");
  EXPECT_THAT(refusal(listener.address()), testing::HasSubstr("another server listens there"));
  EXPECT_THAT(refusal("192.0.2.1:0"), testing::EndsWith("the host is not this machine's"));
}

TEST(Listener, MakesAndRemovesItsSocketFile) {
  std::string pattern = (fs::temp_directory_path() / "lathe_XXXXXX").string();
  const fs::path root = mkdtemp(pattern.data());
  const std::string path = (root / "socket").string();
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, path.size());
  const auto connects = [&] {
    const int connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int result = ::connect(connection, reinterpret_cast<const sockaddr*>(&name), sizeof name);
    ::close(connection);
    return result == 0;
  };
  {
    const int left_behind = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(left_behind, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    ::close(left_behind);
  }
  ASSERT_TRUE(fs::exists(path));
  {
    const Listener listener("unix:" + path);
    EXPECT_TRUE(connects());
    EXPECT_THROW(Listener("unix:" + path), IoError) << "a server answers there";
    EXPECT_TRUE(connects()) << "still";
  }
  EXPECT_FALSE(fs::exists(path));
  {
    auto replaced = std::make_unique<Listener>("unix:" + path);
    fs::remove(path);
    const Listener successor("unix:" + path);
    replaced.reset();
    EXPECT_TRUE(connects()) << "it leaves its successor's file alone";
  }
  std::ofstream(path) << "precious";
  EXPECT_THAT(refusal("unix:" + path), testing::HasSubstr("no socket"));
  EXPECT_TRUE(fs::exists(path));
  EXPECT_THAT(refusal("unix:" + (root / "none" / "socket").string()),
              testing::EndsWith("the folder of the socket is not there"));
  fs::remove_all(root);
}

TEST(Listener, ListensOnAllAddressesOfAHost) {
  for (const char* host : {"localhost:0", "0.0.0.0:0", "[::]:0"}) {
    const Listener listener(host);
    EXPECT_THAT(listener.address(), testing::Not(testing::EndsWith(":0")));
    ::close(connect_to(listener.address()));
  }
  EXPECT_THROW(Listener("no-such-host.invalid:0"), IoError);
  EXPECT_THROW(Listener("192.0.2.1:0"), IoError) << "an address of nobody's (RFC 5737)";
}

}  // namespace

}  // namespace lathe::server
