#include "lathe/server/transport.h"

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"
#include "lathe/ml/model_file.h"
#include "lathe/proto/inference.grpc.pb.h"
#include "lathe/proto/model_repository.grpc.pb.h"
#include "lathe/server/auth.h"
#include "lathe/server/inference.h"
#include "lathe/server/watcher.h"

#include "tests/server/models.h"

namespace lathe::server {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using inference::ModelInferResponse;
using testing::HasSubstr;

// Answers as another model does, once the gate is open.
class GatedModel final : public Regressor {
 public:
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    int waiting = 0;
    bool open = false;
    bool warming = false;

    void wait_for(int calls) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return waiting == calls; });
    }
    void let_go() {
      const std::lock_guard lock(mutex);
      open = true;
      changed.notify_all();
    }
  };

  GatedModel(ModelPtr model, Gate& gate) : model_(std::move(model)), gate_(gate) {}
  std::string_view name() const override { return model_->name(); }
  Index n_features_in() const override { return model_->n_features_in(); }
  Index n_targets() const override { return model_->n_outputs(); }
  void save(OutputArchive& archive) const override { model_->save(archive); }
  void predict_into(const MatrixView& X, MatrixRef out) const override {
    std::unique_lock lock(gate_.mutex);
    if (gate_.warming) {  // it takes long, by its own account
      const auto end = std::chrono::steady_clock::now() + 1ms;
      while (std::chrono::steady_clock::now() < end) {
      }
      return model_->predict_into(X, out);
    }
    ++gate_.waiting;
    gate_.changed.notify_all();
    gate_.changed.wait(lock, [&] { return gate_.open; });
    model_->predict_into(X, out);
  }

 private:
  ModelPtr model_;
  Gate& gate_;
};

class TransportTest : public testing::Test {
 protected:
  TransportTest() {
    std::string pattern = (fs::temp_directory_path() / "lathe_XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    fs::create_directories(root_ / "linear" / "1");
    save_model(linear_model(3), root_ / "linear" / "1" / "model.lathe");
    watcher_.scan_once();
    start("127.0.0.1:0");
  }
  ~TransportTest() override {
    transport_.reset();
    fs::remove_all(root_);
  }

  void start(const char* address) {
    start(TransportOptions{.address = address, .max_message_mib = 1});
  }
  void start(const TransportOptions& options) {
    transport_.reset();
    transport_ = std::make_unique<Transport>(inference_, repository_, *authority_, options);
    channel_ = connect();
    stub_ = inference::GRPCInferenceService::NewStub(channel_);
  }

  // A connection of its own, where gRPC would share one between channels to one address.
  std::shared_ptr<grpc::Channel> connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(transport_->address(), grpc::InsecureChannelCredentials(),
                                     arguments);
  }

  grpc::Status infer(const Request& request, ModelInferResponse& response) {
    grpc::ClientContext context;
    return stub_->ModelInfer(&context, request, &response);
  }

  // A call without generated code, on bytes.
  std::pair<grpc::Status, std::string> call(const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    grpc::ClientContext context;
    const grpc::Slice slice(bytes);
    auto reader = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
    grpc::ByteBuffer reply;
    grpc::Status status;
    reader->StartCall();
    reader->Finish(&reply, &status, this);
    wait(queue);
    return {status, text_of(reply)};
  }

  // The first reply to the first message of a stream.
  std::string first_reply(const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    grpc::ClientContext context;
    auto stream = stub.PrepareCall(&context, method, &queue);
    stream->StartCall(this);
    wait(queue);
    const grpc::Slice slice(bytes);
    stream->Write(grpc::ByteBuffer(&slice, 1), this);
    wait(queue);
    grpc::ByteBuffer reply;
    stream->Read(&reply, this);
    wait(queue);
    grpc::Status status;
    stream->WritesDone(this);
    wait(queue);
    stream->Finish(&status, this);
    wait(queue);
    return text_of(reply);
  }

  static void wait(grpc::CompletionQueue& queue) {
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
  }

  static std::string text_of(const grpc::ByteBuffer& buffer) {
    std::vector<grpc::Slice> slices;
    std::string text;
    if (buffer.Valid() && buffer.Dump(&slices).ok()) {
      for (const grpc::Slice& slice : slices) text.append(slice.begin(), slice.end());
    }
    return text;
  }

  // A model that answers once the gate is open; on a worker if it is found to take long.
  void serve_gated(GatedModel::Gate& gate, bool takes_long) {
    const FittedPipeline inner = linear_model(3);
    const auto gated = std::make_shared<const GatedModel>(inner.model(), gate);
    const auto served =
        std::make_shared<ServedModel>("gated", 1, FittedPipeline(inner.contract(), gated));
    gate.warming = true;
    if (takes_long) served->warm();
    gate.warming = false;
    repository_.publish(served);
  }

  std::string health(const std::string& service) {
    std::string request;
    if (!service.empty()) {
      request = std::string("\x0a") + static_cast<char>(service.size()) + service;
    }
    const auto [status, reply] = call("/grpc.health.v1.Health/Check", request);
    if (!status.ok()) return std::to_string(status.error_code());
    return reply == "\x08\x01" ? "SERVING" : reply == "\x08\x02" ? "NOT_SERVING" : reply;
  }

  fs::path root_;
  Repository repository_;
  Watcher watcher_{repository_, [this] { return model_folder(root_)(); }};
  Inference inference_{repository_, watcher_};
  std::unique_ptr<Authority> authority_ = std::make_unique<Authority>();
  std::unique_ptr<Transport> transport_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
};

TEST_F(TransportTest, InfersAndTurnsErrorsIntoStatuses) {
  const Matrix X = random_matrix(4, 3, 1);
  ModelInferResponse response;
  const grpc::Status good = infer(matrix_request("linear", X, true), response);
  ASSERT_TRUE(good.ok()) << good.error_message();
  ModelInferResponse direct;
  inference_.model_infer(matrix_request("linear", X, true), direct);
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
  const Matrix large = Matrix::Zero(50000, 3);  // 1.2 MB
  EXPECT_EQ(status_of(matrix_request("linear", large, true)).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
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
  inference_.model_infer(matrix_request("linear", X, true), direct);
  inference::ModelStreamInferResponse reply;
  for (int i = 0; i < requests; ++i) {
    ASSERT_TRUE(stream->Read(&reply));
    ASSERT_EQ(reply.infer_response().id(), std::to_string(i));
    ASSERT_EQ(reply.infer_response().raw_output_contents(0), direct.raw_output_contents(0));
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

TEST_F(TransportTest, WorkThatTakesLongLeavesTheOtherCallsAlone) {
  GatedModel::Gate gate;
  start(TransportOptions{.address = "127.0.0.1:0", .threads = 1, .max_queue = 1});
  serve_gated(gate, true);
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
  gate.let_go();
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
  GatedModel::Gate gate;
  start(TransportOptions{.address = "127.0.0.1:0", .threads = 1, .max_queue = 3});
  serve_gated(gate, true);
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
  std::this_thread::sleep_until(brief.deadline() + 500ms);  // the server's ends a little later
  gate.let_go();
  waiting.join();
  running.join();
  EXPECT_EQ(late.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(late.error_message(), testing::StartsWith("R034: not begun within the 1 us"));
  EXPECT_TRUE(infer(request, reply).ok());
  const std::lock_guard lock(gate.mutex);
  EXPECT_EQ(gate.waiting, 2) << "of four";
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
  EXPECT_THROW(Transport(inference_, repository_, *authority_, {.address = address}), IoError);
}

TEST_F(TransportTest, RefusesAnAddressThatIsTakenOrNone) {
  EXPECT_THROW(Transport(inference_, repository_, *authority_, {.address = transport_->address()}),
               IoError);
  for (const char* address : {"", "8001", ":8001", "localhost", "localhost:", "localhost:http",
                              "localhost:65536", "localhost:-1", "::1:8001", "unix:"}) {
    EXPECT_THROW(Transport(inference_, repository_, *authority_, {.address = address}),
                 InvalidArgument)
        << address;
  }
  const std::string long_path = "unix:/" + std::string(200, 'x');
  EXPECT_THROW(Transport(inference_, repository_, *authority_, {.address = long_path}),
               InvalidArgument);
}

TEST_F(TransportTest, DrainLetsCallsInFlightEnd) {
  GatedModel::Gate gate;
  serve_gated(gate, false);
  grpc::Status status = grpc::Status::CANCELLED;
  ModelInferResponse response;
  std::jthread client(
      [&] { status = infer(matrix_request("gated", random_matrix(1, 3, 1), true), response); });
  gate.wait_for(1);
  std::jthread drain([&] { transport_->drain(10min); });
  inference::ServerReadyResponse ready;
  do {
    inference_.server_ready(ready);
  } while (ready.ready());
  gate.let_go();
  client.join();
  drain.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.outputs_size(), 1);
  ModelInferResponse late;
  EXPECT_EQ(infer(matrix_request("linear", random_matrix(1, 3, 1), true), late).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TransportTest, DrainDoesNotWaitForConnectionsThatAskNothing) {
  const std::string address = transport_->address();
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(port));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int idle = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(::connect(idle, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  // HTTP/2's preface and empty settings, and then never an answer to anything.
  const std::string hello("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
  ASSERT_EQ(::send(idle, hello.data(), hello.size(), 0), 33);
  char settings[9];
  ASSERT_EQ(::recv(idle, settings, sizeof settings, MSG_WAITALL), 9) << "it is connected";
  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);  // and a stream that stays open
  inference::ModelStreamInferResponse reply;
  ASSERT_TRUE(stream->Write(matrix_request("linear", random_matrix(1, 3, 1), true)));
  ASSERT_TRUE(stream->Read(&reply));

  const auto start = std::chrono::steady_clock::now();
  transport_->drain(10min);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1min);
  ::close(idle);
}

}  // namespace

}  // namespace lathe::server
