// Asks a server of the Open Inference Protocol v2 for one prediction, column by column:
//
//   client 127.0.0.1:8001 penguins island=Biscoe bill_length_mm=45.1 body_mass_g=
//
// Nothing after the = is a missing value; so is a column that is not given.
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

  // The metadata says which columns there are and of which type; each becomes a tensor of one row.
  inference::ModelInferRequest request;
  request.set_model_name(argv[2]);
  for (const auto& input : metadata.inputs()) {
    const std::string& cell = cells[input.name()];
    auto* tensor = request.add_inputs();
    tensor->set_name(input.name());
    tensor->set_datatype(input.datatype());
    tensor->add_shape(1);
    if (input.datatype() == "BYTES") {
      tensor->mutable_contents()->add_bytes_contents(cell);
    } else {
      tensor->mutable_contents()->add_fp64_contents(
          cell.empty() ? std::nan("") : std::strtod(cell.c_str(), nullptr));
    }
  }
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
