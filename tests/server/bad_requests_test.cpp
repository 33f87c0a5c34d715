// Every rule that a request may break, from a table (bad_requests.json), over gRPC and over REST:
// its status, and the beginning of what is said. --table prints what was answered. Of a row,
//   grpc, grpc_hex        are the request as protobuf's text, or bytes that are no message;
//   rest, rest_text       its body, or one that is no JSON; binary: one with so many bytes after
//   it; padding               so many bytes are added to its id, or as spaces to its body; call,
//   model, version, token, http {method, path, headers}   are what is not usual of it; http_text
//   all bytes that are sent to the HTTP server.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "lathe/proto/inference.grpc.pb.h"
#include "lathe/server/auth.h"
#include "lathe/server/http/http_server.h"
#include "lathe/server/http/service.h"
#include "lathe/server/inference.h"
#include "lathe/server/transport.h"
#include "lathe/server/watcher.h"

#include "tests/server/http/raw_client.h"
#include "tests/server/models.h"

// Last: a system header that it includes makes a macro of a name that Eigen uses.
#include <httplib.h>

namespace lathe::server {

namespace {

using nlohmann::json;

constexpr const char* usual_token = "Bearer 0123456789abcdef";

const std::map<grpc::StatusCode, std::string> status_names = {
    {grpc::StatusCode::OK, "OK"},
    {grpc::StatusCode::INVALID_ARGUMENT, "INVALID_ARGUMENT"},
    {grpc::StatusCode::NOT_FOUND, "NOT_FOUND"},
    {grpc::StatusCode::UNAVAILABLE, "UNAVAILABLE"},
    {grpc::StatusCode::RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"},
    {grpc::StatusCode::UNAUTHENTICATED, "UNAUTHENTICATED"},
    {grpc::StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"}};

struct Answer {
  std::string status;
  std::string message;
};

// A server with both transports, and a token file of one token for each role.
class BadRequests : public testing::Test {
 protected:
  BadRequests() {
    repository_.publish(std::make_shared<ServedModel>("linear", 1, linear_model(3)));
    repository_.publish(std::make_shared<ServedModel>("species", 1, species_model()));
    repository_.publish(std::make_shared<ServedModel>("strict", 1, strict_species_model()));
    repository_.publish(std::make_shared<ServedModel>("digits", 1, digit_model()));
    repository_.publish(std::make_shared<ServedModel>("levels", 1, level_model()));
    repository_.set_state("broken", 1, VersionState::unavailable, "it is bad");
    channel_ = grpc::CreateChannel(transport_.address(), grpc::InsecureChannelCredentials());
    stub_ = inference::GRPCInferenceService::NewStub(channel_);
  }
  ~BadRequests() override { std::filesystem::remove(tokens_); }

  static std::string write_tokens() {
    const std::string path =
        (std::filesystem::temp_directory_path() / ("lathe_bad_" + std::to_string(getpid())))
            .string();
    std::ofstream(path) << "predict 0123456789abcdef\nadmin fedcba9876543210\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    return path;
  }

  static bool has_grpc(const json& row) {
    return row.contains("grpc") || row.contains("grpc_hex") || loads(row);
  }
  static bool has_rest(const json& row) {
    return row.contains("rest") || row.contains("rest_text") || row.contains("binary") ||
           row.contains("http") || row.contains("http_text") || loads(row);
  }
  static bool loads(const json& row) { return row.value("call", "infer").ends_with("load"); }

  Answer ask_grpc(const json& row) const {
    grpc::ClientContext context;
    const std::string token = row.value("token", usual_token);
    if (!token.empty()) context.AddMetadata("authorization", token);
    const std::string call = row.value("call", "infer");
    grpc::Status status;
    if (call == "load") {
      inference::RepositoryModelLoadRequest request;
      inference::RepositoryModelLoadResponse response;
      request.set_model_name(row.value("model", "linear"));
      status = stub_->RepositoryModelLoad(&context, request, &response);
    } else if (call == "unload") {
      inference::RepositoryModelUnloadRequest request;
      inference::RepositoryModelUnloadResponse response;
      request.set_model_name(row.value("model", "linear"));
      status = stub_->RepositoryModelUnload(&context, request, &response);
    } else if (row.contains("grpc_hex")) {
      status = call_on_bytes(context, row["grpc_hex"]);
    } else {
      Request request;
      inference::ModelInferResponse response;
      EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(row["grpc"], &request)) << row;
      request.set_model_name(row.value("model", "linear"));
      request.set_model_version(row.value("version", ""));
      request.set_id(padding(row));
      status = stub_->ModelInfer(&context, request, &response);
    }
    return {status_names.at(status.error_code()), status.error_message()};
  }

  grpc::Status call_on_bytes(grpc::ClientContext& context, const std::string& hex) const {
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    const grpc::Slice slice(bytes);
    const auto call = stub.PrepareUnaryCall(&context, "/inference.GRPCInferenceService/ModelInfer",
                                            grpc::ByteBuffer(&slice, 1), &queue);
    grpc::ByteBuffer reply;
    grpc::Status status;
    call->StartCall();
    call->Finish(&reply, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return status;
  }

  static std::string padding(const json& row) {
    return std::string(row.value("padding", std::size_t{0}), ' ');
  }

  Answer ask_rest(const json& row) {
    if (row.contains("http_text")) return ask_raw(row["http_text"].get<std::string>());
    const json http = row.value("http", json::object());
    httplib::Request request;
    request.method = http.value("method", "POST");
    request.path = http.value("path", usual_path(row));
    const std::string token = row.value("token", usual_token);
    if (!token.empty()) request.set_header("Authorization", token);
    request.body = row.value("rest_text", row.contains("rest") ? row["rest"].dump() : "");
    if (row.contains("binary")) {
      request.body = row["binary"][0].dump();
      request.set_header("Inference-Header-Content-Length", std::to_string(request.body.size()));
      request.body.append(row["binary"][1].get<std::size_t>(), '\0');
    }
    request.body += padding(row);
    const json headers = http.value("headers", json::object());
    if (!headers.contains("Content-Type")) request.set_header("Content-Type", "application/json");
    for (const auto& [name, value] : headers.items()) {
      request.headers.erase(name);
      request.set_header(name, value.get<std::string>());
    }
    const httplib::Result result = client_.send(request);
    EXPECT_TRUE(result) << row;
    return {std::to_string(result->status), json::parse(result->body).value("error", "")};
  }

  static std::string usual_path(const json& row) {
    const std::string call = row.value("call", "infer");
    const std::string model = row.value("model", "linear");
    const std::string version = row.value("version", "");
    return loads(row) ? "/v2/repository/models/" + model + "/" + call
                      : "/v2/models/" + model + (version.empty() ? "" : "/versions/" + version) +
                            "/" + call;
  }

  Answer ask_raw(const std::string& bytes) const {
    const RawClient client(http_.address());
    const std::string reply = client.ask(bytes);
    const std::size_t body = reply.find("\r\n\r\n");
    if (body == std::string::npos) return {"", reply};
    return {reply.substr(9, 3), json::parse(reply.substr(body + 4)).value("error", "")};
  }

  Repository repository_;
  Watcher watcher_{repository_, [] { return Listing{}; }};
  Inference inference_{repository_, watcher_, {.max_cells = 12}};
  std::string tokens_ = write_tokens();
  Authority authority_{tokens_};
  Transport transport_{
      inference_, repository_, authority_, {.address = "127.0.0.1:0", .max_message_mib = 1}};
  HttpService service_{inference_, repository_, authority_, {.max_json_bytes = 4000}};
  HttpServer http_{
      service_,
      {.address = "127.0.0.1:0", .limits = {.max_header_bytes = 2000, .max_body_bytes = 8000}}};
  httplib::Client client_{"http://" + http_.address()};
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
};

bool print_table = false;

void print(const std::string& rule, const Answer& grpc, const Answer& rest) {
  if (!print_table) return;
  std::cout << "| " << rule << " | " << grpc.status << " | " << rest.status << " | "
            << (grpc.message.empty() ? rest.message : grpc.message) << " |\n";
  if (!grpc.message.empty() && !rest.message.empty() && rest.message != grpc.message) {
    std::cout << "| | | | over REST: " << rest.message << " |\n";
  }
}

TEST_F(BadRequests, AreRefusedByTheSameRuleWhateverTheyComeBy) {
  std::ifstream file(std::string(LATHE_SOURCE_DIR) + "/tests/server/bad_requests.json");
  const json table = json::parse(file);
  if (print_table) std::cout << "| rule | gRPC | REST | message |\n| --- | --- | --- | --- |\n";
  int both = 0;
  for (const json& row : table) {
    const std::string rule = row["rule"];
    const std::string message = row["message"];
    Answer grpc, rest;
    if (has_grpc(row)) {
      grpc = ask_grpc(row);
      EXPECT_EQ(grpc.status, row["status"][0]) << rule << ": " << grpc.message;
      EXPECT_THAT(grpc.message, testing::HasSubstr(message)) << rule;
    }
    if (has_rest(row)) {
      rest = ask_rest(row);
      EXPECT_EQ(rest.status, std::to_string(row["status"][1].get<int>()))
          << rule << ": " << rest.message;
      EXPECT_THAT(rest.message, testing::HasSubstr(row.value("rest_message", message))) << rule;
    }
    both += has_grpc(row) && has_rest(row);
    print(rule, grpc, rest);
  }
  EXPECT_GE(both, 60);
  const Matrix X{{1.0, 2.0, 3.0}};
  inference::ModelInferResponse response;
  EXPECT_NO_THROW(inference_.model_infer(matrix_request("linear", X, true), response))
      << "it answers as before";
}

}  // namespace

}  // namespace lathe::server

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  lathe::server::print_table = std::any_of(
      argv + 1, argv + argc, [](const char* arg) { return arg == std::string("--table"); });
  return RUN_ALL_TESTS();
}
