#include <cmath>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/server/inference.h"

#include "tests/server/inference_fixture.h"

namespace lathe::server {

namespace {

using inference::ModelInferResponse;
using testing::HasSubstr;

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
