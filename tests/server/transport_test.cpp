#include "lathe/server/transport.h"

#include <fstream>
#include <memory>
#include <thread>

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"
#include "lathe/proto/model_repository.grpc.pb.h"

#include "tests/server/gated_model.h"
#include "tests/server/raw_http2.h"
#include "tests/server/transport_fixture.h"

namespace lathe::server {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using inference::ModelInferResponse;
using testing::HasSubstr;
using testing::Not;

TEST_F(TransportTest, InfersAndTurnsErrorsIntoStatuses) {
  const Matrix X = random_matrix(4, 3, 1);
  ModelInferResponse response;
  const grpc::Status good = infer(matrix_request("linear", X, true), response);
  ASSERT_TRUE(good.ok()) << good.error_message();
  ModelInferResponse direct;
  inference_->model_infer(matrix_request("linear", X, true), direct);
  EXPECT_EQ(response.raw_output_contents(0), direct.raw_output_contents(0));

  repository_.set_state("broken", 1, VersionState::unavailable, "it is bad");
  const auto status_of = [&](const Request& request) {
    ModelInferResponse ignored;
    return infer(request, ignored);
  };
  const grpc::Status wide = status_of(matrix_request("linear", random_matrix(1, 4, 1), true));
  EXPECT_EQ(wide.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(wide.error_message(), testing::StartsWith("R011: input \"x\" has 4 columns"));
  EXPECT_EQ(status_of(matrix_request("nobody", X, true)).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status_of(matrix_request("broken", X, true)).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TransportTest, AnswersAStreamInOrderAndGoesOnAfterAnError) {
  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  for (Index i = 0; i < 20; ++i) {
    Request request =
        matrix_request(i == 7 ? "nobody" : "linear", random_matrix(i + 1, 3, 1), true);
    request.set_id(std::to_string(i));
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  inference::ModelStreamInferResponse reply;
  for (Index i = 0; i < 20; ++i) {
    ASSERT_TRUE(stream->Read(&reply));
    EXPECT_EQ(reply.infer_response().id(), std::to_string(i));
    if (i == 7) {
      EXPECT_THAT(reply.error_message(), HasSubstr("\"nobody\""));
    } else {
      EXPECT_EQ(reply.error_message(), "");
      EXPECT_EQ(reply.infer_response().outputs(0).shape(0), i + 1);
    }
  }
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(TransportTest, AStreamEndsWhenItsClientIsGone) {
  {
    grpc::ClientContext context;
    const auto stream = stub_->ModelStreamInfer(&context);
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(stream->Write(matrix_request("linear", random_matrix(500, 3, 1), true)));
    }
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  channel_.reset();
  stub_.reset();
  transport_->drain(10min);
}

TEST_F(TransportTest, TokensSayWhoMayWhat) {
  std::ofstream(root_ / "tokens")
      << "predict reader-0123456789abcdef\nadmin master-0123456789abcdef";
  fs::permissions(root_ / "tokens", fs::perms(0600));
  authority_ = std::make_unique<Authority>((root_ / "tokens").string());
  start(TransportOptions{.address = "127.0.0.1:0"});
  const auto with = [](grpc::ClientContext& context, const std::string& token) {
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
  };
  const auto predict = [&](const std::string& token) {
    grpc::ClientContext context;
    with(context, token);
    ModelInferResponse response;
    return stub_->ModelInfer(&context, matrix_request("linear", random_matrix(1, 3, 1), true),
                             &response);
  };
  const auto unload = [&](const std::string& token) {
    grpc::ClientContext context;
    with(context, token);
    inference::RepositoryModelUnloadRequest request;
    request.set_model_name("linear");
    inference::RepositoryModelUnloadResponse response;
    return stub_->RepositoryModelUnload(&context, request, &response);
  };
  const auto stream = [&](const std::string& token) {
    grpc::ClientContext context;
    with(context, token);
    const auto replies = stub_->ModelStreamInfer(&context);
    replies->WritesDone();
    return replies->Finish();
  };
  using enum grpc::StatusCode;
  EXPECT_EQ(health(""), "SERVING") << "a probe has no token";
  EXPECT_EQ(predict("").error_code(), UNAUTHENTICATED);
  EXPECT_EQ(stream("").error_code(), UNAUTHENTICATED);
  EXPECT_EQ(unload("").error_code(), UNAUTHENTICATED);
  EXPECT_EQ(predict("master-0123456789abcdeg").error_message(),
            "R031: the bearer token is not one of this server's");
  EXPECT_TRUE(predict("reader-0123456789abcdef").ok());
  EXPECT_TRUE(stream("reader-0123456789abcdef").ok());
  EXPECT_EQ(unload("reader-0123456789abcdef").error_code(), PERMISSION_DENIED);
  EXPECT_TRUE(unload("master-0123456789abcdef").ok());
}

TEST_F(TransportTest, AdminsFromAfarNeedAToken) {
  start(TransportOptions{.address = "0.0.0.0:0"});
  const std::string port = transport_->address().substr(transport_->address().rfind(':'));
  const auto stub = inference::GRPCInferenceService::NewStub(
      grpc::CreateChannel("127.0.0.1" + port, grpc::InsecureChannelCredentials()));
  grpc::ClientContext contexts[2];
  inference::RepositoryModelUnloadRequest unload;
  unload.set_model_name("linear");
  inference::RepositoryModelUnloadResponse unloaded;
  const grpc::Status status = stub->RepositoryModelUnload(&contexts[0], unload, &unloaded);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), HasSubstr("--token-file"));
  inference::RepositoryIndexResponse index;
  EXPECT_TRUE(stub->RepositoryIndex(&contexts[1], {}, &index).ok());
}

TEST_F(TransportTest, ReportsHealthOfTheServerAndOfEachModel) {
  EXPECT_EQ(health(""), "SERVING");
  EXPECT_EQ(health("inference.GRPCInferenceService"), "SERVING");
  EXPECT_EQ(health("linear"), "SERVING");
  EXPECT_EQ(health("nobody"), std::to_string(grpc::StatusCode::NOT_FOUND));
  watcher_.unload("linear");
  EXPECT_EQ(health("linear"), "NOT_SERVING");
  watcher_.load("linear");
  EXPECT_EQ(health("linear"), "SERVING");
}

TEST_F(TransportTest, SaysThatItIsNotReadyWhileItStillAnswers) {
  transport_->report_not_ready();
  transport_->report_not_ready();
  EXPECT_EQ(health(""), "NOT_SERVING");
  watcher_.unload("linear");
  watcher_.load("linear");
  EXPECT_EQ(health("linear"), "NOT_SERVING") << "nothing makes it ready again";
  grpc::ClientContext context;
  ModelInferResponse response;
  EXPECT_TRUE(
      stub_->ModelInfer(&context, matrix_request("linear", random_matrix(1, 3, 2), true), &response)
          .ok());
}

TEST_F(TransportTest, ListsItsServicesByReflection) {
  const std::string services =
      first_reply("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                  std::string("\x3a\x00", 2));  // list_services
  EXPECT_THAT(services, HasSubstr("inference.GRPCInferenceService"));
  EXPECT_THAT(services, HasSubstr("inference.model_repository.ModelRepositoryService"));
  EXPECT_THAT(services, HasSubstr("grpc.health.v1.Health"));
}

TEST_F(TransportTest, AnswersTheOtherCalls) {
  const auto ok = [](const grpc::Status& status) { return status.ok(); };
  inference::ServerLiveResponse live;
  inference::ServerReadyResponse ready;
  inference::ServerMetadataResponse server;
  inference::ModelReadyResponse model_ready;
  inference::ModelMetadataResponse metadata;
  inference::ModelConfigResponse config;
  inference::ModelStatisticsResponse statistics;
  inference::ModelReadyRequest ask_ready;
  inference::ModelMetadataRequest ask_metadata;
  inference::ModelConfigRequest ask_config;
  ask_ready.set_name("linear");
  ask_metadata.set_name("linear");
  ask_config.set_name("linear");
  grpc::ClientContext contexts[7];
  EXPECT_TRUE(ok(stub_->ServerLive(&contexts[0], {}, &live)) && live.live());
  EXPECT_TRUE(ok(stub_->ServerReady(&contexts[1], {}, &ready)) && ready.ready());
  EXPECT_TRUE(ok(stub_->ServerMetadata(&contexts[2], {}, &server)) && server.name() == "lathed");
  EXPECT_TRUE(ok(stub_->ModelReady(&contexts[3], ask_ready, &model_ready)) && model_ready.ready());
  EXPECT_TRUE(ok(stub_->ModelMetadata(&contexts[4], ask_metadata, &metadata)));
  EXPECT_EQ(metadata.inputs(0).shape(1), 3);
  EXPECT_TRUE(ok(stub_->ModelConfig(&contexts[5], ask_config, &config)));
  EXPECT_EQ(config.config().input(0).dims(0), 3);
  EXPECT_TRUE(ok(stub_->ModelStatistics(&contexts[6], {}, &statistics)));
  EXPECT_EQ(statistics.model_stats_size(), 1);
  EXPECT_EQ(call("/inference.GRPCInferenceService/SystemSharedMemoryStatus", "").first.error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(TransportTest, LoadsAndUnloadsUnderBothNames) {
  const auto index_of = [](auto& stub) {
    grpc::ClientContext context;
    inference::RepositoryIndexResponse index;
    EXPECT_TRUE(stub.RepositoryIndex(&context, {}, &index).ok());
    return index.models(0).state();
  };
  const auto unload_and_load = [&](auto& stub) {
    grpc::ClientContext contexts[3];
    inference::RepositoryModelUnloadRequest unload;
    inference::RepositoryModelUnloadResponse unloaded;
    inference::RepositoryModelLoadRequest load;
    inference::RepositoryModelLoadResponse loaded;
    unload.set_model_name("linear");
    EXPECT_TRUE(stub.RepositoryModelUnload(&contexts[0], unload, &unloaded).ok());
    EXPECT_EQ(index_of(stub), "UNAVAILABLE");
    load.set_model_name("linear");
    EXPECT_TRUE(stub.RepositoryModelLoad(&contexts[1], load, &loaded).ok());
    EXPECT_EQ(index_of(stub), "READY");
    load.set_model_name("nobody");
    EXPECT_EQ(stub.RepositoryModelLoad(&contexts[2], load, &loaded).error_code(),
              grpc::StatusCode::NOT_FOUND);
  };
  unload_and_load(*stub_);
  unload_and_load(*inference::model_repository::ModelRepositoryService::NewStub(channel_));
}

TEST_F(TransportTest, ListensOnAUnixSocket) {
  const std::string address = "unix:" + (root_ / "socket").string();
  start(address.c_str());
  EXPECT_EQ(transport_->address(), address);
  ModelInferResponse response;
  EXPECT_TRUE(infer(matrix_request("linear", random_matrix(1, 3, 1), true), response).ok());
  EXPECT_THROW(Transport(*inference_, repository_, *authority_, {.address = address}), IoError);
}

TEST_F(TransportTest, RefusesAnAddressThatIsTakenOrNone) {
  EXPECT_THROW(Transport(*inference_, repository_, *authority_, {.address = transport_->address()}),
               IoError);
  for (const char* address : {"", "8001", ":8001", "localhost", "localhost:", "localhost:http",
                              "localhost:65536", "localhost:-1", "::1:8001", "unix:"}) {
    EXPECT_THROW(Transport(*inference_, repository_, *authority_, {.address = address}),
                 InvalidArgument)
        << address;
  }
  const std::string long_path = "unix:/" + std::string(200, 'x');
  EXPECT_THROW(Transport(*inference_, repository_, *authority_, {.address = long_path}),
               InvalidArgument);
}

TEST_F(TransportTest, DrainLetsCallsInFlightEnd) {
  Gate gate;
  repository_.publish(gated_model(gate, false));
  grpc::Status status = grpc::Status::CANCELLED;
  ModelInferResponse response;
  std::jthread client(
      [&] { status = infer(matrix_request("gated", random_matrix(1, 3, 1), true), response); });
  gate.wait_for(1);
  std::jthread drain([&] { transport_->drain(10min); });
  inference::ServerReadyResponse ready;
  do {
    inference_->server_ready({}, ready);
  } while (ready.ready());
  gate.open();
  client.join();
  drain.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.outputs_size(), 1);
  ModelInferResponse late;
  EXPECT_EQ(infer(matrix_request("linear", random_matrix(1, 3, 1), true), late).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TransportTest, DrainDoesNotWaitForConnectionsThatAskNothing) {
  RawHttp2 idle(transport_->address());  // which never answers to anything
  ASSERT_EQ(idle.next().type, RawHttp2::settings) << "it is connected";
  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);  // and a stream that stays open
  inference::ModelStreamInferResponse reply;
  ASSERT_TRUE(stream->Write(matrix_request("linear", random_matrix(1, 3, 1), true)));
  ASSERT_TRUE(stream->Read(&reply));

  const auto start = std::chrono::steady_clock::now();
  transport_->drain(10min);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1min);
}

TEST_F(TransportTest, AStreamThatIsAtWorkIsAnsweredWhileOthersLeave) {
  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  std::jthread drain;
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(stream->Write(matrix_request("linear", random_matrix(1, 3, 1), true)));
    inference::ModelStreamInferResponse reply;
    ASSERT_TRUE(stream->Read(&reply)) << i;
    if (i == 0) drain = std::jthread([this] { transport_->drain(10min); });
    std::this_thread::sleep_for(100ms);
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

#ifdef LATHE_GRPC_ANSWERS
TEST_F(TransportTest, CallsAreAnsweredUntilTheirClientHasHeardOfTheEnd) {
  const RawHttp2 client(transport_->address());
  ASSERT_EQ(client.next().type, RawHttp2::settings);
  Gate gate;
  repository_.publish(gated_model(gate, false));
  grpc::Status status = grpc::Status::CANCELLED;
  ModelInferResponse response;
  std::jthread other(
      [&] { status = infer(matrix_request("gated", random_matrix(1, 3, 1), true), response); });
  gate.wait_for(1);  // so that there is something to wait for
  std::jthread drain([this] { transport_->drain(10min); });
  ASSERT_EQ(client.next(RawHttp2::go_away).payload.substr(0, 4), "\x7f\xff\xff\xff");
  const RawHttp2::Frame ping = client.next(RawHttp2::ping);
  client.call("/inference.GRPCInferenceService/ServerLive", {}, "");
  EXPECT_NE(client.next(RawHttp2::data).type, RawHttp2::none) << "a reply has data, a refusal none";
  client.send(RawHttp2::ping, ping.payload, RawHttp2::ack);
  EXPECT_EQ(client.next(RawHttp2::go_away).payload.substr(0, 4), std::string("\0\0\0\1", 4));
  EXPECT_EQ(client.next(RawHttp2::data).type, RawHttp2::none) << "and it is closed";
  gate.open();
  other.join();
  drain.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST(Transport, HasTheLinkerFindItsAnswersToGrpc) {
  for (const char* const name : {"_ZN9grpc_core8Executor17IsThreadedDefaultEv",  // combiner.cpp
                                 "_ZN9grpc_core6Server14CancelAllCallsEv"}) {    // goaway.cpp
    Dl_info library{};
    ASSERT_NE(dladdr(dlsym(RTLD_DEFAULT, name), &library), 0) << name;
    EXPECT_THAT(library.dli_fname, Not(HasSubstr("libgrpc"))) << name;
  }
}
#endif

}  // namespace

}  // namespace lathe::server
