#include "lathe/server/http/rows.h"

#include <algorithm>
#include <cstring>

#include "lathe/ml/core/error.h"
#include "lathe/server/http/json.h"
#include "lathe/server/http/json_tensor.h"
#include "lathe/server/text.h"

namespace lathe::server {

using inference::ModelInferRequest;
using inference::ModelInferResponse;

namespace {

std::string row_label(std::size_t row) { return "row " + std::to_string(row); }

std::string cell_label(std::size_t row, const Column& column) {
  return row_label(row) + ", column " + in_quotes(column.name);
}

[[noreturn]] void refuse_kind(std::size_t row, const Column& column, const Json& cell) {
  const bool numeric = column.kind == ColumnKind::numeric;
  throw InvalidArgument("R012", cell_label(row, column) + ": " + std::string(kind_of(cell)) +
                                    ", where the column takes " +
                                    (numeric ? "numbers or null" : "text or null"));
}

void append_cell(std::string& raw, const Json& cell, const Column& column, std::size_t row) {
  if (column.kind == ColumnKind::numeric) {
    if (append_number(raw, cell) != nullptr) refuse_kind(row, column, cell);
    if (!cell.is_number_integer()) return;
    using Wide = __int128;
    const Wide exact = cell.is_number_unsigned() ? Wide{cell.get<std::uint64_t>()}
                                                 : Wide{cell.get<std::int64_t>()};
    if (static_cast<Wide>(cell.get<double>()) != exact) {
      refuse_value(cell_label(row, column), cell, "is not exact as a double");
    }
    return;
  }
  // Empty text stands for a missing cell, but where it is a level.
  const auto& levels = column.vocabulary;
  if (cell.is_null() && !levels.empty() && levels.front().empty()) {
    throw InvalidArgument(
        "R014", cell_label(row, column) + ": null cannot be told from the level \"\" here",
        "POST .../infer takes one tensor per column");
  }
  if (append_text(raw, cell) != nullptr) refuse_kind(row, column, cell);
}

void read_row(const Json& row, std::size_t index, const ServedModel& served,
              std::vector<std::string*>& columns, std::set<std::string>& ignored) {
  if (!row.is_object()) {
    throw InvalidArgument("R042", row_label(index) + " is " + std::string(kind_of(row)) +
                                      ", and must be an object keyed by column name");
  }
  std::size_t found = 0;
  for (const auto& [name, cell] : row.items()) {
    const auto column = served.find_column(name);
    if (!column) {
      ignored.insert(name);
      continue;
    }
    append_cell(*columns[static_cast<std::size_t>(*column)], cell, served.inputs()[*column], index);
    ++found;
  }
  if (found == columns.size()) return;
  std::vector<std::string_view> missing, extra;
  for (const Column& column : served.inputs().columns) {
    if (!row.contains(column.name)) missing.push_back(column.name);
  }
  for (const auto& [name, cell] : row.items()) {
    if (!served.find_column(name)) extra.push_back(name);
  }
  throw InvalidArgument(
      "R011",
      row_label(index) + " has no " + listed(missing) + " of model " + in_quotes(served.name()),
      extra.empty() ? "a missing cell is null"
                    : "it has " + listed(extra) +
                          ", which the model does not have; a missing cell is "
                          "null");
}

// The rows of {"rows": [...]}, or the list alone.
const Json& list_of_rows(const Json& json) {
  const Json* list = &json;
  if (json.is_object()) {
    const auto rows = json.find("rows");
    if (rows == json.end()) {
      throw InvalidArgument("R042", "the request has no rows", "{\"rows\": [{...}, ...]}");
    }
    list = &*rows;
  }
  if (!list->is_array()) {
    throw InvalidArgument(
        "R042", "the rows are " + std::string(kind_of(*list)) + ", and must be a list of objects");
  }
  return *list;
}

// Names as they stand before a value: "name":
std::vector<std::string> keys_of(const auto& names) {
  std::vector<std::string> keys;
  for (const std::string& name : names) {
    append_json(keys.emplace_back(), std::string_view(name));
    keys.back() += ':';
  }
  return keys;
}

template <class T>
T value_at(const std::string& raw, std::size_t index) {
  T value;
  std::memcpy(&value, raw.data() + index * sizeof value, sizeof value);
  return value;
}

// A list of objects with `keys` from a tensor [rows, keys].
void write_objects(const ModelInferResponse& response, int index,
                   const std::vector<std::string>& keys, std::string& out) {
  const auto& output = response.outputs(index);
  const std::string& raw = response.raw_output_contents(index);
  std::string_view texts = raw;
  const auto rows = static_cast<std::size_t>(output.shape(0));
  out += '[';
  for (std::size_t i = 0; i < rows; ++i) {
    out += i == 0 ? "{" : ",{";
    for (std::size_t j = 0; j < keys.size(); ++j) {
      if (j > 0) out += ',';
      out += keys[j];
      const std::size_t at = i * keys.size() + j;
      if (output.datatype() == "FP64") {
        append_json(out, value_at<double>(raw, at));
      } else if (output.datatype() == "INT64") {
        append_json(out, value_at<std::int64_t>(raw, at));
      } else {
        append_json(out, next_raw_text(texts));
      }
    }
    out += '}';
  }
  out += ']';
}

}  // namespace

std::set<std::string> read_rows(std::string_view body, const ServedModel& served,
                                ModelInferRequest& request) {
  const Json json = parse_json(body);
  const Json& rows = list_of_rows(json);
  request.set_model_name(served.name());
  request.set_model_version(served.version_text());
  std::vector<std::string*> columns;
  for (const Column& column : served.inputs().columns) {
    auto& input = *request.add_inputs();
    input.set_name(column.name);
    input.set_datatype(column.kind == ColumnKind::numeric ? "FP64" : "BYTES");
    input.add_shape(static_cast<std::int64_t>(rows.size()));
    columns.push_back(request.add_raw_input_contents());
  }
  std::set<std::string> ignored;
  for (std::size_t i = 0; i < rows.size(); ++i) read_row(rows[i], i, served, columns, ignored);
  return ignored;
}

std::string write_rows(const ModelInferResponse& response, const ServedModel& served,
                       const std::set<std::string>& ignored) {
  std::string out = "{\"model_name\":";
  append_json(out, std::string_view(response.model_name()));
  out += ",\"model_version\":\"" + response.model_version() + "\",\"rows\":";
  write_objects(response, 0, keys_of(served.contract().outputs), out);
  for (int i = 1; i < response.outputs_size(); ++i) {  // predict_proba
    std::vector<std::string> names;
    const Classes& classes = served.contract().classes;
    for (Index code = 0; code < classes.size(); ++code) names.push_back(classes.name(code));
    out += ",\"" + response.outputs(i).name() + "\":";
    write_objects(response, i, keys_of(names), out);
  }
  if (!ignored.empty()) {
    out += ",\"ignored_columns\":[";
    for (const std::string& name : ignored) {
      if (out.back() != '[') out += ',';
      append_json(out, std::string_view(name));
    }
    out += ']';
  }
  return out + "}";
}

}  // namespace lathe::server
