// The body of POST .../infer: JSON, or JSON followed by binary tensors, to and from the messages of
// the inference core. https://github.com/kserve/open-inference-protocol has the form.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "lathe/proto/inference.pb.h"
#include "lathe/server/http/json.h"

namespace lathe::server {

// Which outputs are answered in binary form.
struct BinaryOutputs {
  bool all = false;             // binary_data_output of the request
  std::set<std::string> named;  // binary_data of the output
  std::set<std::string> not_named;

  bool wants(const std::string& output) const {
    return named.contains(output) || (all && !not_named.contains(output));
  }
};

// Fills the request, all of whose contents become raw, and says how to answer. `json_bytes` is how
// much of the body is JSON, where the rest is binary. Data are one list or nested by the shape.
// null is NaN for FP32 and FP64, and empty text for BYTES; no other datatype has it.
//
// Throws InvalidArgument, naming the input: R005 a datatype that is none or has no JSON form, R006
// and R008 a shape or number of values, R010 a value that its datatype cannot hold, R040 and R041
// as parse_json, R042 a field that is missing or of another kind, R043 binary sizes that do not add
// up.
BinaryOutputs read_infer(std::string_view body, std::optional<std::size_t> json_bytes,
                         inference::ModelInferRequest& request);

struct InferBody {
  std::string text;
  std::size_t json_bytes = 0;
  bool binary = false;  // something follows the JSON
};

// The reply, whose contents must be raw.
InferBody write_infer(const inference::ModelInferResponse& response, const BinaryOutputs& binary);

}  // namespace lathe::server
