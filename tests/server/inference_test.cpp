#include "lathe/server/inference.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/server/datatype.h"

#include "tests/server/inference_fixture.h"

namespace lathe::server {

namespace {

using inference::ModelInferResponse;
using testing::ElementsAre;

TEST_F(InferenceTest, AnswersWithTheModelsNumbersRawAndTyped) {
  const Matrix X = random_matrix(5, 3, 2);
  const auto served = repository_->find("linear");
  Matrix expected(5, 1);
  served->model().predict_into(X, expected);

  for (const bool raw : {true, false}) {
    const ModelInferResponse response = infer(matrix_request("linear", X, raw));
    EXPECT_EQ(response.raw_output_contents_size(), raw ? 1 : 0) << "answered in kind";
    ASSERT_EQ(response.outputs_size(), 1);
    EXPECT_EQ(response.outputs(0).name(), "predict");
    EXPECT_EQ(response.outputs(0).datatype(), "FP64");
    EXPECT_THAT(response.outputs(0).shape(), ElementsAre(5, 1));
    const std::vector<double> got = numbers(response);
    EXPECT_EQ(0, std::memcmp(got.data(), expected.data(), 5 * sizeof(double)));
  }
}

TEST_F(InferenceTest, EchoesTheIdAndSaysWhichVersionAnswered) {
  Request request = matrix_request("linear", random_matrix(1, 3, 2), true);
  request.set_id("request 7");
  (*request.mutable_parameters())["priority"].set_uint64_param(1);  // unknown to us: ignored
  const ModelInferResponse response = infer(request);
  EXPECT_EQ(response.id(), "request 7");
  EXPECT_EQ(response.model_name(), "linear");
  EXPECT_EQ(response.model_version(), "3");
}

TEST_F(InferenceTest, OneRowAloneEqualsTheRowInABatch) {
  const Matrix X = random_matrix(20, 3, 2);
  const std::vector<double> together = numbers(infer(matrix_request("linear", X, true)));
  for (Index i = 0; i < X.rows(); ++i) {
    const std::vector<double> alone = numbers(infer(matrix_request("linear", X.row(i), true)));
    EXPECT_EQ(std::bit_cast<std::uint64_t>(alone[0]),
              std::bit_cast<std::uint64_t>(together[static_cast<std::size_t>(i)]));
  }
}

TEST_F(InferenceTest, ZeroRowsGiveZeroPredictions) {
  for (const bool raw : {true, false}) {
    const ModelInferResponse response = infer(matrix_request("linear", Matrix(0, 3), raw));
    EXPECT_THAT(response.outputs(0).shape(), ElementsAre(0, 1));
    EXPECT_TRUE(numbers(response).empty());
  }
}

TEST_F(InferenceTest, TakesColumnsByNameInAnyOrder) {
  Matrix X(2, 3);
  X << 1, 10, 100, 2, 20, 200;
  const std::vector<double> expected = numbers(infer(matrix_request("linear", X, false)));
  for (const bool raw : {true, false}) {
    Request request;
    request.set_model_name("linear");
    add_numbers(request, "x2", {100, 200}, raw);
    add_numbers(request, "x0", {1, 2}, raw);
    add_numbers(request, "colour", {5, 6}, raw);
    add_numbers(request, "x1", {10, 20}, raw);
    const ModelInferResponse response = infer(request);
    EXPECT_EQ(numbers(response), expected);
    EXPECT_EQ(response.parameters().at("ignored_inputs").string_param(), "colour");
  }
}

TEST_F(InferenceTest, ConvertsEveryNumericDatatype) {
  const std::vector<double> expected =
      numbers(infer(matrix_request("linear", Matrix{{1.0, 0.0, 1.0}}, true)));
  const auto bytes = []<class T>(T one) {
    const T values[3] = {one, T{}, one};
    return std::string(reinterpret_cast<const char*>(values), sizeof values);
  };
  const std::pair<const char*, std::string> raw[] = {{"BOOL", bytes(std::uint8_t{1})},
                                                     {"UINT8", bytes(std::uint8_t{1})},
                                                     {"UINT16", bytes(std::uint16_t{1})},
                                                     {"UINT32", bytes(std::uint32_t{1})},
                                                     {"UINT64", bytes(std::uint64_t{1})},
                                                     {"INT8", bytes(std::int8_t{1})},
                                                     {"INT16", bytes(std::int16_t{1})},
                                                     {"INT32", bytes(std::int32_t{1})},
                                                     {"INT64", bytes(std::int64_t{1})},
                                                     {"FP16", bytes(std::uint16_t{0x3C00})},
                                                     {"BF16", bytes(std::uint16_t{0x3F80})},
                                                     {"FP32", bytes(1.0F)},
                                                     {"FP64", bytes(1.0)}};
  for (const auto& [datatype, contents] : raw) {
    Request request = matrix_request("linear", Matrix(1, 3), true);
    request.mutable_inputs(0)->set_datatype(datatype);
    request.set_raw_input_contents(0, contents);
    EXPECT_EQ(numbers(infer(request)), expected) << datatype;
  }

  const std::pair<const char*, std::function<void(inference::InferTensorContents&, int)>> typed[] =
      {{"BOOL", [](auto& contents, int v) { contents.add_bool_contents(v != 0); }},
       {"UINT8", [](auto& contents, int v) { contents.add_uint_contents(unsigned(v)); }},
       {"UINT32", [](auto& contents, int v) { contents.add_uint_contents(unsigned(v)); }},
       {"UINT64", [](auto& contents, int v) { contents.add_uint64_contents(unsigned(v)); }},
       {"INT16", [](auto& contents, int v) { contents.add_int_contents(v); }},
       {"INT32", [](auto& contents, int v) { contents.add_int_contents(v); }},
       {"INT64", [](auto& contents, int v) { contents.add_int64_contents(v); }},
       {"FP32", [](auto& contents, int v) { contents.add_fp32_contents(float(v)); }}};
  for (const auto& [datatype, add] : typed) {
    Request request = matrix_request("linear", Matrix(1, 3), false);
    request.mutable_inputs(0)->set_datatype(datatype);
    request.mutable_inputs(0)->clear_contents();
    for (const int value : {1, 0, 1}) add(*request.mutable_inputs(0)->mutable_contents(), value);
    EXPECT_EQ(numbers(infer(request)), expected) << datatype;
  }
}

TEST_F(InferenceTest, ReadsHalfPrecisionExactly) {
  const std::pair<std::uint16_t, double> halves[] = {{0x0001, std::ldexp(1.0, -24)},
                                                     {0x0400, std::ldexp(1.0, -14)},
                                                     {0x7BFF, 65504.0},
                                                     {0xC000, -2.0},
                                                     {0x3555, 0.333251953125}};
  for (const auto& [bits, value] : halves) EXPECT_EQ(from_half(bits), value);
  EXPECT_EQ(from_half(0x7C00), infinity);
  EXPECT_TRUE(std::isnan(from_half(0x7E00)));
  EXPECT_EQ(from_bfloat(0xC040), -3.0);
}

TEST_F(InferenceTest, GivesTheLabelsAndProbabilitiesThatAPredictionFromATableGives) {
  const std::vector<double> length = {30.0, 42.0, 36.0, nan_value};
  const std::vector<double> mass = {3000.0, 4800.0, nan_value, 3900.0};
  Table table;
  table.add_numeric("length", length);
  table.add_numeric("mass", mass);
  table.add_texts("island",
                  std::vector<std::optional<std::string>>{"Biscoe", "Dream", "Mars", std::nullopt});
  const Prediction expected = species_model().predict(table, true);
  const auto& labels = std::get<Labels>(expected.values);
  EXPECT_EQ(labels.name(0), "Gentoo");
  EXPECT_EQ(labels.name(1), "Chinstrap");
  std::vector<std::string> names;
  for (Index i = 0; i < labels.size(); ++i) names.push_back(labels.name(i));

  for (const bool raw : {true, false}) {
    Request request;
    request.set_model_name("species");
    add_numbers(request, "length", length, raw);
    add_texts(request, "island", {"Biscoe", "Dream", "Mars", ""}, raw);  // empty: missing
    add_numbers(request, "mass", mass, raw);
    const ModelInferResponse response = infer(request);
    ASSERT_EQ(response.outputs_size(), 2);
    EXPECT_EQ(response.outputs(0).name(), "predict");
    EXPECT_EQ(response.outputs(0).datatype(), "BYTES");
    EXPECT_THAT(response.outputs(0).shape(), ElementsAre(4, 1));
    if (raw) {
      EXPECT_EQ(response.raw_output_contents(0), raw_texts(names));
    } else {
      EXPECT_THAT(response.outputs(0).contents().bytes_contents(),
                  testing::ElementsAreArray(names));
    }
    EXPECT_EQ(response.outputs(1).name(), "predict_proba");
    EXPECT_THAT(response.outputs(1).shape(), ElementsAre(4, 3));
    const std::vector<double> proba = numbers(response, 1);
    ASSERT_EQ(proba.size(), 12U);
    EXPECT_EQ(0, std::memcmp(proba.data(), expected.proba.data(), 12 * sizeof(double)));
  }
}

TEST_F(InferenceTest, GivesIntegerLabelsClustersAndTransformedColumns) {
  const Matrix X{{0.0, 0.0}, {4.0, 4.0}, {8.0, 8.0}};
  EXPECT_THAT(infer(matrix_request("digits", X, false)).outputs(0).contents().int64_contents(),
              ElementsAre(7, 3, 8));
  const std::string raw = infer(matrix_request("digits", X, true)).raw_output_contents(0);
  const std::int64_t expected[] = {7, 3, 8};
  EXPECT_EQ(raw, std::string(reinterpret_cast<const char*>(expected), sizeof expected));

  const ModelInferResponse clusters = infer(matrix_request("clusters", X.topRows(2), false));
  EXPECT_EQ(clusters.outputs(0).datatype(), "INT64");
  EXPECT_NE(clusters.outputs(0).contents().int64_contents(0),
            clusters.outputs(0).contents().int64_contents(1));

  const ModelInferResponse scaled = infer(matrix_request("scaler", X, true));
  EXPECT_EQ(scaled.outputs(0).name(), "transform");
  EXPECT_THAT(scaled.outputs(0).shape(), ElementsAre(3, 2));
}

TEST_F(InferenceTest, HonoursTheRequestedOutputsAndTheirOrder) {
  Request request = matrix_request("digits", Matrix{{0.0, 0.0}}, true);
  request.add_outputs()->set_name("predict_proba");
  EXPECT_EQ(infer(request).outputs_size(), 1);
  request.add_outputs()->set_name("predict");
  const ModelInferResponse response = infer(request);
  EXPECT_EQ(response.outputs(0).name(), "predict_proba");
  EXPECT_EQ(response.outputs(1).name(), "predict");
  EXPECT_EQ(response.raw_output_contents(0).size(), 3 * sizeof(double));
  EXPECT_EQ(response.raw_output_contents(1).size(), sizeof(std::int64_t));
}

TEST_F(InferenceTest, EmptyTextIsALevelWhereTrainingHadIt) {
  Request request;
  request.set_model_name("levels");
  add_numbers(request, "x0", {0.0, 1.0});
  add_texts(request, "x1", {"", "b"});
  EXPECT_THAT(numbers(infer(request)), ElementsAre(1, 0, 1, 0, 0, 1, 0, 1));
}

TEST_F(InferenceTest, TakesARawBodyThatIsNotAligned) {
  // A short body lies within the string object, a long one on the heap: both are aligned. Columns
  // by name are copied, whatever their address.
  const Matrix X = random_matrix(1, 1, 3);
  EXPECT_EQ(numbers(infer(matrix_request("one", X, true))),
            numbers(infer(matrix_request("one", X, false))));
}

TEST_F(InferenceTest, ConcurrentCallsEqualTheSameCallsAlone) {
  constexpr int threads = 4;
  constexpr int calls = 50;
  std::vector<std::string> expected;
  std::vector<Request> requests;
  for (int i = 0; i < calls; ++i) {
    const bool raw = i % 2 == 0;
    requests.push_back(i % 3 == 0 ? matrix_request("digits", random_matrix(i % 7 + 1, 2, 11), raw)
                                  : matrix_request("linear", random_matrix(i + 1, 3, 12), raw));
    expected.push_back(infer(requests.back()).SerializeAsString());
  }
  std::vector<int> different(threads, 0);
  {
    std::vector<std::jthread> running;
    for (int t = 0; t < threads; ++t) {
      running.emplace_back([&, t] {
        for (std::size_t i = 0; i < requests.size(); ++i) {
          if (infer(requests[i]).SerializeAsString() != expected[i]) {
            ++different[static_cast<std::size_t>(t)];
          }
        }
      });
    }
  }
  EXPECT_THAT(different, testing::Each(0));
}

}  // namespace

}  // namespace lathe::server
