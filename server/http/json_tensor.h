// The values of a tensor in JSON, to and from the raw bytes of the protocol.
#pragma once

#include <string>
#include <string_view>

#include "lathe/proto/inference.pb.h"
#include "lathe/server/http/json.h"

namespace lathe::server {

using JsonInput = inference::ModelInferRequest::InferInputTensor;

// `data` of the input as raw bytes; empty for a datatype that is none. Throws InvalidArgument,
// naming `place`: R005 a datatype without a JSON form, R008 a number of values or a nesting that is
// not its shape's, R010 a value that its datatype cannot hold.
std::string read_values(const Json& data, const JsonInput& input, const std::string& place);

// Raw values as the elements of a JSON list.
void write_values(const std::string& datatype, const std::string& raw, std::string& out);

// Append an element to a raw FP64 or BYTES tensor; null is NaN, or empty. Else they return what is
// wrong with it, for refuse_value.
const char* append_number(std::string& raw, const Json& value);
const char* append_text(std::string& raw, const Json& value);
// Throws InvalidArgument (R010): `place: value rule`.
[[noreturn]] void refuse_value(const std::string& place, const Json& value, std::string_view rule);

// Takes the first element from a raw BYTES tensor, which must be one that we wrote.
std::string_view next_raw_text(std::string_view& raw);

}  // namespace lathe::server
