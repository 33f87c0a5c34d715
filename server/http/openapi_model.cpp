#include "lathe/server/http/openapi_model.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "lathe/ml/contract.h"

namespace lathe::server {

namespace {

constexpr int examples = 3;
constexpr std::size_t most_levels = 100;  // listed; more of them make no readable page

std::string encoded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// Six digits are enough to try.
double rounded(double value) { return std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr); }

std::string summary(const ColumnStatistics& seen, bool numeric) {
  const std::string missing =
      seen.missing == 0 ? "none missing" : fmt::format("{} missing", seen.missing);
  if (!numeric || seen.count == 0) {
    return fmt::format("in training {} cells, {}", seen.count, missing);
  }
  return fmt::format("in training {} cells, {}, {:.6g} to {:.6g}, mean {:.6g}", seen.count, missing,
                     seen.min, seen.max, seen.mean);
}

Object column_schema(const Column& column, const ColumnStatistics& seen) {
  const bool numeric = column.kind == ColumnKind::numeric;
  Object schema = {{"type", numeric ? "number" : "string"},
                   {"nullable", true},
                   {"description", summary(seen, numeric)}};
  if (!numeric && column.vocabulary.size() <= most_levels) {
    schema["enum"] = column.vocabulary;
    schema["enum"].push_back(nullptr);
  }
  return schema;
}

Object example_cell(const Column& column, const ColumnStatistics& seen, int row) {
  if (column.kind == ColumnKind::numeric) {
    if (seen.quantiles.empty()) return nullptr;
    static constexpr std::size_t deciles[examples] = {5, 3, 7};
    return rounded(seen.quantiles[deciles[row]]);
  }
  std::vector<std::size_t> by_count(column.vocabulary.size());
  if (by_count.empty()) return nullptr;
  std::iota(by_count.begin(), by_count.end(), std::size_t{0});
  std::ranges::stable_sort(by_count, std::ranges::greater{},
                           [&](std::size_t level) { return seen.category_counts[level]; });
  return column.vocabulary[by_count[static_cast<std::size_t>(row) % by_count.size()]];
}

Object row_schema(const Contract& contract) {
  Object properties = Object::object();
  Object required = Object::array();
  for (std::size_t j = 0; j < contract.inputs.columns.size(); ++j) {
    const Column& column = contract.inputs.columns[j];
    properties[column.name] = column_schema(column, contract.statistics[j]);
    required.push_back(column.name);
  }
  return {{"type", "object"}, {"properties", properties}, {"required", required}};
}

Object answer_schema(const Contract& contract) {
  Object cell = {{"type", "number"}, {"nullable", true}};
  if (contract.role == Role::classifier) {
    cell = {{"type", contract.classes.is_text() ? "string" : "integer"}};
  }
  Object row = {{"type", "object"}, {"properties", Object::object()}};
  for (const std::string& name : contract.outputs) row["properties"][name] = cell;
  Object properties = {{"model_name", {{"type", "string"}}},
                       {"model_version", {{"type", "string"}}},
                       {"rows", {{"type", "array"}, {"items", row}}}};
  if (contract.role == Role::classifier) {
    Object shares = {{"type", "object"}, {"properties", Object::object()}};
    for (Index code = 0; code < contract.classes.size(); ++code) {
      shares["properties"][contract.classes.name(code)] = {{"type", "number"}};
    }
    properties["predict_proba"] = {{"type", "array"}, {"items", shares}};
  }
  properties["ignored_columns"] = {{"type", "array"}, {"items", {{"type", "string"}}}};
  return {{"type", "object"}, {"properties", properties}};
}

Object tensor_example(const ServedModel& served) {
  const Contract& contract = served.contract();
  const Object rows = example_rows(contract);
  Object inputs = Object::array();
  const auto add = [&](const std::string& name, const char* datatype, Object shape) -> Object& {
    inputs.push_back({{"name", name},
                      {"datatype", datatype},
                      {"shape", std::move(shape)},
                      {"data", Object::array()}});
    return inputs.back()["data"];
  };
  if (served.all_numeric()) {
    Object& data = add("x", "FP64", {examples, contract.inputs.size()});
    for (const Object& row : rows) {
      for (const Object& cell : row) data.push_back(cell);
    }
  } else {
    for (const Column& column : contract.inputs.columns) {
      const bool numeric = column.kind == ColumnKind::numeric;
      Object& data = add(column.name, numeric ? "FP64" : "BYTES", Object::array({examples}));
      for (const Object& row : rows) data.push_back(row[column.name]);
    }
  }
  return {{"inputs", inputs}};
}

Object operation(const std::string& id, const std::string& tag, const char* summary,
                 const std::string& description, const Object& request, const Object& example,
                 const Object& answer) {
  const Object error = {{"$ref", "#/components/responses/Error"}};
  return {{"operationId", id},
          {"tags", Object::array({tag})},
          {"summary", summary},
          {"description", description},
          {"requestBody",
           {{"required", true},
            {"content",
             {{"application/json",
               {{"schema", request}, {"examples", {{"ordinary", {{"value", example}}}}}}}}}}},
          {"responses",
           {{"200",
             {{"description", "one answer for each row, in order"},
              {"content", {{"application/json", {{"schema", answer}}}}}}},
            {"400", error},
            {"404", error},
            {"413", error},
            {"415", error},
            {"503", error}}}};
}

}  // namespace

Object example_rows(const Contract& contract) {
  Object rows = Object::array();
  for (int i = 0; i < examples; ++i) {
    Object row = Object::object();
    for (std::size_t j = 0; j < contract.inputs.columns.size(); ++j) {
      const Column& column = contract.inputs.columns[j];
      row[column.name] = example_cell(column, contract.statistics[j], i);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void describe_model(const ServedModel& served, Object& paths) {
  const Contract& contract = served.contract();
  const std::string base = "/v2/models/" + encoded(served.name());
  const std::string tag = "model " + served.name();
  const std::string version = "version " + served.version_text() + ", `" + contract.pipeline + "`";
  const Object rows = {{"type", "array"}, {"items", row_schema(contract)}};
  const Object request = {
      {"type", "object"}, {"properties", {{"rows", rows}}}, {"required", Object::array({"rows"})}};
  paths[base + "/predict"]["post"] =
      operation(encoded(served.name()) + ".predict", tag, "Predictions for rows", version, request,
                {{"rows", example_rows(contract)}}, answer_schema(contract));
  paths[base + "/infer"]["post"] =
      operation(encoded(served.name()) + ".infer", tag, "Predictions for tensors", version,
                {{"$ref", "#/components/schemas/InferRequest"}}, tensor_example(served),
                {{"$ref", "#/components/schemas/InferResponse"}});
}

}  // namespace lathe::server
