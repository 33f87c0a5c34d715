// Whatever is asked at the same time, each request gets the reply that it gets alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/temporary_folder.h"
#include "tests/serving/daemon.h"
#include "tests/serving/mixture.h"
#include "tests/serving/support.h"

namespace lathe::server {

namespace {

using testing::ElementsAre;

TEST(AnyInterleavingOverGrpc, GivesTheReplyThatEachRequestGetsAlone) {
  const TemporaryFolder folder;
  save_mixture(folder.path());
  Daemon daemon(folder.path().string(), folder.path().string());

  std::vector<std::string> requests, alone;
  for (const Request& request : mixed_requests()) requests.push_back(request.SerializeAsString());
  for (const std::string& request : requests) {
    alone.push_back(call_once(daemon.address(), "ModelInfer", request));
  }

  Load unary{.address = daemon.address(), .requests = requests};
  unary.check = [&alone](std::size_t i, std::string_view reply) {
    return reply == alone[i] ? std::string() : "not the reply when alone";
  };
  unary.in_flight = 64;
  unary.channels = 4;
  Load stream = unary;
  stream.method = "ModelStreamInfer";
  stream.check = [&alone](std::size_t i, std::string_view reply) {
    inference::ModelStreamInferResponse message;
    message.ParseFromString(std::string(reply));
    return message.infer_response().SerializeAsString() == alone[i] ? std::string()
                                                                    : "not the reply when alone";
  };
  Background streams(stream);
  unary.replies = 50 * requests.size();
  const LoadReport unary_report = run_load(unary);
  const LoadReport stream_report = streams.end();

  EXPECT_THAT(unary_report.errors, ElementsAre()) << unary_report.first_error;
  EXPECT_THAT(stream_report.errors, ElementsAre()) << stream_report.first_error;
  EXPECT_GT(stream_report.replies, requests.size());
  EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

}  // namespace

}  // namespace lathe::server
