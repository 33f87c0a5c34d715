#include "lathe/server/http/frame.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/server/http/message.h"

namespace lathe::server {

namespace {

using testing::HasSubstr;

constexpr FrameLimits small = {.max_header_bytes = 200, .max_body_bytes = 100};
const std::string post = "POST /x HTTP/1.1\r\nHost: h\r\n";

// "complete", "waits", or the status and the message.
std::string result(const std::string& bytes) {
  RequestFrame frame(small);
  try {
    frame.append(bytes);
  } catch (const HttpError& error) {
    return std::to_string(error.status()) + " " + error.code() + ": " + error.what();
  }
  return frame.complete() ? "complete" : "waits";
}

TEST(Frame, TakesARequestHoweverItComes) {
  const std::string bytes = post + "Content-Length: 5\r\nX: y\r\n\r\nhelloGET";
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    RequestFrame frame(small);
    for (std::size_t at = 0; at < bytes.size(); at += step) frame.append(bytes.substr(at, step));
    ASSERT_TRUE(frame.complete()) << step;
    EXPECT_EQ(frame.head(), post + "X: y\r\n\r\n");
    EXPECT_EQ(frame.body(), "hello");
    frame.next();
    EXPECT_FALSE(frame.complete());
    EXPECT_FALSE(frame.empty()) << "the next has begun";
  }
}

TEST(Frame, PutsChunksTogether) {
  const std::string bytes = post +
                            "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n"
                            "Trailer: t\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n";
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    RequestFrame frame(small);
    for (std::size_t at = 0; at < bytes.size(); at += step) frame.append(bytes.substr(at, step));
    ASSERT_TRUE(frame.complete()) << step;
    EXPECT_EQ(frame.body(), "hello");
    frame.next();
    EXPECT_TRUE(frame.complete());
    EXPECT_EQ(frame.head(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    frame.next();
    EXPECT_TRUE(frame.empty());
  }
}

TEST(Frame, KnowsWhetherTheConnectionStays) {
  const auto stays = [](const std::string& head) {
    RequestFrame frame(small);
    frame.append(head + "\r\n");
    EXPECT_TRUE(frame.complete()) << head;
    return frame.keep_alive();
  };
  EXPECT_TRUE(stays(post));
  EXPECT_FALSE(stays(post + "Connection: Close\r\n"));
  EXPECT_FALSE(stays("GET / HTTP/1.0\r\n"));
  EXPECT_TRUE(stays("GET / HTTP/1.0\r\nConnection: keep-alive\r\n"));
}

TEST(Frame, SaysOnceThatTheBodyMayCome) {
  RequestFrame frame(small);
  frame.append(post + "Content-Length: 2\r\nExpect: 100-continue\r\n");
  EXPECT_FALSE(frame.take_expects_continue()) << "the head is not whole";
  frame.append("\r\n");
  EXPECT_TRUE(frame.take_expects_continue());
  EXPECT_FALSE(frame.take_expects_continue());
  frame.append("hi");
  EXPECT_TRUE(frame.complete());
  EXPECT_THAT(frame.head(), testing::Not(HasSubstr("Expect")));
}

TEST(Frame, RefusesWhatTwoReadersCouldCutDifferently) {
  EXPECT_THAT(result(post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), HasSubstr("400"));
  EXPECT_THAT(result(post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
              HasSubstr("400"));
  for (const char* length : {"-1", "+1", "0x1", "1 1", "", "1,1", "99999999999999999999"}) {
    EXPECT_THAT(result(post + "Content-Length: " + length + "\r\n\r\n"), HasSubstr("400"))
        << length;
  }
  EXPECT_THAT(result(post + "Content-Length : 1\r\n\r\n"), HasSubstr("400")) << "a blank before :";
  EXPECT_THAT(result(post + " folded: 1\r\n\r\n"), HasSubstr("400"));
  EXPECT_THAT(result(post + "X: a\nY: b\r\n\r\n"), HasSubstr("400")) << "a bare line feed";
  EXPECT_THAT(result(post + std::string("X: a\0b\r\n\r\n", 10)), HasSubstr("400"));
  EXPECT_THAT(result(post + "Host: other\r\n\r\n"), HasSubstr("two Host headers"));
  EXPECT_THAT(result("GET / HTTP/1.1\r\n\r\n"), HasSubstr("no Host header"));
  EXPECT_THAT(result("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), HasSubstr("400"));
  EXPECT_THAT(result(post + "Transfer-Encoding: gzip, chunked\r\n\r\n"), HasSubstr("501"));
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_THAT(result(chunked + "x\r\n"), HasSubstr("a chunk's size is \"x\""));
  EXPECT_THAT(result(chunked + "2\r\nabc\r\n"), HasSubstr("longer than its size"));
}

TEST(Frame, HasLimits) {
  EXPECT_EQ(result(post + "Content-Length: 100\r\n\r\n"), "waits");
  EXPECT_THAT(result(post + "Content-Length: 101\r\n\r\n"),
              HasSubstr("413 R050: the body of 101 bytes is larger than the limit of 100"));
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_THAT(result(chunked + "65\r\n"), HasSubstr("413"));
  EXPECT_THAT(result(chunked + "ffffffffffffffff\r\n"), HasSubstr("413"));
  EXPECT_THAT(result(chunked + "33\r\n" + std::string(0x33, 'a') + "\r\n33\r\n"), HasSubstr("413"));
  EXPECT_THAT(result(std::string(201, 'a')), HasSubstr("431")) << "seen before it ends";
  EXPECT_THAT(result(post + "X: " + std::string(200, 'a') + "\r\n\r\n"), HasSubstr("431"));
  EXPECT_THAT(result(chunked + "0\r\n" + std::string(2000, 'a')), HasSubstr("400"));
}

}  // namespace

}  // namespace lathe::server
