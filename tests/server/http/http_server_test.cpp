#include "lathe/server/http/http_server.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"
#include "lathe/server/http/json.h"
#include "lathe/server/http/service.h"
#include "lathe/server/watcher.h"

#include "tests/server/gated_model.h"
#include "tests/server/http/raw_client.h"
#include "tests/server/models.h"

namespace lathe::server {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

std::string get(const std::string& path, const std::string& headers = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n";
}
std::string post(const std::string& path, const std::string& body,
                 const std::string& headers = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    repository_.publish(std::make_shared<ServedModel>("linear", 1, linear_model(2)));
    inference_.set_ready(true);
    options_.address = "127.0.0.1:0";
    options_.threads = 2;
    options_.limits.max_body_bytes = 1 << 20;
  }

  HttpServer& start() {
    server_.emplace(service_, options_);
    return *server_;
  }

  Repository repository_;
  Watcher watcher_{repository_, [] { return Listing{}; }};
  Inference inference_{repository_, watcher_};
  Authority authority_;
  HttpService service_{inference_, repository_, authority_};
  HttpOptions options_;
  std::optional<HttpServer> server_;
};

constexpr const char* predict = "/v2/models/linear/predict";

TEST_F(HttpServerTest, AnswersOneRequestAfterTheOther) {
  const RawClient client(start().address());
  for (int i = 0; i < 5; ++i) {
    const std::string reply = client.ask(post(predict, R"([{"x0":1,"x1":2}])"));
    EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(reply, HasSubstr("\"rows\":[{\"y\":"));
  }
  EXPECT_THAT(client.ask(get("/nothing")), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(client.ask(get("/v2/models/line%61r")), HasSubstr("\"name\":\"linear\""));
  EXPECT_THAT(client.ask("HEAD /v2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              HasSubstr("Connection: close"));
  EXPECT_EQ(client.rest(), "");
}

TEST_F(HttpServerTest, AnswersManyRequestsThatComeAtOnce) {
  const RawClient client(start().address());
  std::string all;
  for (int i = 0; i < 300; ++i) all += get("/healthz");
  client.send(all);
  for (int i = 0; i < 300; ++i) {
    ASSERT_THAT(client.reply(), HasSubstr("{\"live\":true}")) << i;
  }
}

TEST_F(HttpServerTest, TakesChunksAndSaysThatABodyMayCome) {
  const RawClient client(start().address());
  const std::string head =
      std::string("POST ") + predict + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n";
  EXPECT_THAT(client.ask(head + "Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"),
              HasSubstr("\"rows\":[]"));
  client.send(head + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(client.read(go_on.size()), go_on);
  EXPECT_THAT(client.ask("[]"), HasSubstr("\"rows\":[]"));
}

TEST_F(HttpServerTest, ListensOnAllAddressesOfAHost) {
  for (const char* const host : {"localhost:0", "0.0.0.0:0", "[::]:0"}) {
    options_.address = host;
    EXPECT_THAT(RawClient(start().address()).ask(get("/healthz")), HasSubstr("200 OK")) << host;
  }
}

TEST_F(HttpServerTest, RefusesWhatIsNoRequestAndCloses) {
  const std::string address = start().address();
  for (const auto& [bytes, status] : std::vector<std::pair<std::string, std::string>>{
           {"hello\r\n\r\n", "400"},
           {"GET / HTTP/1.1\r\n\r\n", "400"},
           {"FETCH / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "400"},
           {post(predict, "", "Content-Length: 0\r\n"), "400"},
           {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n", "413"},
           {"GET / HTTP/1.1\r\nX: " + std::string(40000, 'x'), "431"},
           {"GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            "414"}}) {
    const RawClient client(address);
    const std::string reply = client.ask(bytes);
    EXPECT_THAT(reply, StartsWith("HTTP/1.1 " + status)) << bytes.substr(0, 60);
    EXPECT_THAT(reply, HasSubstr("{\"error\":\"R0"));
    EXPECT_EQ(client.rest(), "") << "it is closed";
  }
  EXPECT_THAT(RawClient(address).ask(get("/healthz")), HasSubstr("200 OK"));
}

TEST_F(HttpServerTest, RepliesLargerThanTheSocketTakesAtOnceArriveWhole) {
  options_.limits.max_body_bytes = 16 << 20;
  std::string rows = "[";
  for (int i = 0; i < 200000; ++i) rows += R"({"x0":1,"x1":2},)";
  rows.back() = ']';
  const RawClient client(start().address());
  client.send(post(predict, rows));
  const std::string reply = client.reply();
  const std::string_view text = reply;
  const std::size_t body = text.find("\r\n\r\n") + 4;
  EXPECT_EQ(parse_json(text.substr(body))["rows"].size(), 200000U);
}

TEST_F(HttpServerTest, SlowAndIdleConnectionsHoldUpNobody) {
  const std::string address = start().address();
  std::vector<std::unique_ptr<RawClient>> others;
  for (int i = 0; i < 200; ++i) {
    others.push_back(std::make_unique<RawClient>(address));
    ASSERT_TRUE(others.back()->connected());
    if (i % 2 == 0) others.back()->send(post(predict, std::string(1000, ' ')).substr(0, 300));
  }
  const RawClient client(address);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(client.ask(get("/healthz")), HasSubstr("200 OK"));
  }
  const std::string rest(1000, ' ');
  const std::string whole = post(predict, rest);
  EXPECT_THAT(others[0]->ask(whole.substr(300)), HasSubstr("R040")) << "late, but answered";
}

TEST_F(HttpServerTest, TurnsAwayConnectionsPastTheLimit) {
  options_.max_connections = 2;
  const std::string address = start().address();
  const RawClient first(address), second(address);
  EXPECT_THAT(first.ask(get("/healthz")), HasSubstr("200 OK"));
  EXPECT_THAT(second.ask(get("/healthz")), HasSubstr("200 OK"));
  const RawClient third(address);
  const std::string reply = third.ask(get("/healthz"));
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(reply, HasSubstr("Retry-After: 1"));
  EXPECT_THAT(reply, HasSubstr("--http-max-connections"));
}

TEST_F(HttpServerTest, BoundsTheMemoryOfRequestsThatAreNotWhole) {
  options_.max_buffered_bytes = 100000;
  const std::string address = start().address();
  const RawClient first(address), second(address);
  const std::string part = post(predict, std::string(90000, ' ')).substr(0, 80000);
  first.send(part);
  second.send(part);
  // One of them is refused, whichever is read first.
  const RawClient third(address);
  EXPECT_THAT(third.ask(get("/healthz")), HasSubstr("200 OK"));
  const std::string whole = post(predict, std::string(90000, ' '));
  first.send(whole.substr(80000));
  second.send(whole.substr(80000));
  const std::string replies = first.reply() + second.reply();
  EXPECT_THAT(replies, HasSubstr("503"));
  EXPECT_THAT(replies, HasSubstr("--http-memory-mib"));
}

TEST_F(HttpServerTest, BoundsTheMemoryOfRepliesThatAreNotTaken) {
  options_.max_buffered_bytes = 100'000;
  const RawClient client(start().address());
  const std::string reply = client.ask(get("/docs/rapidoc-min.js"));
  EXPECT_EQ(reply.substr(0, 12), "HTTP/1.1 503");
  EXPECT_THAT(reply.substr(0, 1000),
              HasSubstr("R052: requests that arrive and replies that are not taken yet"));
  EXPECT_EQ(client.rest(), "");
  EXPECT_THAT(RawClient(server_->address()).ask(get("/healthz")), HasSubstr("200 OK"));
}

TEST_F(HttpServerTest, WorkIsNotBegunForThoseWhoHaveGone) {
  Gate gate;
  Inference inference(repository_, watcher_, {.threads = 1});
  const HttpService service(inference, repository_, authority_);
  const ServedModelPtr gated = gated_model(gate, true);
  repository_.publish(gated);
  options_.threads = 4;
  HttpServer server(service, options_);
  const std::string request = post("/v2/models/gated/predict", R"([{"x0":1,"x1":2,"x2":3}])");
  const RawClient running(server.address()), patient(server.address());
  running.send(request);
  gate.wait_for(1);
  patient.send(request);
  {
    const RawClient gone(server.address());
    gone.send(request);
    while (gated->counters().pending < 2) std::this_thread::yield();
  }
  gate.open();
  EXPECT_THAT(running.reply(), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(patient.reply(), StartsWith("HTTP/1.1 200 OK"));
  server.drain(1min);
  EXPECT_EQ(gate.came(), 2) << "of three";
  EXPECT_EQ(gated->counters().fail.count(), 1U);
}

TEST_F(HttpServerTest, EndsWhatTakesTooLong) {
  options_.request_time = 1ms;
  options_.idle_time = 1ms;
  const std::string address = start().address();
  const RawClient slow(address);
  slow.send(post(predict, "[]").substr(0, 30));
  EXPECT_THAT(slow.reply(), StartsWith("HTTP/1.1 408"));
  const RawClient idle(address);
  EXPECT_EQ(idle.rest(), "");
}

TEST_F(HttpServerTest, AConnectionStaysAsLongAsItsRequestsComeInTime) {
  options_.idle_time = 1500ms;
  const std::string address = start().address();
  const RawClient client(address);
  EXPECT_THAT(client.ask(get("/healthz")), HasSubstr("\r\nKeep-Alive: timeout=1, "));
  EXPECT_EQ(client.rest(), "") << "nothing was asked for a while";

  const RawClient old(address), closing(address);
  EXPECT_THAT(old.ask("GET /healthz HTTP/1.0\r\n\r\n"), HasSubstr("Connection: close"));
  EXPECT_EQ(old.rest(), "");
  EXPECT_THAT(closing.ask(get("/healthz", "Connection: close\r\n")), HasSubstr("200 OK"));
  EXPECT_EQ(closing.rest(), "");
}

TEST_F(HttpServerTest, TricklingPutsTheEndOfARequestsTimeNotOff) {
  options_.request_time = 100ms;
  const RawClient client(start().address());
  client.send("GET /healthz HTTP/1.1\r\nHost: h\r\nX: ");
  std::jthread trickle([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      client.send("x");
      std::this_thread::sleep_for(5ms);
    }
  });
  const std::string reply = client.reply();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 408"));
  EXPECT_THAT(reply, HasSubstr("R051"));
}

TEST_F(HttpServerTest, RepliesThatAreNotTakenAreGivenUp) {
  options_.request_time = 200ms;
  const RawClient client(start().address());
  std::string all;
  constexpr int requests = 50;  // for more than the sockets hold
  for (int i = 0; i < requests; ++i) all += get("/docs/rapidoc-min.js");
  client.send(all);
  client.wait_until_readable();
  server_->drain(10min);  // it is closed by its time
  std::string replies = client.rest();
  int count = 0;
  for (std::size_t at = 0; (at = replies.find("HTTP/1.1 200", at)) != std::string::npos; ++at) {
    ++count;
  }
  EXPECT_LT(count, requests);
}

TEST_F(HttpServerTest, DrainLetsRequestsEndAndClosesTheRest) {
  HttpServer& server = start();
  const std::string address = server.address();
  const RawClient idle(address), begun(address);
  EXPECT_THAT(idle.ask(get("/healthz")), HasSubstr("200 OK"));
  const std::string request = post(predict, "[]");
  begun.send(get("/healthz") + request.substr(0, request.size() - 1));
  EXPECT_THAT(begun.reply(), HasSubstr("200 OK"));
  std::jthread drain([&] { server.drain(10min); });
  EXPECT_EQ(idle.rest(), "") << "closed at once";
  const std::string reply = begun.ask("]");
  EXPECT_THAT(reply, HasSubstr("200 OK"));
  EXPECT_THAT(reply, HasSubstr("Connection: close"));
  drain.join();
  EXPECT_FALSE(RawClient(address).connected());
}

TEST_F(HttpServerTest, DrainEndsWhatIsNotDoneInTime) {
  HttpServer& server = start();
  const RawClient begun(server.address());
  begun.send(get("/healthz") + "GET");
  EXPECT_THAT(begun.reply(), HasSubstr("200 OK"));
  server.drain(1ms);
  server.drain(1ms);
}

TEST_F(HttpServerTest, RefusesAnAddressThatIsTakenOrNone) {
  options_.address = start().address();
  EXPECT_THROW(HttpServer(service_, options_), IoError);
  for (const char* address : {"", "8000", "localhost:", "unix:x", "::1:80"}) {
    options_.address = address;
    EXPECT_THROW(HttpServer(service_, options_), InvalidArgument) << address;
  }
}

}  // namespace

}  // namespace lathe::server
