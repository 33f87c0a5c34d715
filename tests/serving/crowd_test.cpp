// Clients that are a burden to a running lathed: others are answered throughout, and memory is
// bounded.
#include "tests/serving/crowd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/models.h"
#include "tests/server/temporary_folder.h"
#include "tests/serving/daemon.h"
#include "tests/serving/support.h"

namespace lathe::server {

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t mib = 1U << 20;
constexpr int ok = 0, invalid_argument = 3, resource_exhausted = 8, unimplemented = 12;

class CrowdTest : public testing::Test {
 protected:
  CrowdTest() {
    daemon_ = std::make_unique<Daemon>(
        folder_.path().string(), folder_.path().string(),
        std::vector<std::string>{"--max-message-mib", "2", "--max-memory-mib", "256"});
    for (int i = 0; i < 3; ++i) others_are_answered();  // the heap has its size
    memory_ = daemon_->memory();
  }
  const std::string& address() const { return daemon_->address(); }

  // 1000 requests by other clients, all well.
  void others_are_answered() {
    Load load = load_of(versions_, address());
    load.replies = 1000;
    const LoadReport report = run_load(load);
    EXPECT_THAT(report.errors, ElementsAre()) << report.first_error;
  }
  void expect_memory_within(std::size_t more) const {
    if (memory_is_telling) {
      EXPECT_LT(daemon_->memory(), memory_ + more);
    }
  }

  TemporaryFolder folder_;
  Versions versions_{folder_.path(), 20};
  std::unique_ptr<Daemon> daemon_;
  std::size_t memory_ = 0;
};

TEST_F(CrowdTest, FiveHundredIdleConnections) {
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 500; ++i) idle.push_back(std::make_unique<Client>(address()));
  others_are_answered();
  expect_memory_within(500 * 64 * 1024);
  const std::size_t open = daemon_->open_files();
  EXPECT_GE(open, 500U);
  EXPECT_EQ(daemon_->stop(), 0) << daemon_->log();  // though all are still connected
}

TEST_F(CrowdTest, TwoHundredSlowUploaders) {
  constexpr std::size_t uploaders = 200, rows = 10'000;
  const std::string frame =
      framed(matrix_request("linear", random_matrix(rows, 20, 3), true).SerializeAsString());
  const std::string alone = call_once(address(), "ModelInfer", std::string_view(frame).substr(5));
  memory_ = daemon_->memory();

  std::vector<std::unique_ptr<Client>> slow;
  for (std::size_t i = 0; i < uploaders; ++i) {
    slow.push_back(std::make_unique<Client>(address()));
    slow.back()->open("ModelInfer");
  }
  constexpr std::size_t piece = 16 * 1024;
  std::size_t sent = 0;
  for (int turn = 0; turn < 8; ++turn, sent += piece) {
    for (const auto& client : slow) client->send(std::string_view(frame).substr(sent, piece));
    others_are_answered();
  }
  expect_memory_within(uploaders * (2 * sent + 64 * 1024));

  for (std::size_t i = 0; i < uploaders; i += 20) {  // these come to an end
    Client& client = *slow[i];
    client.send(std::string_view(frame).substr(sent));
    client.end_of_messages();
    client.wait_for_end();
    ASSERT_EQ(client.status(), ok) << client.text();
    EXPECT_EQ(client.reply(), alone);
  }
  slow.clear();  // the others leave in the middle
  others_are_answered();
  EXPECT_EQ(daemon_->stop(), 0) << daemon_->log();
}

// The status of a call that sends `bytes` and ends.
int status_of(const std::string& address, const std::string& method, std::string_view bytes) {
  Client client(address);
  client.open(method);
  client.send(bytes);
  client.end_of_messages();
  client.wait_for_end();
  return client.status();
}

TEST_F(CrowdTest, OversizedAndMalformedMessages) {
  const std::string large = framed(std::string(3 * mib, 'x'));
  const std::string absurd = framed(std::string(9 * mib, 'x'));
  const std::string no_message = framed("\xff\xff\xff\xff");
  const std::string half = framed(versions_.request()).substr(0, 40);
  std::string huge_shape;
  {
    Request request = matrix_request("linear", random_matrix(1, 20, 1), true);
    request.mutable_inputs(0)->set_shape(0, std::int64_t{1} << 62);
    huge_shape = framed(request.SerializeAsString());
  }

  Background load(load_of(versions_, address()));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(status_of(address(), "ModelInfer", large), resource_exhausted);
    EXPECT_EQ(status_of(address(), "ModelStreamInfer", large), ok) << "an error of its reply";
    EXPECT_EQ(status_of(address(), "ModelInfer", absurd), resource_exhausted);
    EXPECT_EQ(status_of(address(), "ModelStreamInfer", absurd), ok);
    EXPECT_EQ(status_of(address(), "ModelInfer", no_message), invalid_argument);
    EXPECT_GT(status_of(address(), "ModelInfer", half), ok);
    EXPECT_EQ(status_of(address(), "ModelInfer", huge_shape), invalid_argument);
    EXPECT_GT(status_of(address(), "ModelInfer", ""), ok);
    EXPECT_EQ(status_of(address(), "NoSuchCall", huge_shape), unimplemented);
  }
  const LoadReport report = load.end();
  EXPECT_THAT(report.errors, ElementsAre()) << report.first_error;
  EXPECT_GT(report.replies, 0U);
  expect_memory_within(32 * mib);
  EXPECT_EQ(daemon_->stop(), 0) << daemon_->log();
}

// gRPC looks at the size of a message once all of it has come: --max-memory-mib is what bounds it.
// While that is reached, gRPC may refuse other calls for want of memory, or close connections that
// are idle at that moment; no reply is wrong, and it passes.
TEST_F(CrowdTest, AMessageWithoutEnd) {
  const std::string claim("\0\xff\xff\xff\xff", 5);  // 4 GiB
  const std::string some(mib, 'x');
  Background load(load_of(versions_, address()));
  Client client(address());
  client.open("ModelInfer");
  client.send(claim);
  std::size_t sent = 0;
  for (; sent < 1024 * mib && client.send(some); sent += mib) client.wait_until_written();
  EXPECT_LT(sent, 512 * mib);
  EXPECT_NE(client.status(), ok);
  LoadReport report = load.end();
  report.errors.erase("RESOURCE_EXHAUSTED");
  report.errors.erase("DISCONNECTED");
  EXPECT_THAT(report.errors, ElementsAre()) << report.first_error;
  EXPECT_GT(report.replies, 0U);
  others_are_answered();
  expect_memory_within(400 * mib);
  EXPECT_EQ(daemon_->stop(), 0) << daemon_->log();
}

TEST_F(CrowdTest, BytesThatAreNotHttp2) {
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const auto frame = [](char type, std::string_view payload) {
    std::string bytes = framed(payload).substr(2);  // length in 3 bytes
    bytes.insert(3, std::string{type, 0, 0, 0, 0, 1});
    return bytes;
  };
  const std::string settings("\0\0\0\4\0\0\0\0\0", 9);
  const std::vector<std::string> nonsense = {
      "",
      "\0",
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),  // a TLS hello
      std::string(100'000, 'A'),
      preface.substr(0, 10),
      preface,
      preface + std::string("\xff\xff\xff\4\0\0\0\0\0", 9),       // a frame of 16 MiB
      preface + settings + frame(1, "\xff\xff\xff\xff\xff\xff"),  // headers beyond any table
      preface + settings + frame(0, "data of a stream that was not opened"),
      preface + settings + frame(9, std::string(10'000, 'c')),  // a continuation of nothing
      preface + settings + frame(77, "of no known type"),
      preface + settings + frame(8, "abc")};  // a window update of 3 bytes
  Background load(load_of(versions_, address()));
  std::vector<RawClient> clients;
  for (int i = 0; i < 20; ++i) {
    for (const std::string& bytes : nonsense) clients.emplace_back(address(), bytes);
  }
  others_are_answered();
  expect_memory_within(32 * mib);
  clients.clear();
  const LoadReport report = load.end();
  EXPECT_THAT(report.errors, ElementsAre()) << report.first_error;
  EXPECT_EQ(daemon_->stop(), 0) << daemon_->log();
}

}  // namespace

}  // namespace lathe::server
