#include "lathe/server/inference.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/server/datatype.h"
#include "lathe/server/error.h"
#include "lathe/server/watcher.h"

#include "tests/server/models.h"

namespace lathe::server {

namespace {

using inference::ModelInferResponse;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

class InferenceTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    repository_ = new Repository;
    publish("linear", 3, linear_model(3));
    publish("one", 1, linear_model(1));
    publish("species", 1, species_model());
    publish("strict", 1, strict_species_model());
    publish("digits", 1, digit_model());
    publish("clusters", 1, cluster_model());
    publish("scaler", 1, scaler_model());
    publish("verbose", 1, verbose_model());
    publish("levels", 1, level_model());
    repository_->set_state("broken", 1, VersionState::unavailable, "its checksum is wrong");
  }
  static void TearDownTestSuite() { delete repository_; }

  static void publish(const std::string& name, std::uint64_t version, FittedPipeline fitted) {
    repository_->publish(std::make_shared<ServedModel>(name, version, std::move(fitted)));
  }

  ModelInferResponse infer(const Request& request) const {
    ModelInferResponse response;
    inference_.model_infer(request, response);
    return response;
  }

  // The error of a call that must fail: "CODE: message".
  template <class Call>
  static std::string error_of(Call call) {
    try {
      call();
    } catch (const Error& error) {
      return error.code() + ": " + error.what();
    }
    return "no error";
  }

  static inline Repository* repository_ = nullptr;
  Watcher watcher_{*repository_, [] { return Listing{}; }};
  Inference inference_{*repository_, watcher_, {.max_cells = 1000}};
};

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

TEST_F(InferenceTest, RefusesBadRequestsByName) {
  const Matrix X = random_matrix(2, 3, 2);
  const Request raw = matrix_request("linear", X, true);
  const Request typed = matrix_request("linear", X, false);
  const auto species = [](bool in_raw) {
    Request request;
    request.set_model_name("strict");
    add_texts(request, "island", {"Biscoe"}, in_raw);
    add_numbers(request, "mass", {3000.0}, in_raw);
    add_numbers(request, "length", {30.0}, in_raw);
    return request;
  };
  const auto shape = [](std::vector<std::int64_t> extents) {
    return [extents](Request& request) {
      request.mutable_inputs(0)->clear_shape();
      for (const std::int64_t extent : extents) request.mutable_inputs(0)->add_shape(extent);
    };
  };
  const auto datatype = [](const char* name) {
    return [name](Request& request) { request.mutable_inputs(0)->set_datatype(name); };
  };
  const auto cell = [](double value) {
    return [value](Request& request) {
      std::memcpy(request.mutable_raw_input_contents(0)->data() + 32, &value, sizeof value);
    };
  };
  struct Case {
    const char* what;
    Request request;
    std::function<void(Request&)> spoil;
    const char* code;
    const char* says;
  };
  const Case cases[] = {
      {"unknown model", raw, [](Request& r) { r.set_model_name("lineal"); }, "R001", "\"lineal\""},
      {"no model name", raw, [](Request& r) { r.clear_model_name(); }, "R001", "\"\""},
      {"unknown version", raw, [](Request& r) { r.set_model_version("4"); }, "R002", "\"4\""},
      {"no number of a version", raw, [](Request& r) { r.set_model_version("3a"); }, "R002",
       "\"3a\""},
      {"a model that could not be loaded", raw, [](Request& r) { r.set_model_name("broken"); },
       "R003", "checksum"},
      {"no inputs", raw, [](Request& r) { r.clear_inputs(); }, "R004", "no inputs"},
      {"unknown datatype", raw, datatype("FLOAT"), "R005", "\"FLOAT\""},
      {"no datatype", raw, datatype(""), "R005", "input \"x\""},
      {"typed half", typed, datatype("FP16"), "R005", "raw"},
      {"no shape", raw, shape({}), "R006", "1 or 2 extents"},
      {"three extents", raw, shape({2, 3, 1}), "R006", "[2, 3, 1]"},
      {"negative extent", raw, shape({-1, 3}), "R006", "negative"},
      {"overflowing shape", raw, shape({std::int64_t{1} << 60, 20}), "R006", "too large"},
      {"overflowing bytes", raw, shape({std::int64_t{1} << 60, 2}), "R006", "too large"},
      {"raw and typed", raw,
       [](Request& r) { r.mutable_inputs(0)->mutable_contents()->add_fp64_contents(1); }, "R007",
       "only one"},
      {"raw for too few", raw, [](Request& r) { r.add_raw_input_contents("x"); }, "R007",
       "one for each"},
      {"raw too short", raw, [](Request& r) { r.mutable_raw_input_contents(0)->pop_back(); },
       "R008", "47 raw bytes"},
      {"raw too long", raw, [](Request& r) { r.mutable_raw_input_contents(0)->push_back('x'); },
       "R008", "49 raw bytes"},
      {"more rows than bytes", raw, shape({3, 3}), "R008", "take 72"},
      {"typed too few", typed,
       [](Request& r) {
         r.mutable_inputs(0)->mutable_contents()->mutable_fp64_contents()->RemoveLast();
       },
       "R008", "5 values"},
      {"typed in another field", typed, datatype("FP32"), "R008", "fp32_contents"},
      {"typed in two fields", typed,
       [](Request& r) { r.mutable_inputs(0)->mutable_contents()->add_int_contents(1); }, "R008",
       "1 elsewhere"},
      {"raw text that ends early", species(true),
       [](Request& r) { r.mutable_raw_input_contents(0)->pop_back(); }, "R009", "element 0"},
      {"raw text left over", species(true),
       [](Request& r) { r.mutable_raw_input_contents(0)->push_back('x'); }, "R009", "left over"},
      {"raw text without its length", species(true),
       [](Request& r) { r.set_raw_input_contents(0, "ab"); }, "R009", "element 0"},
      {"raw text longer than all", species(true),
       [](Request& r) { r.set_raw_input_contents(0, "\xFF\xFF\xFF\xFF"); }, "R009", "element 0"},
      {"an integer that is not exact", typed,
       [](Request& r) {
         auto& input = *r.mutable_inputs(0);
         input.set_datatype("INT64");
         input.clear_contents();
         for (int i = 0; i < 5; ++i) input.mutable_contents()->add_int64_contents(i);
         input.mutable_contents()->add_int64_contents((std::int64_t{1} << 53) + 1);
       },
       "R010", "9007199254740993"},
      {"out of its type's range", typed,
       [](Request& r) {
         auto& input = *r.mutable_inputs(0);
         input.set_datatype("INT8");
         input.clear_contents();
         for (int i = 0; i < 6; ++i) input.mutable_contents()->add_int_contents(126 + i);
       },
       "R010", "element 2: 128"},
      {"wrong width",
       matrix_request("linear", random_matrix(2, 4, 2), true),
       {},
       "R011",
       "has 4 columns: model \"linear\" takes 3"},
      {"one row without its second extent", matrix_request("linear", random_matrix(1, 3, 2), true),
       shape({3}), "R011", "no input for x0, x1, x2"},
      {"a column is missing", species(false), [](Request& r) { r.mutable_inputs()->RemoveLast(); },
       "R011", "no input for length"},
      {"a column is misspelt", species(false),
       [](Request& r) { r.mutable_inputs(1)->set_name("Mass"); }, "R011", "no input for mass"},
      {"a column with two columns", species(false),
       [](Request& r) {
         r.mutable_inputs(1)->add_shape(2);
         r.mutable_inputs(1)->mutable_contents()->add_fp64_contents(1);
       },
       "R011", "2 columns"},
      {"numbers for text", species(false),
       [](Request& r) {
         r.mutable_inputs(0)->set_name("mass");
         r.mutable_inputs(1)->set_name("island");
       },
       "R012", "\"mass\" is numeric"},
      {"one tensor for text and numbers",
       matrix_request("strict", random_matrix(2, 3, 2), true),
       {},
       "R012",
       "\"island\" is categorical"},
      {"a column twice", species(false), [](Request& r) { add_numbers(r, "mass", {1.0}); }, "R013",
       "twice"},
      {"other numbers of rows", species(false),
       [](Request& r) {
         r.mutable_inputs(2)->set_shape(0, 2);
         r.mutable_inputs(2)->mutable_contents()->add_fp64_contents(1);
       },
       "R013", "has 2 rows"},
      {"infinity", raw, cell(infinity), "R014", "column \"x1\", row 1"},
      {"negative infinity", raw, cell(-infinity), "R014", "infinite"},
      {"missing", raw, cell(nan_value), "R014", "column \"x1\", row 1: the value is missing"},
      {"missing text", species(false),
       [](Request& r) { r.mutable_inputs(0)->mutable_contents()->set_bytes_contents(0, ""); },
       "R014", "column \"island\", row 0: the value is missing"},
      {"unknown text", species(false),
       [](Request& r) { r.mutable_inputs(0)->mutable_contents()->set_bytes_contents(0, "Mars\n"); },
       "R015", "\"Mars\\x0a\" was not seen"},
      {"unknown output", raw, [](Request& r) { r.add_outputs()->set_name("predict_proba"); },
       "R016", "\"predict_proba\""},
      {"an output twice", raw,
       [](Request& r) {
         r.add_outputs()->set_name("predict");
         r.add_outputs()->set_name("predict");
       },
       "R016", "twice"},
      {"too many cells",
       matrix_request("linear", Matrix::Zero(334, 3), true),
       {},
       "R017",
       "limit of 1000"},
      {"too many cells by column",
       matrix_request("one", Matrix::Zero(1001, 1), true),
       {},
       "R017",
       "1001 rows"},
      {"too much to answer",
       matrix_request("digits", Matrix::Zero(400, 2), true),
       {},
       "R017",
       "predict_proba of 400 rows"},
      {"too long a text to answer", matrix_request("verbose", Matrix::Zero(300, 2), true),
       [](Request& r) { r.add_outputs()->set_name("predict"); }, "R017", "predict of 300 rows"},
  };
  for (const Case& bad : cases) {
    Request request = bad.request;
    if (bad.spoil) bad.spoil(request);
    ModelInferResponse response;
    const std::string error = error_of([&] { inference_.model_infer(request, response); });
    EXPECT_THAT(error, testing::StartsWith(std::string(bad.code) + ": ")) << bad.what;
    EXPECT_THAT(error, HasSubstr(bad.says)) << bad.what;
    EXPECT_EQ(response.ByteSizeLong(), 0U) << bad.what << ": nothing half-written";
  }
}

TEST_F(InferenceTest, EmptyTextIsALevelWhereTrainingHadIt) {
  Request request;
  request.set_model_name("levels");
  add_numbers(request, "x0", {0.0, 1.0});
  add_texts(request, "x1", {"", "b"});
  EXPECT_THAT(numbers(infer(request)), ElementsAre(1, 0, 1, 0, 0, 1, 0, 1));
}

TEST_F(InferenceTest, BlamesNoCellWhereTheOrdinaryRowIsRefused) {
  // The number is bad, not the text, and far down: rows are counted in the request, not in a block.
  constexpr std::size_t rows = 100000;
  std::vector<double> x0(rows, 1.0);
  x0[rows - 2] = 7.0;
  std::vector<std::string> x1(rows, "b");
  const Inference roomy(*repository_, watcher_, {.max_cells = 1 << 20});
  Request request;
  request.set_model_name("levels");
  add_numbers(request, "x0", x0);
  add_texts(request, "x1", x1);
  ModelInferResponse response;
  const std::string error = error_of([&] { roomy.model_infer(request, response); });
  EXPECT_THAT(error, HasSubstr("row 99998"));
  EXPECT_THAT(error, testing::Not(HasSubstr("R01")));

  request.clear_inputs();
  add_numbers(request, "x0", {7.0});
  add_texts(request, "x1", {"unseen"});
  EXPECT_THAT(error_of([&] { roomy.model_infer(request, response); }),
              testing::Not(HasSubstr("R015")));
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

TEST_F(InferenceTest, CountsCallsAndRows) {
  publish("counted", 1, linear_model(3));
  inference::ModelStatisticsRequest ask;
  ask.set_name("counted");
  infer(matrix_request("counted", random_matrix(5, 3, 2), true));
  infer(matrix_request("counted", random_matrix(2, 3, 2), true));
  EXPECT_NE(error_of([&] { infer(matrix_request("counted", Matrix(1, 2), true)); }), "no error");

  inference::ModelStatisticsResponse response;
  inference_.model_statistics(ask, response);
  const inference::ModelStatistics& statistics = response.model_stats(0);
  EXPECT_EQ(statistics.inference_count(), 7U);
  EXPECT_EQ(statistics.execution_count(), 2U);
  EXPECT_EQ(statistics.inference_stats().success().count(), 2U);
  EXPECT_EQ(statistics.inference_stats().fail().count(), 1U);
  EXPECT_GT(statistics.inference_stats().success().ns(), 0U);
  EXPECT_GT(statistics.last_inference(), 0U);
  response.Clear();
  inference_.model_statistics({}, response);
  EXPECT_GE(response.model_stats_size(), 7);
  repository_->unload("counted", "");
}

TEST_F(InferenceTest, DescribesItsModels) {
  inference::ModelMetadataRequest ask;
  ask.set_name("linear");
  inference::ModelMetadataResponse linear;
  inference_.model_metadata(ask, linear);
  EXPECT_EQ(linear.platform(), "lathe");
  EXPECT_THAT(linear.versions(), ElementsAre("3"));
  ASSERT_EQ(linear.inputs_size(), 1);
  EXPECT_EQ(linear.inputs(0).name(), "x");
  EXPECT_EQ(linear.inputs(0).datatype(), "FP64");
  EXPECT_THAT(linear.inputs(0).shape(), ElementsAre(-1, 3));

  ask.set_name("species");
  inference::ModelMetadataResponse species;
  inference_.model_metadata(ask, species);
  ASSERT_EQ(species.inputs_size(), 3);
  EXPECT_EQ(species.inputs(0).name(), "island");
  EXPECT_EQ(species.inputs(0).datatype(), "BYTES");
  EXPECT_EQ(species.inputs(1).datatype(), "FP64");
  EXPECT_THAT(species.outputs(1).shape(), ElementsAre(-1, 3));

  inference::ModelConfigRequest config_ask;
  config_ask.set_name("species");
  inference::ModelConfigResponse config;
  inference_.model_config(config_ask, config);
  EXPECT_EQ(config.config().input(0).data_type(), inference::TYPE_STRING);
  EXPECT_EQ(config.config().output(0).data_type(), inference::TYPE_STRING);
  EXPECT_EQ(config.config().max_batch_size(), 333);
  EXPECT_EQ(config.config().version_policy().latest().num_versions(), 1U);

  ask.set_name("nobody");
  EXPECT_THAT(error_of([&] { inference_.model_metadata(ask, linear); }), HasSubstr("R001"));
}

TEST_F(InferenceTest, SaysWhatIsReady) {
  const auto ready = [&](const char* name, const char* version) {
    inference::ModelReadyRequest request;
    request.set_name(name);
    request.set_version(version);
    inference::ModelReadyResponse response;
    inference_.model_ready(request, response);
    return response.ready();
  };
  EXPECT_TRUE(ready("linear", ""));
  EXPECT_TRUE(ready("linear", "3"));
  EXPECT_FALSE(ready("linear", "2"));
  EXPECT_FALSE(ready("broken", ""));
  EXPECT_FALSE(ready("nobody", ""));

  inference::ServerReadyResponse response;
  inference_.server_ready({}, response);
  EXPECT_FALSE(response.ready()) << "before anything listens";
  inference_.set_ready(true);
  inference_.server_ready({}, response);
  EXPECT_TRUE(response.ready());
}

TEST_F(InferenceTest, ListsTheRepository) {
  inference::RepositoryIndexResponse all;
  inference_.repository_index({}, all);
  EXPECT_EQ(all.models(0).name(), "broken");
  EXPECT_EQ(all.models(0).state(), "UNAVAILABLE");
  EXPECT_EQ(all.models(0).reason(), "its checksum is wrong");
  inference::RepositoryIndexRequest only_ready;
  only_ready.set_ready(true);
  inference::RepositoryIndexResponse ready;
  inference_.repository_index(only_ready, ready);
  for (const auto& model : ready.models()) EXPECT_EQ(model.state(), "READY") << model.name();
  EXPECT_LT(ready.models_size(), all.models_size());
}

TEST_F(InferenceTest, RefusesToLoadWhatTheFolderDoesNotHold) {
  inference::RepositoryModelLoadRequest load;
  load.set_model_name("nobody");
  EXPECT_THAT(error_of([&] { inference_.repository_load(load); }), HasSubstr("R001"));
  inference::RepositoryModelUnloadRequest unload;
  unload.set_model_name("nobody");
  EXPECT_THAT(error_of([&] { inference_.repository_unload(unload); }), HasSubstr("R001"));
}

}  // namespace

}  // namespace lathe::server
