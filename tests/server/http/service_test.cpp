#include "lathe/server/http/service.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "lathe/server/call_metrics.h"
#include "lathe/server/http/json.h"
#include "lathe/server/watcher.h"

#include "tests/server/gated_model.h"
#include "tests/server/http/prometheus.h"
#include "tests/server/models.h"

namespace lathe::server {

namespace {

using testing::HasSubstr;

class Service : public testing::Test {
 protected:
  Service() {
    repository_.publish(std::make_shared<ServedModel>("linear", 1, linear_model(2)));
    repository_.publish(std::make_shared<ServedModel>("species", 1, species_model()));
    repository_.publish(std::make_shared<ServedModel>("two words/\xC3\xA9\"", 4, cluster_model()));
    repository_.set_state("broken", 1, VersionState::unavailable, "it is bad");
    inference_.set_ready(true);
  }

  HttpResponse get(const std::string& path) const {
    return service_.answer({.method = "GET", .path = path});
  }
  HttpResponse post(const std::string& path, std::string_view body,
                    const std::string& type = "application/json") const {
    return service_.answer({.method = "POST", .path = path, .body = body, .content_type = type});
  }
  static std::string header(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }

  Repository repository_;
  Watcher watcher_{repository_, [] { return Listing{}; }};
  Inference inference_{repository_, watcher_};
  CallMetrics calls_;
  Authority authority_;
  HttpService service_{
      inference_, repository_, authority_, {.max_json_bytes = 2000, .calls = &calls_}};
};

TEST_F(Service, SaysWhetherItIsReady) {
  for (const char* path : {"/readyz", "/v2/health/ready"}) {
    EXPECT_EQ(get(path).status, 200);
    EXPECT_EQ(get(path).body, R"({"ready":true})");
  }
  inference_.set_ready(false);
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/v2/health/ready").body, R"({"ready":false})");
  for (const char* path : {"/healthz", "/v2/health/live"}) EXPECT_EQ(get(path).status, 200);
}

TEST_F(Service, DescribesTheServerAndItsModels) {
  EXPECT_EQ(parse_json(get("/v2").body)["name"], "lathed");
  EXPECT_EQ(get("/v2/").status, 200) << "a slash at the end";
  for (const char* path : {"/v2/models/linear", "/v2/models/linear/versions/1"}) {
    const Json metadata = parse_json(get(path).body);
    EXPECT_EQ(metadata["inputs"][0]["shape"], Json({-1, 2}));
    EXPECT_EQ(metadata["versions"], Json({"1"}));
  }
  EXPECT_EQ(get("/v2/models/linear/ready").body, R"({"name":"linear","ready":true})");
  EXPECT_EQ(parse_json(get("/v2/models/species/config").body)["input"][0]["data_type"],
            "TYPE_STRING");
  EXPECT_EQ(parse_json(get("/v2/models/stats").body)["model_stats"].size(), 3U);
  EXPECT_EQ(parse_json(get("/v2/models/linear/stats").body)["model_stats"][0]["name"], "linear");
  EXPECT_EQ(get("/v2/models/nobody").status, 404);
  EXPECT_EQ(get("/v2/models/linear/versions/2").status, 404);
  EXPECT_EQ(get("/v2/models/nobody/ready").status, 404);
  EXPECT_EQ(get("/v2/models/broken/ready").status, 503);
  EXPECT_EQ(header(get("/v2/models/broken/ready"), "Retry-After"), "1");
}

TEST_F(Service, InfersAsTheCoreDoes) {
  const std::string_view body =
      R"({"id":"9","inputs":[{"name":"x","datatype":"FP64","shape":[2,2],"data":[1.5,3,0,-1]}]})";
  for (const char* path : {"/v2/models/linear/infer", "/v2/models/linear/versions/1/infer"}) {
    const HttpResponse response = post(path, body);
    ASSERT_EQ(response.status, 200) << response.body;
    Matrix X{{1.5, 3.0}, {0.0, -1.0}};
    inference::ModelInferResponse direct;
    inference_.model_infer(matrix_request("linear", X, true), direct);
    const Json reply = parse_json(response.body);
    EXPECT_EQ(reply["id"], "9");
    EXPECT_EQ(reply["outputs"][0]["data"].get<std::vector<double>>(), numbers(direct));
  }
}

TEST_F(Service, AnswersBinaryWhereAsked) {
  const std::string json =
      R"({"parameters":{"binary_data_output":true},"inputs":[{"name":"x","datatype":"FP64",)"
      R"("shape":[1,2],"parameters":{"binary_data_size":16}}]})";
  const double row[] = {1.0, 2.0};
  const std::string body = json + std::string(reinterpret_cast<const char*>(row), 16);
  const HttpResponse response = service_.answer({.method = "POST",
                                                 .path = "/v2/models/linear/infer",
                                                 .body = body,
                                                 .content_type = "application/octet-stream",
                                                 .json_length = std::to_string(json.size())});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.content_type, "application/octet-stream");
  const auto length = std::stoul(header(response, "Inference-Header-Content-Length"));
  EXPECT_EQ(response.body.size(), length + sizeof(double));
  const Json reply = parse_json(std::string_view(response.body).substr(0, length));
  EXPECT_EQ(reply["outputs"][0]["parameters"]["binary_data_size"], 8);
  for (const char* wrong : {"x", "-1", "1 ", "99999"}) {
    const HttpResponse refused = service_.answer(
        {.method = "POST", .path = "/v2/models/linear/infer", .body = body, .json_length = wrong});
    EXPECT_EQ(refused.status, 400) << wrong;
    EXPECT_THAT(refused.body, HasSubstr("R043")) << wrong;
  }
}

TEST_F(Service, PredictsRows) {
  const HttpResponse response = post("/v2/models/linear/predict", R"([{"x0":1,"x1":2,"z":3}])");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(parse_json(response.body)["ignored_columns"], Json({"z"}));
  EXPECT_EQ(post("/v2/models/linear/versions/1/predict", "[]").status, 200);
  EXPECT_EQ(post("/v2/models/two words/\xC3\xA9\"/predict", "[]").status, 404)
      << "a slash within a name has no path";
}

TEST_F(Service, MediaTypesAreReadInAnyCase) {
  for (const char* type : {"Application/JSON", "application/json ; charset=utf-8"}) {
    const HttpResponse response = service_.answer({.method = "POST",
                                                   .path = "/v2/models/linear/predict",
                                                   .body = "[]",
                                                   .content_type = type});
    EXPECT_EQ(response.status, 200) << type;
  }
}

TEST_F(Service, WithoutTokensAdminCallsNeedANameThatIsThisMachines) {
  const auto status = [&](const char* host) {
    return service_
        .answer({.method = "POST", .path = "/v2/repository/models/nobody/load", .host = host})
        .status;
  };
  for (const char* own : {"", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "lathe"}) {
    EXPECT_EQ(status(own), 404) << own;
  }
  EXPECT_EQ(status("evil.example:8000"), 403);
}

TEST_F(Service, ListsTheRepository) {
  const Json all = parse_json(post("/v2/repository/index", "").body);
  EXPECT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0], (Json{{"name", "broken"},
                          {"version", "1"},
                          {"state", "UNAVAILABLE"},
                          {"reason", "it is bad"}}));
  EXPECT_EQ(parse_json(post("/v2/repository/index", R"({"ready":true})").body).size(), 3U);
  EXPECT_EQ(post("/v2/repository/index", R"({"ready":1})").status, 400);
  EXPECT_EQ(post("/v2/repository/index", "[]").status, 400);
  EXPECT_EQ(post("/v2/repository/models/nobody/load", "").status, 404);
  EXPECT_EQ(post("/v2/repository/models/nobody/unload", "").status, 404);
}

TEST_F(Service, TurnsErrorsIntoStatuses) {
  EXPECT_EQ(get("/nothing").status, 404);
  EXPECT_EQ(get("/").status, 302) << "the root leads to the page";
  EXPECT_EQ(get("/").body, "");
  const HttpResponse wrong_method = get("/v2/models/linear/infer");
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(header(wrong_method, "Allow"), "POST");
  EXPECT_EQ(service_.answer({.method = "HEAD", .path = "/v2"}).status, 200);
  EXPECT_EQ(service_.answer({.method = "DELETE", .path = "/v2"}).status, 405);
  EXPECT_EQ(post("/v2/models/linear/infer", "{}", "text/plain").status, 415);
  EXPECT_EQ(post("/v2/models/linear/infer", "{}", "application/x-www-form-urlencoded").status, 415);
  EXPECT_EQ(post("/v2/models/linear/predict", "[]", "application/json; charset=utf-8").status, 200);
  EXPECT_EQ(service_
                .answer({.method = "POST",
                         .path = "/v2/models/linear/infer",
                         .body = "{}",
                         .content_encoding = "gzip"})
                .status,
            415);
  EXPECT_EQ(post("/v2/models/linear/infer", std::string(2001, ' ')).status, 413);
  EXPECT_EQ(post("/v2/models/linear/predict", std::string(2001, ' ')).status, 413);
  EXPECT_EQ(post("/v2/models/broken/predict", "[]").status, 503);
  const HttpResponse bad = post("/v2/models/linear/predict", "[1]");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(parse_json(bad.body)["code"], "R042");
  EXPECT_THAT(parse_json(bad.body)["error"].get<std::string>(), HasSubstr("R042: row 0"));
}

TEST_F(Service, RefusesWhatPagesOfOtherSitesSend) {
  for (const auto& [site, status] : {std::pair{"cross-site", 403},
                                     {"same-site", 403},
                                     {"same-origin", 404},
                                     {"none", 404},
                                     {"", 404}}) {
    EXPECT_EQ(
        service_
            .answer({.method = "POST", .path = "/v2/repository/models/nobody/unload", .site = site})
            .status,
        status)
        << site;
  }
}

TEST_F(Service, AsksWhoMayCall) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("lathe_tokens_" + std::to_string(getpid()));
  std::ofstream(file) << "predict 0123456789abcdef\nadmin fedcba9876543210\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  const Authority authority(file.string());
  std::filesystem::remove(file);
  const HttpService guarded(inference_, repository_, authority);
  const auto status = [&](const char* method, const char* path, const char* authorization) {
    return guarded.answer({.method = method, .path = path, .authorization = authorization}).status;
  };
  const HttpResponse refused = guarded.answer({.method = "GET", .path = "/v2/models/linear"});
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(header(refused, "WWW-Authenticate"), "Bearer");
  EXPECT_EQ(status("GET", "/v2/models/linear", "Bearer 0123456789abcdef"), 200);
  EXPECT_EQ(status("GET", "/v2/models/linear", "Bearer fedcba9876543210"), 200);
  EXPECT_EQ(status("GET", "/v2/models/linear", "Bearer 0123456789abcdee"), 401);
  EXPECT_EQ(status("POST", "/v2/repository/models/nobody/load", "Bearer 0123456789abcdef"), 403);
  EXPECT_EQ(status("POST", "/v2/repository/models/nobody/load", "Bearer fedcba9876543210"), 404);
  for (const char* path :
       {"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/docs", "/docs/token.js"}) {
    EXPECT_EQ(status("GET", path, ""), 200) << path;
  }
  for (const char* path : {"/metrics", "/openapi.json", "/v2", "/v2/models/linear/ready"}) {
    EXPECT_EQ(status("GET", path, ""), 401) << path;
  }
}

TEST_F(Service, IsNotAdministeredFromAfarWithoutTokens) {
  const HttpService service(inference_, repository_, authority_, {.local = false});
  EXPECT_EQ(
      service.answer({.method = "POST", .path = "/v2/repository/models/linear/unload"}).status,
      403);
  EXPECT_EQ(service.answer({.method = "GET", .path = "/v2/models/linear"}).status, 200);
}

TEST_F(Service, RefusesLongPredictionsPastTheLimit) {
  const HttpService busy(inference_, repository_, authority_,
                         {.max_json_bytes = 1 << 24, .max_long = 0});
  const std::string_view short_one = R"([{"x0":1,"x1":2}])";
  EXPECT_EQ(busy.answer({.method = "POST", .path = "/v2/models/linear/predict", .body = short_one})
                .status,
            200);
  std::string rows = "[";
  for (int i = 0; i < 200000; ++i) rows += R"({"x0":1,"x1":2},)";
  rows.back() = ']';
  const auto timed = std::make_shared<ServedModel>("timed", 1, linear_model(2));
  timed->warm();
  repository_.publish(timed);
  const HttpResponse refused =
      busy.answer({.method = "POST", .path = "/v2/models/timed/predict", .body = rows});
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(header(refused, "Retry-After"), "1");
  EXPECT_THAT(refused.body, HasSubstr("R018"));
}

TEST_F(Service, HonoursTheTimeoutOfARequest) {
  const auto status = [&](const std::string& timeout) {
    return post("/v2/models/linear/infer",
                R"({"parameters":{"timeout":)" + timeout +
                    R"(},"inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"data":[1,2]}]})")
        .status;
  };
  EXPECT_EQ(status("60000000"), 200);
  EXPECT_EQ(status("-1"), 400);
}

TEST_F(Service, CountsInPrometheusForm) {
  post("/v2/models/linear/predict", R"([{"x0":1,"x1":2},{"x0":1,"x1":2}])");
  post("/v2/models/linear/predict", R"([{"x0":1,"x1":null}])");
  calls_.start(CallMetrics::index_of("ModelInfer"));
  calls_.handle(CallMetrics::index_of("ModelInfer"), 3, std::chrono::milliseconds(3));
  repository_.counters().quarantined += 2;
  const HttpResponse response = get("/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  const Prometheus page = parse_prometheus(response.body);
  const std::string linear = R"({model="linear",version="1"})";
  EXPECT_EQ(page.at("nv_inference_request_success" + linear), 1.0);
  EXPECT_EQ(page.at("nv_inference_request_failure" + linear), 1.0);
  EXPECT_EQ(page.at("nv_inference_count" + linear), 2.0);
  EXPECT_EQ(page.at(R"(nv_inference_count{model="two words/)"
                    "\xC3\xA9"
                    R"(\"",version="4"})"),
            0.0);
  EXPECT_EQ(page.at("lathe_inference_duration_seconds_count" + linear), 1.0);
  EXPECT_EQ(
      page.at(R"(lathe_inference_duration_seconds_bucket{model="linear",version="1",le="+Inf"})"),
      1.0);
  for (const char* bound : {"5e-05", "0.0001", "0.025", "0.05", "0.1", "10"}) {
    EXPECT_EQ(
        page.count(R"(lathe_inference_duration_seconds_bucket{model="linear",version="1",le=")" +
                   std::string(bound) + "\"}"),
        1U)
        << bound;
  }
  EXPECT_EQ(page.at(R"(lathe_model_version_ready{model="broken",version="1"})"), 0.0);
  const std::string infer =
      R"(grpc_type="unary",grpc_service="inference.GRPCInferenceService",grpc_method="ModelInfer")";
  EXPECT_EQ(page.at("grpc_server_started_total{" + infer + "}"), 1.0);
  EXPECT_EQ(page.at("grpc_server_handled_total{" + infer + R"(,grpc_code="InvalidArgument"})"),
            1.0);
  EXPECT_EQ(page.at("grpc_server_handling_seconds_bucket{" + infer + R"(,le="0.0025"})"), 0.0);
  EXPECT_EQ(page.at("grpc_server_handling_seconds_bucket{" + infer + R"(,le="0.005"})"), 1.0);
  EXPECT_EQ(page.at("lathe_model_loads_total"), 0.0);
  EXPECT_EQ(page.at("lathe_model_quarantined_total"), 2.0);
  EXPECT_GT(page.at("process_resident_memory_bytes"), 1e6);
  EXPECT_EQ(page.count(R"(lathe_build_info{version="0.1.0"})"), 1U);
}

TEST_F(Service, WorkThatTakesLongIsBoundedAndCounted) {
  Gate gate;
  repository_.publish(gated_model(gate, true));
  const Inference inference(repository_, watcher_, {.threads = 1, .max_queue = 1});
  const auto service = [&](std::ptrdiff_t most) {
    return HttpService(inference, repository_, authority_, {.max_long = most});
  };
  const HttpService wide = service(3), narrow = service(0);
  const HttpRequest request{.method = "POST",
                            .path = "/v2/models/gated/predict",
                            .body = R"([{"x0":1,"x1":2,"x2":3}])",
                            .content_type = "application/json"};
  const auto waiting = [&] {
    return parse_prometheus(wide.answer({.method = "GET", .path = "/metrics"}).body)
        .at(R"(nv_inference_pending_request_count{model="gated",version="1"})");
  };
  EXPECT_EQ(waiting(), 0.0);
  std::vector<HttpResponse> replies(2);
  std::jthread running([&] { replies[0] = wide.answer(request); });
  gate.wait_for(1);
  EXPECT_EQ(waiting(), 0.0) << "it is no longer pending";
  std::jthread queued([&] { replies[1] = wide.answer(request); });
  while (waiting() < 1.0) std::this_thread::yield();

  const HttpResponse full = wide.answer(request);
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(header(full, "Retry-After"), "1");
  EXPECT_THAT(full.body, HasSubstr("R018: 1 predictions that take long wait for a thread: that is "
                                   "the limit; try again later, or raise --max-queue"));
  const HttpResponse held = narrow.answer(request);
  EXPECT_EQ(held.status, 503);
  EXPECT_THAT(held.body, HasSubstr("raise --http-threads"));
  EXPECT_EQ(waiting(), 1.0);
  gate.open();
  running.join();
  queued.join();
  for (const HttpResponse& reply : replies) EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(waiting(), 0.0);
  const auto page = parse_prometheus(wide.answer({.method = "GET", .path = "/metrics"}).body);
  const double queued_us = page.at(R"(nv_inference_queue_duration_us{model="gated",version="1"})");
  EXPECT_GT(queued_us, 0.0);
  EXPECT_GE(page.at(R"(nv_inference_request_duration_us{model="gated",version="1"})"), queued_us)
      << "a request lasts from its arrival";
  EXPECT_EQ(page.at(R"(nv_inference_request_failure{model="gated",version="1"})"), 2.0);
}

TEST_F(Service, ShowsItsPageWithoutAnyOtherServer) {
  const HttpResponse page = get("/docs");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("spec-url=\"/openapi.json\""));
  EXPECT_THAT(page.body, testing::Not(HasSubstr("token")));
  EXPECT_THAT(page.body, testing::Not(HasSubstr("http")));
  EXPECT_THAT(header(page, "Content-Security-Policy"), HasSubstr("default-src 'none'"));
  const HttpResponse script = get("/docs/rapidoc-min.js");
  EXPECT_EQ(header(script, "Content-Encoding"), "gzip");
  EXPECT_TRUE(script.body.starts_with("\x1f\x8b"));
  EXPECT_LT(script.body.size(), 1'500'000U);
}

}  // namespace

}  // namespace lathe::server
