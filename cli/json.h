// JSON output: one object, keys in the order they are given, doubles with every digit; what JSON
// has no number for (NaN, infinity) is null.
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "lathe/ml/core/model.h"
#include "lathe/ml/core/options.h"

namespace lathe {

using Json = nlohmann::ordered_json;

Json to_json(const Value& value);
Json to_json(const Attribute& attribute);
Json to_json(const Matrix& matrix);  // a list of rows
void print(const Json& object);      // on stdout, indented

}  // namespace lathe
