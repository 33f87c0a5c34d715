// What the transport refuses, and what it does under pressure.
#include <condition_variable>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/server/transport.h"

#include "tests/server/gated_model.h"
#include "tests/server/raw_http2.h"
#include "tests/server/transport_fixture.h"

namespace lathe::server {

namespace {

using namespace std::chrono_literals;
using inference::ModelInferResponse;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(TransportTest, ALargeMessageIsRefusedByItsSizeTheLimitAndTheFlag) {
  ModelInferResponse ignored;
  const Request large = matrix_request("linear", Matrix::Zero(50000, 3), true);  // 1.2 MB
  for (const Request& request :
       {large, matrix_request("linear", Matrix::Zero(1'000'000, 3), true)}) {
    const grpc::Status status = infer(request, ignored);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_EQ(status.error_message(),
              "R017: a request of " + std::to_string(request.ByteSizeLong()) +
                  " bytes is larger than the limit of 1048576; send fewer rows at a time, or raise "
                  "--max-message-mib");
  }

  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  inference::ModelStreamInferResponse reply;
  Request small = matrix_request("linear", random_matrix(1, 3, 1), true);
  small.set_id("small");
  ASSERT_TRUE(stream->Write(small));
  ASSERT_TRUE(stream->Write(large));
  ASSERT_TRUE(stream->Write(small));
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.error_message(), "");
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_THAT(reply.error_message(), StartsWith("R017: a request of "));
  EXPECT_EQ(reply.infer_response().id(), "") << "not that of the request before";
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.error_message(), "");
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(TransportTest, BytesThatAreNoMessageAreRefusedByItsName) {
  const std::string service = "/inference.GRPCInferenceService/";
  for (const char* const method : {"ModelInfer", "ModelReady", "ServerLive", "ModelMetadata"}) {
    const grpc::Status status = call(service + method, "\xff\xff\xff").first;
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << method;
    EXPECT_THAT(status.error_message(),
                StartsWith("R019: the bytes are no " + std::string(method) + "Request; "));
  }
  const grpc::Status admin =
      call("/inference.model_repository.ModelRepositoryService/RepositoryModelLoad", "\xff").first;
  EXPECT_EQ(admin.error_message().substr(0, 4), "R019");
  // Field 1, the model's name, in Latin-1.
  EXPECT_EQ(call(service + "ModelInfer", "\x0a\x01\xe9").first.error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  // In a stream the reply says so, and can be read: an id in Latin-1 does not come back.
  for (const char* const bytes : {"\xff\xff\xff", "\x1a\x01\xe9"}) {
    inference::ModelStreamInferResponse reply;
    EXPECT_TRUE(reply.ParseFromString(first_reply(service + "ModelStreamInfer", bytes)));
    EXPECT_THAT(reply.error_message(), StartsWith("R019: the bytes are no ModelInferRequest"));
    EXPECT_EQ(reply.infer_response().id(), "");
  }
}

TEST_F(TransportTest, TakesCompressedRequests) {
  Request request = matrix_request("linear", Matrix::Zero(1000, 3), true);
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    grpc::ClientContext context;
    context.set_compression_algorithm(algorithm);
    ModelInferResponse response;
    const grpc::Status status = stub_->ModelInfer(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.outputs(0).shape(0), 1000);
  }
}

TEST_F(TransportTest, ACompressedMessageIsUnpackedNoFurtherThanTheLimit) {
  Request bomb = matrix_request("linear", Matrix::Zero(1, 3), true);
  bomb.add_raw_input_contents(std::string(300 << 20, '\0'));
  grpc::ClientContext contexts[2];
  contexts[0].set_compression_algorithm(GRPC_COMPRESS_GZIP);
  ModelInferResponse ignored;
  const grpc::Status status = stub_->ModelInfer(&contexts[0], bomb, &ignored);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(),
              StartsWith("R017: a request of more than 1048576 bytes is larger than the limit"));

  contexts[1].set_compression_algorithm(GRPC_COMPRESS_DEFLATE);
  const auto stream = stub_->ModelStreamInfer(&contexts[1]);
  inference::ModelStreamInferResponse reply;
  ASSERT_TRUE(stream->Write(matrix_request("linear", Matrix::Zero(1000, 3), true)));
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.infer_response().outputs(0).shape(0), 1000) << reply.error_message();
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(TransportTest, WorkThatTakesLongLeavesTheOtherCallsAlone) {
  Gate gate;
  start(TransportOptions{.address = "127.0.0.1:0"}, {.threads = 1, .max_queue = 1});
  repository_.publish(gated_model(gate, true));
  const Request request = matrix_request("gated", random_matrix(1, 3, 1), true);
  ModelInferResponse reply;
  std::jthread running([&] { EXPECT_TRUE(infer(request, reply).ok()); });
  gate.wait_for(1);

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<grpc::Status> ended;  // of the two that come while the only thread is taken
  const auto ask = [&] {
    ModelInferResponse ignored;
    const grpc::Status status = infer(request, ignored);
    const std::lock_guard lock(mutex);
    ended.push_back(status);
    changed.notify_all();
  };
  std::jthread one(ask);
  std::jthread other(ask);
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !ended.empty(); });
    EXPECT_EQ(ended[0].error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_EQ(ended[0].error_message(),
              "R018: 1 predictions that take long wait for a thread: that is the limit; try again "
              "later, or raise --max-queue");
  }
  ModelInferResponse linear;
  EXPECT_TRUE(infer(matrix_request("linear", random_matrix(1, 3, 1), true), linear).ok());
  gate.open();
  one.join();
  other.join();
  running.join();
  EXPECT_TRUE(ended[1].ok()) << ended[1].error_message();

  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  inference::ModelStreamInferResponse in_turn;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(stream->Write(request));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(stream->Read(&in_turn));
    EXPECT_EQ(in_turn.infer_response().raw_output_contents(0), reply.raw_output_contents(0));
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(TransportTest, WhatNobodyWaitsForIsNotDone) {
  Gate gate;
  start(TransportOptions{.address = "127.0.0.1:0"}, {.threads = 1, .max_queue = 3});
  repository_.publish(gated_model(gate, true));
  const Request request = matrix_request("gated", random_matrix(1, 3, 1), true);
  ModelInferResponse reply;
  std::jthread running([&] { EXPECT_TRUE(infer(request, reply).ok()); });
  gate.wait_for(1);

  Request hurried = request;
  (*hurried.mutable_parameters())["timeout"].set_int64_param(1);
  grpc::Status late;
  std::jthread waiting([&] {
    ModelInferResponse ignored;
    late = infer(hurried, ignored);
  });
  grpc::ClientContext brief;
  brief.set_deadline(std::chrono::system_clock::now() + 20ms);
  ModelInferResponse ignored;
  EXPECT_EQ(stub_->ModelInfer(&brief, request, &ignored).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  // Once the next call on the connection is answered, the server knows of that one and of its end.
  EXPECT_TRUE(infer(matrix_request("linear", random_matrix(1, 3, 1), true), ignored).ok());
  std::this_thread::sleep_for(100ms);  // the server's deadline is no later than 20 ms from then
  gate.open();
  waiting.join();
  running.join();
  EXPECT_EQ(late.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(late.error_message(), testing::StartsWith("R034: not begun within the 1 us"));
  EXPECT_TRUE(infer(request, reply).ok());
  EXPECT_EQ(gate.came(), 2) << "of four";
  const ModelCounters& counters = repository_.find("gated", "")->counters();
  EXPECT_EQ(counters.fail.count(), 2U);
  EXPECT_EQ(counters.pending, 0);
}

TEST_F(TransportTest, RequestsHoldNoMoreMemoryThanTheLimit) {
  Gate gate;
  start(TransportOptions{.address = "127.0.0.1:0"},
        {.threads = 1, .max_queue = 10, .max_memory_bytes = 1'000'000});
  repository_.publish(gated_model(gate, true));
  const Request request = matrix_request("gated", random_matrix(10'000, 3, 1), true);
  ModelInferResponse reply, ignored;
  std::jthread running([&] { EXPECT_TRUE(infer(request, reply).ok()); });
  gate.wait_for(1);
  EXPECT_GT(inference_->memory().held(), 500'000U) << "the request, its rows and the reply";
  const grpc::Status refused = infer(request, ignored);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), StartsWith("R020: requests hold "));
  EXPECT_THAT(refused.error_message(), HasSubstr(" of the 1000000 bytes that they may"));
  EXPECT_THAT(refused.error_message(), HasSubstr("--max-memory-mib"));
  const grpc::Status large =
      infer(matrix_request("gated", random_matrix(60'000, 3, 1), true), ignored);
  EXPECT_THAT(large.error_message(), StartsWith("R017: a request that takes "));

  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  inference::ModelStreamInferResponse in_turn;
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&in_turn));
  EXPECT_THAT(in_turn.error_message(), StartsWith("R020: requests hold "));
  gate.open();
  running.join();
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&in_turn));
  EXPECT_EQ(in_turn.infer_response().raw_output_contents(0), reply.raw_output_contents(0));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  transport_.reset();
  EXPECT_EQ(inference_->memory().held(), 0U);
}

// gRPC's own client asks for no more than three years, others for what the protocol can say.
TEST_F(TransportTest, ADeadlineBeyondWhatClocksCountIsNone) {
  const RawHttp2 client(transport_->address());
  const std::string message =
      matrix_request("linear", random_matrix(1, 3, 1), true).SerializeAsString();
  client.call("/inference.GRPCInferenceService/ModelInfer", {{"grpc-timeout", "99999999H"}},
              message);
  const RawHttp2::Frame head = client.next(RawHttp2::headers);
  EXPECT_THAT(head.payload, Not(HasSubstr("R034")));
  EXPECT_EQ(head.flags & RawHttp2::end_stream, 0) << "a reply follows";
}

TEST_F(TransportTest, ATimeoutMustBeANumberOfMicroseconds) {
  const auto status_with = [&](auto set) {
    Request request = matrix_request("linear", random_matrix(1, 3, 1), true);
    set((*request.mutable_parameters())["timeout"]);
    ModelInferResponse ignored;
    return infer(request, ignored);
  };
  using Value = inference::InferParameter;
  EXPECT_TRUE(status_with([](Value& value) { value.set_int64_param(60'000'000); }).ok());
  EXPECT_TRUE(status_with([](Value& value) { value.set_uint64_param(0); }).ok());
  EXPECT_TRUE(status_with([](Value& value) { value.set_uint64_param(~0ULL); }).ok());
  for (const grpc::Status& status :
       {status_with([](Value& value) { value.set_int64_param(-1); }),
        status_with([](Value& value) { value.set_string_param("1s"); }),
        status_with([](Value& value) { value.set_double_param(1.5); })}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), testing::StartsWith("R033: the parameter timeout"));
  }
}

TEST_F(TransportTest, AStreamThatIsNotReadIsNotReadFromWithoutEnd) {
  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  const Matrix X = random_matrix(2000, 3, 1);
  constexpr int requests = 300;  // more than waits, 14 MB in all
  std::jthread writer([&] {
    for (int i = 0; i < requests; ++i) {
      Request request = matrix_request("linear", X, true);
      request.set_id(std::to_string(i));
      ASSERT_TRUE(stream->Write(request));
    }
    stream->WritesDone();
  });
  ModelInferResponse direct;
  inference_->model_infer(matrix_request("linear", X, true), direct);
  inference::ModelStreamInferResponse reply;
  for (int i = 0; i < requests; ++i) {
    ASSERT_TRUE(stream->Read(&reply));
    ASSERT_EQ(reply.infer_response().id(), std::to_string(i));
    ASSERT_EQ(reply.infer_response().raw_output_contents(0), direct.raw_output_contents(0));
  }
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(TransportTest, RefusesMoreConnectionsThanMayBeOpen) {
  start(TransportOptions{.address = "127.0.0.1:0", .max_connections = 1});
  const Request request = matrix_request("linear", random_matrix(1, 3, 1), true);
  ModelInferResponse response;
  ASSERT_TRUE(infer(request, response).ok());
  const auto second = inference::GRPCInferenceService::NewStub(connect());
  grpc::ClientContext refused;
  const grpc::Status status = second->ModelInfer(&refused, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  EXPECT_TRUE(infer(request, response).ok()) << "the one that is open goes on";
}

TEST_F(TransportTest, SaysHowManyCallsAConnectionMayHave) {
  start(TransportOptions{.address = "127.0.0.1:0", .max_streams = 1});
  const RawHttp2 client(transport_->address());
  const std::string most("\0\3\0\0\0\1", 6);  // MAX_CONCURRENT_STREAMS
  EXPECT_THAT(client.next(RawHttp2::settings).payload, HasSubstr(most));

  Gate gate;
  repository_.publish(gated_model(gate, true));
  const Request request = matrix_request("gated", random_matrix(1, 3, 1), true);
  const auto ask = [&] {
    ModelInferResponse reply;
    EXPECT_TRUE(infer(request, reply).ok()) << "the second waits, and is not refused";
  };
  std::jthread one(ask);
  std::jthread other(ask);
  gate.wait_for(1);
  ModelInferResponse reply;
  grpc::ClientContext context;
  const auto elsewhere = inference::GRPCInferenceService::NewStub(connect());
  EXPECT_TRUE(
      elsewhere
          ->ModelInfer(&context, matrix_request("linear", random_matrix(1, 3, 1), true), &reply)
          .ok());
  EXPECT_EQ(gate.came(), 1);
  gate.open();
}

TEST_F(TransportTest, SendsAwayClientsThatPingTooOften) {
  start(TransportOptions{.address = "127.0.0.1:0", .min_ping_seconds = 3600});
  const RawHttp2 client(transport_->address());
  for (int i = 0; i < 10; ++i) client.send(RawHttp2::ping, "12345678");
  const RawHttp2::Frame frame = client.next(RawHttp2::go_away);
  EXPECT_THAT(frame.payload, HasSubstr("too_many_pings"));
  EXPECT_EQ(client.next(RawHttp2::none).type, RawHttp2::none) << "and the connection ends";

  start(TransportOptions{.address = "127.0.0.1:0", .min_ping_seconds = 0});
  const RawHttp2 welcome(transport_->address());
  for (int i = 0; i < 10; ++i) welcome.send(RawHttp2::ping, "12345678");
  for (int i = 0; i < 10; ++i) {
    const RawHttp2::Frame answer = welcome.next(RawHttp2::ping);
    EXPECT_EQ(answer.flags, RawHttp2::ack);
    EXPECT_EQ(answer.payload, "12345678");
  }
}

TEST_F(TransportTest, ASilentClientIsAskedWhetherItLivesAndThenClosed) {
  start(TransportOptions{
      .address = "127.0.0.1:0", .keepalive_seconds = 0.05, .keepalive_timeout_seconds = 0.1});
  const RawHttp2 client(transport_->address());
  const RawHttp2::Frame asked = client.next(RawHttp2::ping);
  EXPECT_EQ(asked.type, RawHttp2::ping);
  EXPECT_EQ(asked.flags, 0);
  EXPECT_EQ(client.next(RawHttp2::none).type, RawHttp2::none) << "closed, as nothing is answered";
}

TEST_F(TransportTest, AConnectionOfAgeIsToldToComeAgain) {
  start(TransportOptions{.address = "127.0.0.1:0", .max_connection_age_seconds = 0.05});
  const RawHttp2 client(transport_->address());
  EXPECT_EQ(client.next(RawHttp2::go_away).type, RawHttp2::go_away);
  // Others see nothing of it: gRPC connects again.
  for (int i = 0; i < 3; ++i) {
    ModelInferResponse reply;
    const grpc::Status status =
        infer(matrix_request("linear", random_matrix(1, 3, 1), true), reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    while (channel_->GetState(false) == GRPC_CHANNEL_READY) {
      channel_->WaitForStateChange(GRPC_CHANNEL_READY, std::chrono::system_clock::now() + 1min);
    }
  }
}

}  // namespace

}  // namespace lathe::server
