// A Transport of one model, `linear` of 3 columns, and a client of it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "lathe/ml/model_file.h"
#include "lathe/proto/inference.grpc.pb.h"
#include "lathe/server/auth.h"
#include "lathe/server/inference.h"
#include "lathe/server/transport.h"
#include "lathe/server/watcher.h"

#include "tests/server/models.h"
#include "tests/server/temporary_folder.h"

namespace lathe::server {

class TransportTest : public testing::Test {
 protected:
  TransportTest() {
    std::filesystem::create_directories(root_ / "linear" / "1");
    save_model(linear_model(3), root_ / "linear" / "1" / "model.lathe");
    watcher_.scan_once();
    start("127.0.0.1:0");
  }

  void start(const std::string& address) {
    start(TransportOptions{.address = address, .max_message_mib = 1});
  }
  void start(const TransportOptions& options, const Limits& limits = {}) {
    transport_.reset();
    inference_ = std::make_unique<Inference>(repository_, watcher_, limits);
    transport_ = std::make_unique<Transport>(*inference_, repository_, *authority_, options);
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

  grpc::Status infer(const Request& request, inference::ModelInferResponse& response) {
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

  std::string health(const std::string& service) {
    std::string request;
    if (!service.empty()) {
      request = std::string("\x0a") + static_cast<char>(service.size()) + service;
    }
    const auto [status, reply] = call("/grpc.health.v1.Health/Check", request);
    if (!status.ok()) return std::to_string(status.error_code());
    return reply == "\x08\x01" ? "SERVING" : reply == "\x08\x02" ? "NOT_SERVING" : reply;
  }

  const TemporaryFolder folder_;
  const std::filesystem::path root_ = folder_.path();
  Repository repository_;
  Watcher watcher_{repository_, [this] { return model_folder(root_)(); }};
  std::unique_ptr<Inference> inference_;
  std::unique_ptr<Authority> authority_ = std::make_unique<Authority>();
  std::unique_ptr<Transport> transport_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
};

}  // namespace lathe::server
