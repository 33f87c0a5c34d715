#include "tests/server/models.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <random>

#include "lathe/ml/registry.h"

namespace lathe::server {

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

Table numeric_table(const Matrix& X) {
  Table table;
  for (Index j = 0; j < X.cols(); ++j) {
    std::vector<double> cells(static_cast<std::size_t>(X.rows()));
    for (Index i = 0; i < X.rows(); ++i) cells[static_cast<std::size_t>(i)] = X(i, j);
    table.add_numeric("x" + std::to_string(j), std::move(cells));
  }
  return table;
}

// Two clouds on the diagonal, or three.
Table clouds(int count) {
  Matrix X = random_matrix(30 * count, 2, 5);
  for (Index i = 0; i < X.rows(); ++i) X.row(i).array() += 4.0 * static_cast<double>(i % count);
  return numeric_table(X);
}

Table species_table(bool with_missing) {
  const Matrix noise = random_matrix(90, 2, 7);
  std::vector<std::optional<std::string>> island, species;
  std::vector<double> mass, length;
  for (int i = 0; i < 90; ++i) {
    const int kind = i % 3;
    island.emplace_back(kind == 0 ? "Biscoe" : (i % 2 == 0 ? "Dream" : "Torgersen"));
    species.emplace_back(kind == 0 ? "Gentoo" : kind == 1 ? "Adelie" : "Chinstrap");
    mass.push_back(3000.0 + 900.0 * kind + 100.0 * noise(i, 0));
    length.push_back(30.0 + 6.0 * kind + 2.0 * noise(i, 1));
  }
  if (with_missing) {
    mass[4] = missing;
    island[7] = std::nullopt;
  }
  Table table;
  table.add_texts("island", island);
  table.add_numeric("mass", mass);
  table.add_numeric("length", length);
  table.add_texts("species", species);
  return table;
}

FittedPipeline fit_text(std::string_view pipeline, const Table& table,
                        const std::vector<std::string>& targets = {}) {
  FitOptions options;
  options.targets = targets;
  return fit(make_estimator(pipeline), table, options);
}

}  // namespace

Matrix random_matrix(Index rows, Index cols, std::uint64_t seed) {
  std::mt19937_64 bits(seed);
  Matrix X(rows, cols);
  for (Index i = 0; i < X.size(); ++i) X.data()[i] = std::ldexp(double(bits() >> 11), -52) - 1.0;
  return X;
}

FittedPipeline linear_model(Index features, double offset) {
  const Matrix X = random_matrix(4 * features + 10, features, 1);
  Table table = numeric_table(X);
  std::vector<double> y(static_cast<std::size_t>(X.rows()), offset);
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index j = 0; j < features; ++j) {
      y[static_cast<std::size_t>(i)] += static_cast<double>(j + 1) * X(i, j);
    }
  }
  table.add_numeric("y", std::move(y));
  return fit_text("linear_regression", table, {"y"});
}

FittedPipeline species_model() {
  return fit_text(
      "columns(numeric: simple_imputer | standard_scaler, categorical: "
      "simple_imputer(strategy=most_frequent) | one_hot_encoder(handle_unknown=ignore)) | "
      "logistic_regression",
      species_table(true), {"species"});
}

FittedPipeline strict_species_model() {
  return fit_text(
      "columns(numeric: standard_scaler, categorical: one_hot_encoder) | logistic_regression",
      species_table(false), {"species"});
}

FittedPipeline digit_model() {
  Table table = clouds(3);
  std::vector<double> digits;
  for (Index i = 0; i < table.rows(); ++i) digits.push_back(i % 3 == 0 ? 7 : i % 3 == 1 ? 3 : 8);
  table.add_numeric("digit", std::move(digits));
  return fit_text("logistic_regression", table, {"digit"});
}

FittedPipeline verbose_model() {
  Table table = clouds(3);
  std::vector<std::optional<std::string>> labels;
  for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows()); ++i) {
    labels.emplace_back(std::string(100, "abc"[i % 3]));
  }
  table.add_texts("label", labels);
  return fit_text("logistic_regression", table, {"label"});
}

FittedPipeline cluster_model() { return fit_text("kmeans(n_clusters=2)", clouds(2)); }

FittedPipeline scaler_model() { return fit_text("standard_scaler", clouds(2)); }

FittedPipeline heavy_model() {
  return fit_text("pca(n_components=300) | kmeans(n_clusters=2)",
                  numeric_table(random_matrix(330, 300, 9)));
}

FittedPipeline level_model() {
  Table table;
  table.add_numeric("x0", {0.0, 1.0, 0.0, 1.0});
  const std::vector<std::optional<std::string>> texts = {"", "b", "b", ""};
  table.add_texts("x1", texts);
  return fit_text("one_hot_encoder(handle_unknown=error)", table);
}

Request matrix_request(const std::string& model, const Matrix& X, bool raw) {
  Request request;
  request.set_model_name(model);
  auto& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype("FP64");
  input.add_shape(X.rows());
  input.add_shape(X.cols());
  if (raw) {
    request.add_raw_input_contents(X.data(), static_cast<std::size_t>(X.size()) * sizeof(double));
  } else {
    input.mutable_contents()->mutable_fp64_contents()->Add(X.data(), X.data() + X.size());
  }
  return request;
}

void add_numbers(Request& request, const std::string& name, const std::vector<double>& values,
                 bool raw) {
  auto& input = *request.add_inputs();
  input.set_name(name);
  input.set_datatype("FP64");
  input.add_shape(static_cast<std::int64_t>(values.size()));
  if (raw) {
    request.add_raw_input_contents(values.data(), values.size() * sizeof(double));
  } else {
    input.mutable_contents()->mutable_fp64_contents()->Add(values.begin(), values.end());
  }
}

void add_texts(Request& request, const std::string& name, const std::vector<std::string>& values,
               bool raw) {
  auto& input = *request.add_inputs();
  input.set_name(name);
  input.set_datatype("BYTES");
  input.add_shape(static_cast<std::int64_t>(values.size()));
  input.add_shape(1);
  if (raw) {
    request.add_raw_input_contents(raw_texts(values));
  } else {
    for (const std::string& value : values) input.mutable_contents()->add_bytes_contents(value);
  }
}

std::string raw_texts(const std::vector<std::string>& values) {
  std::string bytes;
  for (const std::string& value : values) {
    const auto length = static_cast<std::uint32_t>(value.size());
    bytes.append(reinterpret_cast<const char*>(&length), sizeof length);
    bytes += value;
  }
  return bytes;
}

std::vector<double> numbers(const inference::ModelInferResponse& response, int index) {
  if (response.raw_output_contents_size() == 0) {
    const auto& typed = response.outputs(index).contents().fp64_contents();
    return {typed.begin(), typed.end()};
  }
  const std::string& bytes = response.raw_output_contents(index);
  std::vector<double> values(bytes.size() / sizeof(double));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace lathe::server
