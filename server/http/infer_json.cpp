#include "lathe/server/http/infer_json.h"

#include <limits>

#include "lathe/ml/core/error.h"
#include "lathe/server/http/json_tensor.h"
#include "lathe/server/text.h"

namespace lathe::server {

using inference::InferParameter;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using Input = ModelInferRequest::InferInputTensor;
using Parameters = google::protobuf::Map<std::string, InferParameter>;

namespace {

// The member of an object, which must be of a kind; null where there is none.
const Json* member(const Json& object, const char* key, bool (Json::*is_kind)() const noexcept,
                   std::string_view kind, const std::string& place) {
  const auto found = object.find(key);
  if (found == object.end()) return nullptr;
  if (!((*found).*is_kind)()) {
    throw InvalidArgument("R042", place + ": " + key + " is " + std::string(kind_of(*found)) +
                                      ", and must be " + std::string(kind));
  }
  return &*found;
}

const Json& needed(const Json* found, const char* key, const std::string& place) {
  if (found == nullptr) throw InvalidArgument("R042", place + " has no " + std::string(key));
  return *found;
}

std::string text_member(const Json& object, const char* key, const std::string& place) {
  const Json& found = needed(member(object, key, &Json::is_string, "a text", place), key, place);
  return found.get_ref<const std::string&>();
}

void set_integer(const Json& value, InferParameter& out) {
  const bool wide = value.is_number_unsigned() &&
                    value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max();
  if (wide) {
    out.set_uint64_param(value.get<std::uint64_t>());
  } else {
    out.set_int64_param(value.get<std::int64_t>());
  }
}

// Of a tensor or the request. Ours are taken out, those that no protobuf holds are passed over: all
// others are unknown here, and ignored by the core.
void copy_parameters(const Json& object, const std::string& place, Parameters& out) {
  const Json* found = member(object, "parameters", &Json::is_object, "an object", place);
  if (found == nullptr) return;
  for (const auto& [key, value] : found->items()) {
    if (key.starts_with("binary_data")) continue;
    if (value.is_boolean()) out[key].set_bool_param(value.get<bool>());
    if (value.is_string()) out[key].set_string_param(value.get<std::string>());
    if (value.is_number_float()) out[key].set_double_param(value.get<double>());
    if (value.is_number_integer()) set_integer(value, out[key]);
  }
}

// A parameter of the binary extension.
const Json* own_parameter(const Json& object, const char* key,
                          bool (Json::*is_kind)() const noexcept, std::string_view kind,
                          const std::string& place) {
  const Json* parameters = member(object, "parameters", &Json::is_object, "an object", place);
  return parameters == nullptr ? nullptr : member(*parameters, key, is_kind, kind, place);
}

void read_shape(const Json& object, const std::string& place, Input& input) {
  const Json& shape =
      needed(member(object, "shape", &Json::is_array, "a list", place), "shape", place);
  for (const Json& extent : shape) {
    const bool fits = extent.is_number_integer() &&
                      (!extent.is_number_unsigned() ||
                       extent.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max());
    if (!fits) {
      throw InvalidArgument("R006",
                            place + ": an extent of its shape is no integer, or is too large");
    }
    input.add_shape(extent.get<std::int64_t>());
  }
}

void read_input(const Json& object, std::size_t index, std::string_view& binary,
                ModelInferRequest& request) {
  std::string place = "input " + std::to_string(index);
  if (!object.is_object()) {
    throw InvalidArgument(
        "R042", place + " is " + std::string(kind_of(object)) + ", and must be an object");
  }
  Input& input = *request.add_inputs();
  input.set_name(text_member(object, "name", place));
  place = "input " + in_quotes(input.name());
  input.set_datatype(text_member(object, "datatype", place));
  read_shape(object, place, input);
  copy_parameters(object, place, *input.mutable_parameters());
  const Json* data = member(object, "data", &Json::is_array, "a list", place);
  const Json* size = own_parameter(object, "binary_data_size", &Json::is_number_unsigned,
                                   "a number of bytes", place);
  if ((data == nullptr) == (size == nullptr)) {
    throw InvalidArgument("R042",
                          place + (data == nullptr ? " has neither data nor" : " has data and") +
                              " the parameter binary_data_size: one of them says its "
                              "values");
  }
  if (data != nullptr) {
    *request.add_raw_input_contents() = read_values(*data, input, place);
    return;
  }
  const auto bytes = size->get<std::uint64_t>();
  if (bytes > binary.size()) {
    throw InvalidArgument("R043",
                          place + " has a binary_data_size of " + std::to_string(bytes) + ": " +
                              std::to_string(binary.size()) + " bytes are left in the body",
                          "Inference-Header-Content-Length is how much of the body is JSON");
  }
  request.add_raw_input_contents(binary.data(), bytes);
  binary.remove_prefix(bytes);
}

void read_output(const Json& object, std::size_t index, ModelInferRequest& request,
                 BinaryOutputs& form) {
  const std::string place = "output " + std::to_string(index);
  if (!object.is_object()) {
    throw InvalidArgument(
        "R042", place + " is " + std::string(kind_of(object)) + ", and must be an object");
  }
  auto& output = *request.add_outputs();
  output.set_name(text_member(object, "name", place));
  const Json* binary =
      own_parameter(object, "binary_data", &Json::is_boolean, "true or false", place);
  if (binary != nullptr) (binary->get<bool>() ? form.named : form.not_named).insert(output.name());
}

void write_output(const ModelInferResponse& response, int index, bool binary, std::string& out) {
  const auto& output = response.outputs(index);
  const std::string& raw = response.raw_output_contents(index);
  out += index == 0 ? "{\"name\":" : ",{\"name\":";
  append_json(out, std::string_view(output.name()));
  out += ",\"datatype\":\"" + output.datatype() + "\",\"shape\":[";
  for (int i = 0; i < output.shape_size(); ++i) {
    if (i > 0) out += ',';
    append_json(out, output.shape(i));
  }
  if (binary) {
    out += "],\"parameters\":{\"binary_data_size\":" + std::to_string(raw.size()) + "}}";
    return;
  }
  out += "],\"data\":[";
  write_values(output.datatype(), raw, out);
  out += "]}";
}

}  // namespace

BinaryOutputs read_infer(std::string_view body, std::optional<std::size_t> json_bytes,
                         ModelInferRequest& request) {
  if (json_bytes.value_or(0) > body.size()) {
    throw InvalidArgument("R043", "Inference-Header-Content-Length is " +
                                      std::to_string(*json_bytes) + ", and the body has " +
                                      std::to_string(body.size()) + " bytes");
  }
  const std::size_t split = json_bytes.value_or(body.size());
  std::string_view binary = body.substr(split);
  const Json json = parse_json(body.substr(0, split));
  const std::string place = "the request";
  if (!json.is_object()) {
    throw InvalidArgument("R042",
                          place + " is " + std::string(kind_of(json)) + ", and must be an object");
  }
  if (const Json* id = member(json, "id", &Json::is_string, "a text", place)) {
    request.set_id(id->get_ref<const std::string&>());
  }
  copy_parameters(json, place, *request.mutable_parameters());
  BinaryOutputs form;
  if (const Json* all =
          own_parameter(json, "binary_data_output", &Json::is_boolean, "true or false", place)) {
    form.all = all->get<bool>();
  }
  const Json& inputs =
      needed(member(json, "inputs", &Json::is_array, "a list", place), "inputs", place);
  for (std::size_t i = 0; i < inputs.size(); ++i) read_input(inputs[i], i, binary, request);
  if (!binary.empty()) {
    throw InvalidArgument("R043", std::to_string(binary.size()) +
                                      " bytes are left in the body after the binary inputs");
  }
  if (const Json* outputs = member(json, "outputs", &Json::is_array, "a list", place)) {
    for (std::size_t i = 0; i < outputs->size(); ++i) {
      read_output((*outputs)[i], i, request, form);
    }
  }
  return form;
}

InferBody write_infer(const ModelInferResponse& response, const BinaryOutputs& binary) {
  InferBody body;
  std::string& out = body.text;
  out = "{\"model_name\":";
  append_json(out, std::string_view(response.model_name()));
  out += ",\"model_version\":\"" + response.model_version() + "\"";
  if (!response.id().empty()) {
    out += ",\"id\":";
    append_json(out, std::string_view(response.id()));
  }
  const auto ignored = response.parameters().find("ignored_inputs");
  if (ignored != response.parameters().end()) {
    out += ",\"parameters\":{\"ignored_inputs\":";
    append_json(out, std::string_view(ignored->second.string_param()));
    out += "}";
  }
  out += ",\"outputs\":[";
  for (int i = 0; i < response.outputs_size(); ++i) {
    write_output(response, i, binary.wants(response.outputs(i).name()), out);
  }
  out += "]}";
  body.json_bytes = out.size();
  for (int i = 0; i < response.outputs_size(); ++i) {
    if (!binary.wants(response.outputs(i).name())) continue;
    body.binary = true;
    out += response.raw_output_contents(i);
  }
  return body;
}

}  // namespace lathe::server
