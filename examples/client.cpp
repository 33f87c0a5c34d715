// Asks a server of the Open Inference Protocol v2 for one prediction, column by column:
//
//   client 127.0.0.1:8001 penguins island=Biscoe bill_length_mm=45.1 body_mass_g=
//
// Nothing after the = is a missing value; so is a column that is not given, but for models of
// numbers alone.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include <grpcpp/grpcpp.h>

#include "lathe/proto/inference.grpc.pb.h"

namespace {

int fail(const grpc::Status& status) {
  std::fprintf(stderr, "error: %s (status %d)\n", status.error_message().c_str(),
               static_cast<int>(status.error_code()));
  return 1;
}

// One row of one column. False for text where there must be a number.
bool add_column(const std::string& name, const std::string& datatype, const std::string& cell,
                inference::ModelInferRequest& request) {
  auto* tensor = request.add_inputs();
  tensor->set_name(name);
  tensor->set_datatype(datatype);
  tensor->add_shape(1);
  if (datatype == "BYTES") {
    tensor->mutable_contents()->add_bytes_contents(cell);
    return true;
  }
  char* end = nullptr;
  const double number = cell.empty() ? std::nan("") : std::strtod(cell.c_str(), &end);
  tensor->mutable_contents()->add_fp64_contents(number);
  if (cell.empty() || *end == '\0') return true;
  std::fprintf(stderr, "error: %s=%s is no number\n", name.c_str(), cell.c_str());
  return false;
}

// The metadata have an input for each column; or one for all where all are numbers, without their
// names, but each may be sent by its own there too.
bool fill(const std::map<std::string, std::string>& cells,
          const inference::ModelMetadataResponse& metadata, inference::ModelInferRequest& request) {
  if (metadata.inputs_size() == 1) {
    for (const auto& [name, cell] : cells) {
      if (!add_column(name, metadata.inputs(0).datatype(), cell, request)) return false;
    }
    return true;
  }
  auto unknown = cells;
  for (const auto& input : metadata.inputs()) {
    const auto found = cells.find(input.name());
    const std::string cell = found == cells.end() ? "" : found->second;
    if (!add_column(input.name(), input.datatype(), cell, request)) return false;
    unknown.erase(input.name());
  }
  for (const auto& [name, cell] : unknown) {
    std::fprintf(stderr, "error: there is no column %s\n", name.c_str());
  }
  return unknown.empty();
}

void print(const inference::ModelInferResponse::InferOutputTensor& output) {
  std::printf("%s", output.name().c_str());
  for (const std::string& text : output.contents().bytes_contents()) {
    std::printf(" %s", text.c_str());
  }
  for (const double number : output.contents().fp64_contents()) std::printf(" %.17g", number);
  for (const auto number : output.contents().int64_contents()) {
    std::printf(" %lld", static_cast<long long>(number));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: client ADDRESS MODEL [COLUMN=VALUE]...\n");
    return 2;
  }
  std::map<std::string, std::string> cells;
  for (int i = 3; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos) {
      std::fprintf(stderr, "error: %s is not COLUMN=VALUE\n", argv[i]);
      return 2;
    }
    cells[argument.substr(0, equals)] = argument.substr(equals + 1);
  }

  const auto stub = inference::GRPCInferenceService::NewStub(
      grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials()));

  inference::ModelMetadataRequest question;
  question.set_name(argv[2]);
  inference::ModelMetadataResponse metadata;
  grpc::ClientContext asking;
  if (auto status = stub->ModelMetadata(&asking, question, &metadata); !status.ok()) {
    return fail(status);
  }

  inference::ModelInferRequest request;
  request.set_model_name(argv[2]);
  if (!fill(cells, metadata, request)) return 2;
  inference::ModelInferResponse reply;
  grpc::ClientContext inferring;
  if (auto status = stub->ModelInfer(&inferring, request, &reply); !status.ok()) {
    return fail(status);
  }
  std::printf("%s version %s: ", reply.model_name().c_str(), reply.model_version().c_str());
  for (const auto& output : reply.outputs()) {
    print(output);
    std::printf("  ");
  }
  std::printf("\n");
  return 0;
}
