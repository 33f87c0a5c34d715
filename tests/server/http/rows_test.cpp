#include "lathe/server/http/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"
#include "lathe/server/http/json.h"
#include "lathe/server/inference.h"
#include "lathe/server/watcher.h"

#include "tests/server/models.h"

namespace lathe::server {

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Rows : public testing::Test {
 protected:
  // The reply to a body.
  Json predict(const FittedPipeline& fitted, const std::string& body) {
    const ServedModel served("m", 2, fitted);
    Request request;
    const std::set<std::string> ignored = read_rows(body, served, request);
    inference::ModelInferResponse response;
    inference_.model_infer(served, request, response);
    return parse_json(write_rows(response, served, ignored));
  }

  std::string refusal(const FittedPipeline& fitted, const std::string& body) {
    try {
      return predict(fitted, body).dump();
    } catch (const InvalidArgument& error) {
      return error.code() + ": " + error.what();
    }
  }

  Repository repository_;
  Watcher watcher_{repository_, [] { return Listing{}; }};
  Inference inference_{repository_, watcher_};
};

TEST_F(Rows, AreAnsweredByTheNamesOfTheTargets) {
  const Json reply = predict(linear_model(2), R"({"rows":[{"x1":3,"x0":1.5},{"x0":0,"x1":-1}]})");
  EXPECT_EQ(reply["model_name"], "m");
  EXPECT_EQ(reply["model_version"], "2");
  EXPECT_NEAR(reply["rows"][0]["y"].get<double>(), 8.0, 1e-12);
  EXPECT_NEAR(reply["rows"][1]["y"].get<double>(), -1.5, 1e-12);
  EXPECT_FALSE(reply.contains("ignored_columns"));
  EXPECT_EQ(predict(linear_model(2), R"([{"x1":3,"x0":1.5},{"x0":0,"x1":-1}])"), reply);
  EXPECT_EQ(predict(linear_model(2), "[]")["rows"], Json::array());
}

TEST_F(Rows, OfClassifiersHaveProbabilities) {
  const Json reply = predict(
      species_model(),
      R"([{"mass":3000,"island":"Biscoe","length":null},{"mass":4800,"island":null,"length":42}])");
  EXPECT_EQ(reply["rows"][0]["species"], "Gentoo");
  const Json& shares = reply["predict_proba"][1];
  EXPECT_EQ(shares.size(), 3U);
  EXPECT_NEAR(shares["Adelie"].get<double>() + shares["Chinstrap"].get<double>() +
                  shares["Gentoo"].get<double>(),
              1.0, 1e-12);
  const Json digits = predict(digit_model(), R"([{"x0":8,"x1":8}])");
  EXPECT_TRUE(digits["rows"][0]["digit"].is_number_integer());
  EXPECT_TRUE(digits["predict_proba"][0].contains("8"));
}

TEST_F(Rows, OfOtherModels) {
  EXPECT_TRUE(
      predict(cluster_model(), R"([{"x0":0,"x1":0}])")["rows"][0]["cluster"].is_number_integer());
  EXPECT_THAT(predict(scaler_model(), R"([{"x0":0,"x1":0}])")["rows"][0].size(), 2U);
}

TEST_F(Rows, MayHaveColumnsTheModelHasNot) {
  const Json reply =
      predict(linear_model(2), R"([{"x0":1,"id":"a","x1":1},{"x0":1,"x1":1,"b":[]}])");
  EXPECT_THAT(reply["ignored_columns"], ElementsAre("b", "id"));
}

TEST_F(Rows, NameWhatIsMissing) {
  EXPECT_THAT(refusal(linear_model(3), R"([{"x0":1,"x1":1,"x2":1},{"x0":1,"X1":2}])"),
              HasSubstr("R011: row 1 has no x1, x2 of model \"m\""));
  EXPECT_THAT(refusal(strict_species_model(), R"([{"island":"Dream","mass":null,"length":1}])"),
              HasSubstr("R014: column \"mass\", row 0: the value is missing"));
  EXPECT_THAT(refusal(strict_species_model(), R"([{"island":"Mars","mass":1,"length":1}])"),
              HasSubstr("R015: column \"island\", row 0: \"Mars\""));
}

TEST_F(Rows, AreCheckedCellByCell) {
  EXPECT_THAT(refusal(linear_model(2), R"([{"x0":"1","x1":1}])"),
              HasSubstr("R012: row 0, column \"x0\": a text, where the column takes numbers"));
  EXPECT_THAT(refusal(linear_model(2), R"([{"x0":true,"x1":1}])"), HasSubstr("R012"));
  EXPECT_THAT(refusal(species_model(), R"([{"island":1,"mass":1,"length":1}])"),
              HasSubstr("a number, where the column takes text"));
  EXPECT_THAT(refusal(linear_model(2), R"([{"x0":9007199254740993,"x1":1}])"),
              HasSubstr("R010: row 0, column \"x0\": 9007199254740993 is not exact"));
  EXPECT_THAT(refusal(level_model(), R"([{"x0":1,"x1":null}])"), HasSubstr("R014: row 0"));
  EXPECT_THAT(refusal(linear_model(2), R"([[1,2]])"), HasSubstr("R042: row 0 is a list"));
  EXPECT_THAT(refusal(linear_model(2), R"({"row":[]})"),
              HasSubstr("R042: the request has no rows"));
  EXPECT_THAT(refusal(linear_model(2), R"({"rows":1})"), HasSubstr("R042: the rows are a number"));
}

}  // namespace

}  // namespace lathe::server
