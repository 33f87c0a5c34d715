#include "lathe/server/http/openapi.h"

#include <set>

#include <gtest/gtest.h>

#include "lathe/server/http/json.h"
#include "lathe/server/http/service.h"
#include "lathe/server/watcher.h"

#include "tests/server/models.h"

namespace lathe::server {

namespace {

class OpenApi : public testing::Test {
 protected:
  OpenApi() {
    repository_.publish(std::make_shared<ServedModel>("linear", 1, linear_model(2)));
    repository_.publish(std::make_shared<ServedModel>("my model", 1, species_model()));
    repository_.publish(std::make_shared<ServedModel>("scaler", 1, scaler_model()));
  }
  Json document(bool tokens = false) { return parse_json(openapi_text(repository_, tokens)); }

  Repository repository_;
  Watcher watcher_{repository_, [] { return Listing{}; }};
  Inference inference_{repository_, watcher_};
  Authority authority_;
  HttpService service_{inference_, repository_, authority_};
};

// parse_json refuses a key that is there twice, so paths are all different.
TEST_F(OpenApi, NamesEachOperationOnce) {
  std::set<std::string> ids;
  const Json described = document();
  for (const auto& [path, methods] : described["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      EXPECT_TRUE(ids.insert(operation["operationId"]).second) << path;
    }
  }
  EXPECT_GT(ids.size(), 15U);
}

TEST_F(OpenApi, DescribesTheColumnsOfEachModel) {
  const Json operation = document()["paths"]["/v2/models/my%20model/predict"]["post"];
  const Json content = operation["requestBody"]["content"]["application/json"];
  const Json row = content["schema"]["properties"]["rows"]["items"];
  EXPECT_EQ(row["required"], Json({"island", "mass", "length"}));
  EXPECT_EQ(row["properties"]["mass"]["type"], "number");
  EXPECT_EQ(row["properties"]["island"]["enum"], Json({"Biscoe", "Dream", "Torgersen", nullptr}));
}

TEST_F(OpenApi, GivesExamplesThatAreAnswered) {
  const Json described = document();
  int tried = 0;
  for (const auto& [path, methods] : described["paths"].items()) {
    if (!methods.contains("post")) continue;
    const Json& operation = methods["post"];
    if (!operation.contains("requestBody")) continue;
    const Json& content = operation["requestBody"]["content"]["application/json"];
    if (!content.contains("examples")) continue;
    std::string plain = path;
    if (const std::size_t at = plain.find("%20"); at != std::string::npos)
      plain.replace(at, 3, " ");
    const std::string body = content["examples"]["ordinary"]["value"].dump();
    const HttpResponse response = service_.answer({.method = "POST", .path = plain, .body = body});
    EXPECT_EQ(response.status, 200) << path << " " << body << " " << response.body;
    ++tried;
  }
  EXPECT_EQ(tried, 6);
}

// Every path that is described is answered, whatever it answers.
TEST_F(OpenApi, DescribesWhatIsThere) {
  const Json described = document();
  for (const auto& [path, methods] : described["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      std::string plain = path;
      for (const auto& [from, to] : {std::pair<std::string, std::string>{"{model}", "linear"},
                                     {"{version}", "1"},
                                     {"%20", " "}}) {
        if (const std::size_t at = plain.find(from); at != std::string::npos) {
          plain.replace(at, from.size(), to);
        }
      }
      const HttpResponse response =
          service_.answer({.method = method == "get" ? "GET" : "POST", .path = plain});
      EXPECT_NE(response.status, 405) << path;
      EXPECT_EQ(response.body.find("R044"), std::string::npos) << path;
    }
  }
}

TEST_F(OpenApi, SaysThatTokensAreNeeded) {
  EXPECT_FALSE(document().contains("security"));
  EXPECT_TRUE(document(true)["components"]["securitySchemes"].contains("token"));
}

}  // namespace

}  // namespace lathe::server
