#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/server/inference.h"

#include "tests/server/inference_fixture.h"

namespace lathe::server {

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(InferenceTest, CountsCallsAndRows) {
  publish("counted", 1, linear_model(3));
  inference::ModelStatisticsRequest ask;
  ask.set_name("counted");
  infer(matrix_request("counted", random_matrix(5, 3, 2), true));
  infer(matrix_request("counted", random_matrix(2, 3, 2), true));
  EXPECT_NE(error_of([&] { infer(matrix_request("counted", Matrix(1, 2), true)); }), "no error");

  inference::ModelStatisticsResponse response;
  inference_.model_statistics(ask, response);
  const inference::ModelStatistics& statistics = response.model_stats(0);
  EXPECT_EQ(statistics.inference_count(), 7U);
  EXPECT_EQ(statistics.execution_count(), 2U);
  EXPECT_EQ(statistics.inference_stats().success().count(), 2U);
  EXPECT_EQ(statistics.inference_stats().fail().count(), 1U);
  EXPECT_GT(statistics.inference_stats().success().ns(), 0U);
  EXPECT_GT(statistics.last_inference(), 0U);
  response.Clear();
  inference_.model_statistics({}, response);
  EXPECT_GE(response.model_stats_size(), 7);
  repository_->unload("counted", "");
}

TEST_F(InferenceTest, DescribesItsModels) {
  inference::ModelMetadataRequest ask;
  ask.set_name("linear");
  inference::ModelMetadataResponse linear;
  inference_.model_metadata(ask, linear);
  EXPECT_EQ(linear.platform(), "lathe");
  EXPECT_THAT(linear.versions(), ElementsAre("3"));
  ASSERT_EQ(linear.inputs_size(), 1);
  EXPECT_EQ(linear.inputs(0).name(), "x");
  EXPECT_EQ(linear.inputs(0).datatype(), "FP64");
  EXPECT_THAT(linear.inputs(0).shape(), ElementsAre(-1, 3));

  ask.set_name("species");
  inference::ModelMetadataResponse species;
  inference_.model_metadata(ask, species);
  ASSERT_EQ(species.inputs_size(), 3);
  EXPECT_EQ(species.inputs(0).name(), "island");
  EXPECT_EQ(species.inputs(0).datatype(), "BYTES");
  EXPECT_EQ(species.inputs(1).datatype(), "FP64");
  EXPECT_THAT(species.outputs(1).shape(), ElementsAre(-1, 3));

  inference::ModelConfigRequest config_ask;
  config_ask.set_name("species");
  inference::ModelConfigResponse config;
  inference_.model_config(config_ask, config);
  EXPECT_EQ(config.config().input(0).data_type(), inference::TYPE_STRING);
  EXPECT_EQ(config.config().output(0).data_type(), inference::TYPE_STRING);
  EXPECT_EQ(config.config().max_batch_size(), 333);
  EXPECT_EQ(config.config().version_policy().latest().num_versions(), 1U);

  ask.set_name("nobody");
  EXPECT_THAT(error_of([&] { inference_.model_metadata(ask, linear); }), HasSubstr("R001"));
}

TEST_F(InferenceTest, SaysWhatIsReady) {
  const auto ready = [&](const char* name, const char* version) {
    inference::ModelReadyRequest request;
    request.set_name(name);
    request.set_version(version);
    inference::ModelReadyResponse response;
    inference_.model_ready(request, response);
    return response.ready();
  };
  EXPECT_TRUE(ready("linear", ""));
  EXPECT_TRUE(ready("linear", "3"));
  EXPECT_FALSE(ready("linear", "2"));
  EXPECT_FALSE(ready("broken", ""));
  EXPECT_FALSE(ready("nobody", ""));

  inference::ServerReadyResponse response;
  inference_.server_ready({}, response);
  EXPECT_FALSE(response.ready()) << "before anything listens";
  inference_.set_ready(true);
  inference_.server_ready({}, response);
  EXPECT_TRUE(response.ready());
}

TEST_F(InferenceTest, ListsTheRepository) {
  inference::RepositoryIndexResponse all;
  inference_.repository_index({}, all);
  EXPECT_EQ(all.models(0).name(), "broken");
  EXPECT_EQ(all.models(0).state(), "UNAVAILABLE");
  EXPECT_EQ(all.models(0).reason(), "its checksum is wrong");
  inference::RepositoryIndexRequest only_ready;
  only_ready.set_ready(true);
  inference::RepositoryIndexResponse ready;
  inference_.repository_index(only_ready, ready);
  for (const auto& model : ready.models()) EXPECT_EQ(model.state(), "READY") << model.name();
  EXPECT_LT(ready.models_size(), all.models_size());
}

}  // namespace

}  // namespace lathe::server
