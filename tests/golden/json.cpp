#include "tests/golden/json.h"

#include <cmath>
#include <limits>
#include <stdexcept>

namespace lathe::golden {
namespace {

template <class Values>
Json list_of(const Values& values) {
  Json list = Json::array();
  for (const auto& value : values) list.push_back(value);
  return list;
}

double number_of(const Json& json) {
  const std::optional<double> number = number_in(json);
  if (!number) throw std::runtime_error("not a number: " + json.dump());
  return *number;
}

}  // namespace

std::optional<double> number_in(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (!json.is_string()) return std::nullopt;
  const auto& text = json.get_ref<const std::string&>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

Json to_json(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0.0 ? "Infinity" : "-Infinity";
  return value;
}

Json to_json(std::span<const double> values) {
  Json list = Json::array();
  for (double value : values) list.push_back(to_json(value));
  return list;
}

Json to_json(const Vector& values) {
  return to_json(std::span(values.data(), static_cast<std::size_t>(values.size())));
}

Json to_json(const Matrix& values) {
  Json rows = Json::array();
  for (Index i = 0; i < values.rows(); ++i) rows.push_back(to_json(Vector(values.row(i))));
  return rows;
}

Json to_json(std::span<const std::int64_t> values) { return list_of(values); }

Json to_json(const Classes& classes) {
  return classes.is_text() ? list_of(classes.texts()) : list_of(classes.integers());
}

Matrix matrix_in(const Json& json) {
  if (!json.is_array()) throw std::runtime_error("not a list: " + json.dump());
  const auto rows = static_cast<Index>(json.size());
  const bool nested = rows > 0 && json[0].is_array();
  const Index cols = nested ? static_cast<Index>(json[0].size()) : 1;
  Matrix matrix(rows, cols);
  for (Index i = 0; i < rows; ++i) {
    const Json& row = json[static_cast<std::size_t>(i)];
    if (!nested) {
      matrix(i, 0) = number_of(row);
      continue;
    }
    if (!row.is_array() || static_cast<Index>(row.size()) != cols) {
      throw std::runtime_error("rows of different lengths");
    }
    for (Index j = 0; j < cols; ++j) matrix(i, j) = number_of(row[static_cast<std::size_t>(j)]);
  }
  return matrix;
}

std::vector<double> numbers_in(const Json& json) {
  std::vector<double> numbers;
  for (const Json& item : json) numbers.push_back(number_of(item));
  return numbers;
}

Labels labels_in(const Json& json) {
  if (json.empty() || json[0].is_string()) return Labels(texts_in(json));
  std::vector<std::int64_t> numbers;
  for (const Json& item : json) {
    const double number = number_of(item);
    if (number != std::floor(number)) throw std::runtime_error("not a label: " + item.dump());
    numbers.push_back(static_cast<std::int64_t>(number));
  }
  return Labels(numbers);
}

std::vector<std::string> texts_in(const Json& json) { return json.get<std::vector<std::string>>(); }

}  // namespace lathe::golden
