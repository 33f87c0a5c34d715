// Numbers to and from the JSON of golden cases, where "NaN", "Infinity" and "-Infinity" stand for
// what JSON has no word for.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/types.h"

namespace lathe::golden {

using Json = nlohmann::ordered_json;

// None where it is no number.
std::optional<double> number_in(const Json& json);

Json to_json(double value);
Json to_json(const Vector& values);
Json to_json(const Matrix& values);
Json to_json(std::span<const double> values);
Json to_json(std::span<const std::int64_t> values);
Json to_json(std::span<const Index> values);
Json to_json(const Classes& classes);

// Throw std::runtime_error for what has another form.
Matrix matrix_in(const Json& json);  // a list of numbers is one column
std::vector<double> numbers_in(const Json& json);
Labels labels_in(const Json& json);  // whole numbers or texts
std::vector<std::string> texts_in(const Json& json);

}  // namespace lathe::golden
