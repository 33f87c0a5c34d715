#include "lathe/server/http/openapi.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <nlohmann/json.hpp>

#include "lathe/ml/contract.h"
#include "lathe/server/http/openapi_model.h"
#include "lathe/server/repository.h"

namespace lathe::server {

namespace {

Object parameter(const char* name, const char* description) {
  return {{"name", name},
          {"in", "path"},
          {"required", true},
          {"description", description},
          {"schema", {{"type", "string"}}}};
}

Object answers(const char* description, const Object& schema, bool of_model) {
  Object out = {
      {"200",
       {{"description", description}, {"content", {{"application/json", {{"schema", schema}}}}}}}};
  if (of_model) {
    out["404"] = {{"$ref", "#/components/responses/Error"}};
    out["503"] = {{"$ref", "#/components/responses/Error"}};
  }
  return out;
}

struct Operation {
  const char* method;
  const char* path;
  const char* id;
  const char* tag;
  const char* summary;
  const char* schema;  // of the answer, in components; null: any object
};

// What is the same for every model is described once, with its name as a parameter.
constexpr Operation operations[] = {
    {"get", "/healthz", "healthz", "health", "Whether the process answers", "Live"},
    {"get", "/readyz", "readyz", "health", "Whether it takes requests; 503 while it stops",
     "Ready"},
    {"get", "/v2/health/live", "serverLive", "health", "Live, as the protocol asks", "Live"},
    {"get", "/v2/health/ready", "serverReady", "health", "Ready, as the protocol asks", "Ready"},
    {"get", "/v2", "serverMetadata", "protocol", "Name, version and extensions", nullptr},
    {"get", "/v2/models/stats", "allStatistics", "protocol", "Counts and times of all models",
     nullptr},
    {"get", "/v2/models/{model}", "modelMetadata", "protocol", "Tensors of a model", nullptr},
    {"get", "/v2/models/{model}/versions/{version}", "modelVersionMetadata", "protocol",
     "Tensors of a version", nullptr},
    {"get", "/v2/models/{model}/ready", "modelReady", "protocol", "Whether a model serves",
     "Ready"},
    {"get", "/v2/models/{model}/config", "modelConfig", "protocol",
     "Configuration, as Triton gives it", nullptr},
    {"get", "/v2/models/{model}/stats", "modelStatistics", "protocol", "Counts and times", nullptr},
    {"post", "/v2/models/{model}/infer", "infer", "protocol",
     "Predictions for tensors, in JSON or binary", "InferResponse"},
    {"post", "/v2/repository/index", "repositoryIndex", "repository",
     "All versions, with their state and its reason", nullptr},
    {"post", "/v2/repository/models/{model}/load", "repositoryLoad", "repository",
     "Loads the newest version now; needs the role admin", nullptr},
    {"post", "/v2/repository/models/{model}/unload", "repositoryUnload", "repository",
     "Ends a model until it is loaded; needs the role admin", nullptr},
};

Object describe(const Operation& operation) {
  const std::string_view path = operation.path;
  Object schema;
  if (operation.schema != nullptr) {
    schema = {{"$ref", "#/components/schemas/" + std::string(operation.schema)}};
  } else if (path == "/v2/repository/index") {
    schema = {{"type", "array"}, {"items", {{"type", "object"}}}};
  } else {
    schema = {{"type", "object"}};
  }
  const bool of_model = path.find("{model}") != std::string_view::npos;
  Object out = {{"operationId", operation.id},
                {"tags", Object::array({operation.tag})},
                {"summary", operation.summary},
                {"responses", answers("the answer", schema, of_model)}};
  if (path == "/readyz" || path == "/v2/health/ready") {
    out["responses"]["503"] = {{"description", "not ready"}};
  }
  if (of_model) {
    out["parameters"] = Object::array({parameter("model", "name of a model")});
    if (path.find("{version}") != std::string_view::npos) {
      out["parameters"].push_back(parameter("version", "a number from 1"));
    }
  }
  if (path == "/v2/models/{model}/infer") {
    out["requestBody"] = {
        {"required", true},
        {"content",
         {{"application/json", {{"schema", {{"$ref", "#/components/schemas/InferRequest"}}}}}}}};
    out["responses"]["400"] = {{"$ref", "#/components/responses/Error"}};
  }
  return out;
}

Object text_schema() { return {{"type", "string"}}; }

Object list_of(const Object& items) { return {{"type", "array"}, {"items", items}}; }

Object object_of(const Object& properties, const Object& required) {
  return {{"type", "object"}, {"properties", properties}, {"required", required}};
}

Object schemas() {
  const Object integers = list_of({{"type", "integer"}, {"format", "int64"}});
  const Object data = {{"type", "array"}, {"items", Object::object()}};
  const Object tensor = object_of({{"name", text_schema()},
                                   {"datatype", text_schema()},
                                   {"shape", integers},
                                   {"parameters", {{"type", "object"}}},
                                   {"data", data}},
                                  {"name", "datatype", "shape"});
  const Object wanted = object_of({{"name", text_schema()}, {"parameters", {{"type", "object"}}}},
                                  Object::array({"name"}));
  const Object boolean = {{"type", "boolean"}};
  return {
      {"Live", object_of({{"live", boolean}}, Object::array({"live"}))},
      {"Ready", object_of({{"name", text_schema()}, {"ready", boolean}}, Object::array({"ready"}))},
      {"Error",
       object_of({{"error", text_schema()}, {"code", text_schema()}}, Object::array({"error"}))},
      {"Tensor", tensor},
      {"InferRequest", object_of({{"id", text_schema()},
                                  {"parameters", {{"type", "object"}}},
                                  {"inputs", list_of({{"$ref", "#/components/schemas/Tensor"}})},
                                  {"outputs", list_of(wanted)}},
                                 Object::array({"inputs"}))},
      {"InferResponse", object_of({{"model_name", text_schema()},
                                   {"model_version", text_schema()},
                                   {"id", text_schema()},
                                   {"outputs", list_of({{"$ref", "#/components/schemas/Tensor"}})}},
                                  {"model_name", "model_version", "outputs"})},
  };
}

}  // namespace

std::string openapi_text(const Repository& repository, bool tokens) {
  Object paths = Object::object();
  for (const ServedModelPtr& model : repository.ready()) describe_model(*model, paths);
  for (const Operation& operation : operations) {
    paths[operation.path][operation.method] = describe(operation);
  }
  Object document = {
      {"openapi", "3.0.3"},
      {"info",
       {{"title", "lathed"},
        {"description",
         "The Open Inference Protocol v2 over REST, and rows as objects keyed by column name."},
        {"version", lathe_version()}}},
      {"servers", Object::array({Object{{"url", "/"}}})},
      {"paths", paths},
      {"components",
       {{"schemas", schemas()},
        {"responses",
         {{"Error",
           {{"description", "what was wrong, with a code that does not change"},
            {"content",
             {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}}}}}}}};
  if (tokens) {
    document["components"]["securitySchemes"] = {
        {"token", {{"type", "http"}, {"scheme", "bearer"}}}};
    document["security"] = Object::array({Object{{"token", Object::array()}}});
  }
  return document.dump(-1, ' ', false, Object::error_handler_t::replace);
}

}  // namespace lathe::server
