#include "lathe/server/http/infer_json.h"

#include <cmath>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"

#include "tests/server/models.h"

namespace lathe::server {

namespace {

using inference::ModelInferResponse;
using testing::ElementsAre;
using testing::HasSubstr;

template <class T>
std::vector<T> values(const std::string& raw) {
  std::vector<T> out(raw.size() / sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), raw.data(), raw.size());
  return out;
}

// One input with this datatype, shape and data.
std::string one(const std::string& datatype, const std::string& shape, const std::string& data) {
  return R"({"inputs":[{"name":"x","datatype":")" + datatype + R"(","shape":)" + shape +
         R"(,"data":)" + data + "}]}";
}

Request read(const std::string& body) {
  Request request;
  read_infer(body, std::nullopt, request);
  return request;
}

template <class T>
std::vector<T> read_values(const std::string& datatype, const std::string& data, int count) {
  const Request request = read(one(datatype, "[" + std::to_string(count) + "]", data));
  return values<T>(request.raw_input_contents(0));
}

std::string refusal(const std::string& body, std::optional<std::size_t> json_bytes = {}) {
  try {
    Request request;
    read_infer(body, json_bytes, request);
  } catch (const InvalidArgument& error) {
    return error.code() + ": " + error.what();
  }
  return "taken";
}

TEST(InferJson, ReadsEveryDatatype) {
  EXPECT_THAT(read_values<double>("FP64", "[1, -2.5, 1e300]", 3), ElementsAre(1.0, -2.5, 1e300));
  EXPECT_TRUE(std::isnan(read_values<double>("FP64", "[null]", 1)[0]));
  EXPECT_THAT(read_values<float>("FP32", "[0.1]", 1), ElementsAre(0.1F));
  EXPECT_TRUE(std::isnan(read_values<float>("FP32", "[null]", 1)[0]));
  EXPECT_THAT(read_values<std::int64_t>("INT64", "[9007199254740993, -9223372036854775808]", 2),
              ElementsAre(9007199254740993, std::numeric_limits<std::int64_t>::min()));
  EXPECT_THAT(read_values<std::uint64_t>("UINT64", "[18446744073709551615]", 1),
              ElementsAre(std::numeric_limits<std::uint64_t>::max()));
  EXPECT_THAT(read_values<std::int8_t>("INT8", "[-128, 127]", 2), ElementsAre(-128, 127));
  EXPECT_THAT(read_values<std::int16_t>("INT16", "[-32768]", 1), ElementsAre(-32768));
  EXPECT_THAT(read_values<std::int32_t>("INT32", "[2147483647]", 1), ElementsAre(2147483647));
  EXPECT_THAT(read_values<std::uint8_t>("UINT8", "[255]", 1), ElementsAre(255));
  EXPECT_THAT(read_values<std::uint16_t>("UINT16", "[65535]", 1), ElementsAre(65535));
  EXPECT_THAT(read_values<std::uint32_t>("UINT32", "[4294967295]", 1), ElementsAre(4294967295U));
  EXPECT_THAT(read_values<std::uint8_t>("BOOL", "[true, false]", 2), ElementsAre(1, 0));
  EXPECT_EQ(read(one("BYTES", "[3]", R"(["a", "", null])")).raw_input_contents(0),
            raw_texts({"a", "", ""}));
}

TEST(InferJson, TakesDataFlatOrNestedByTheShape) {
  const std::string flat = read(one("FP64", "[2, 2]", "[1, 2, 3, 4]")).raw_input_contents(0);
  EXPECT_EQ(read(one("FP64", "[2, 2]", "[[1, 2], [3, 4]]")).raw_input_contents(0), flat);
  EXPECT_EQ(read(one("FP64", "[0, 2]", "[]")).raw_input_contents(0), "");
  EXPECT_THAT(refusal(one("FP64", "[2, 2]", "[[1, 2, 3], [4]]")), HasSubstr("R008"));
  EXPECT_THAT(refusal(one("FP64", "[2, 2]", "[[1, 2], 3, 4]")), HasSubstr("R008"));
  EXPECT_THAT(refusal(one("FP64", "[2, 2]", "[1, [2], 3, 4]")), HasSubstr("R008"));
  EXPECT_THAT(refusal(one("FP64", "[2, 2]", "[[[1], [2]], [[3], [4]]]")), HasSubstr("R008"));
  EXPECT_THAT(refusal(one("FP64", "[]", "[[1]]")), HasSubstr("R008"));
  EXPECT_THAT(refusal(one("FP64", "[2, 2]", "[1, 2, 3]")),
              HasSubstr("R008: input \"x\" has 3 values, where its shape says 4"));
}

TEST(InferJson, RefusesValuesThatTheDatatypeCannotHold) {
  const auto refused = [](const std::string& datatype, const std::string& value) {
    return refusal(one(datatype, "[2]", "[" + value + ", " + value + "]"));
  };
  EXPECT_THAT(refused("FP64", "\"1\""),
              HasSubstr("R010: input \"x\", element 0: \"1\" is no number"));
  EXPECT_THAT(refused("FP64", "true"), HasSubstr("is no number"));
  EXPECT_THAT(refused("FP32", "1e39"), HasSubstr("out of the range"));
  EXPECT_THAT(refused("INT64", "1.5"), HasSubstr("1.5 is no integer"));
  EXPECT_THAT(refused("INT64", "9223372036854775808"), HasSubstr("out of the range"));
  EXPECT_THAT(refused("INT64", "null"), HasSubstr("null is no integer"));
  EXPECT_THAT(refused("UINT64", "-1"), HasSubstr("out of the range"));
  EXPECT_THAT(refused("INT8", "128"), HasSubstr("out of the range"));
  EXPECT_THAT(refused("BOOL", "1"), HasSubstr("neither true nor false"));
  EXPECT_THAT(refused("BYTES", "1"), HasSubstr("is no text"));
  EXPECT_THAT(refused("FP16", "1"), HasSubstr("R005"));
}

TEST(InferJson, NamesTheFieldThatIsWrong) {
  EXPECT_THAT(refusal("[]"), HasSubstr("R042: the request is a list, and must be an object"));
  EXPECT_THAT(refusal("{}"), HasSubstr("R042: the request has no inputs"));
  EXPECT_THAT(refusal(R"({"inputs":{}})"), HasSubstr("inputs is an object, and must be a list"));
  EXPECT_THAT(refusal(R"({"inputs":[1]})"), HasSubstr("input 0 is a number"));
  EXPECT_THAT(refusal(R"({"inputs":[{}]})"), HasSubstr("input 0 has no name"));
  EXPECT_THAT(refusal(R"({"inputs":[{"name":"x"}]})"), HasSubstr("input \"x\" has no datatype"));
  EXPECT_THAT(refusal(R"({"inputs":[{"name":"x","datatype":"FP64"}]})"),
              HasSubstr("input \"x\" has no shape"));
  EXPECT_THAT(refusal(R"({"inputs":[{"name":"x","datatype":"FP64","shape":[1]}]})"),
              HasSubstr("has neither data nor the parameter binary_data_size"));
  EXPECT_THAT(refusal(one("FP64", "[1.5]", "[1]")), HasSubstr("R006"));
  EXPECT_THAT(refusal(one("FP64", "[18446744073709551615]", "[1]")), HasSubstr("R006"));
  EXPECT_THAT(refusal(R"({"id":1,"inputs":[]})"), HasSubstr("id is a number"));
  EXPECT_THAT(refusal(R"({"inputs":[],"outputs":["predict"]})"), HasSubstr("output 0 is a text"));
}

TEST(InferJson, ReadsIdParametersAndOutputs) {
  Request request;
  const BinaryOutputs form = read_infer(
      R"({"id":"7","parameters":{"timeout":5,"priority":18446744073709551615,"a":true,"b":"c",
          "d":0.5,"binary_data_output":true},"inputs":[],
          "outputs":[{"name":"predict","parameters":{"binary_data":false}},{"name":"p"}]})",
      std::nullopt, request);
  EXPECT_EQ(request.id(), "7");
  EXPECT_EQ(request.parameters().at("timeout").int64_param(), 5);
  EXPECT_EQ(request.parameters().at("priority").uint64_param(),
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(request.parameters().at("a").bool_param());
  EXPECT_EQ(request.parameters().at("b").string_param(), "c");
  EXPECT_EQ(request.parameters().at("d").double_param(), 0.5);
  EXPECT_EQ(request.parameters().count("binary_data_output"), 0);
  EXPECT_EQ(request.outputs(0).name(), "predict");
  EXPECT_FALSE(form.wants("predict"));
  EXPECT_TRUE(form.wants("p"));
}

std::string binary_input(const std::string& name, std::size_t bytes) {
  return R"({"name":")" + name +
         R"(","datatype":"FP64","shape":[1],"parameters":{"binary_data_size":)" +
         std::to_string(bytes) + "}}";
}

TEST(InferJson, ReadsBinaryTensors) {
  const std::string json = R"({"inputs":[)" + binary_input("a", 8) +
                           R"(,{"name":"b","datatype":"FP64","shape":[1],"data":[2]},)" +
                           binary_input("c", 8) + "]}";
  const double numbers[] = {1.5, -3.0};
  const std::string body = json + std::string(reinterpret_cast<const char*>(numbers), 16);
  Request request;
  read_infer(body, json.size(), request);
  EXPECT_THAT(values<double>(request.raw_input_contents(0)), ElementsAre(1.5));
  EXPECT_THAT(values<double>(request.raw_input_contents(1)), ElementsAre(2.0));
  EXPECT_THAT(values<double>(request.raw_input_contents(2)), ElementsAre(-3.0));

  EXPECT_THAT(refusal(body.substr(0, body.size() - 1), json.size()),
              HasSubstr("R043: input \"c\" has a binary_data_size of 8: 7 bytes are left"));
  EXPECT_THAT(refusal(body + "x", json.size()), HasSubstr("R043: 1 bytes are left"));
  EXPECT_THAT(refusal(json, json.size() + 1), HasSubstr("R043"));
  EXPECT_THAT(refusal(body), HasSubstr("R040")) << "without the header it is all JSON";
  EXPECT_THAT(refusal(R"({"inputs":[)" + binary_input("a", 8).insert(1, R"("data":[],)") + "]}"),
              HasSubstr("has data and the parameter binary_data_size"));
}

ModelInferResponse response() {
  ModelInferResponse out;
  out.set_model_name("m");
  out.set_model_version("3");
  out.set_id("i\"d");
  const auto add = [&](const char* name, const char* datatype, std::int64_t rows,
                       const std::string& raw) {
    auto& output = *out.add_outputs();
    output.set_name(name);
    output.set_datatype(datatype);
    output.add_shape(rows);
    output.add_shape(1);
    out.add_raw_output_contents(raw);
  };
  const double numbers[] = {0.1, std::nan("")};
  const std::int64_t whole = 9007199254740993;
  add("n", "FP64", 2, std::string(reinterpret_cast<const char*>(numbers), 16));
  add("i", "INT64", 1, std::string(reinterpret_cast<const char*>(&whole), 8));
  add("t", "BYTES", 3, raw_texts({"a", "", "\"b"}));
  return out;
}

TEST(InferJson, WritesTheReply) {
  const InferBody body = write_infer(response(), {});
  EXPECT_FALSE(body.binary);
  EXPECT_EQ(body.json_bytes, body.text.size());
  EXPECT_EQ(body.text, R"({"model_name":"m","model_version":"3","id":"i\"d","outputs":[)"
                       R"({"name":"n","datatype":"FP64","shape":[2,1],"data":[0.1,null]},)"
                       R"({"name":"i","datatype":"INT64","shape":[1,1],"data":[9007199254740993]},)"
                       R"({"name":"t","datatype":"BYTES","shape":[3,1],"data":["a","","\"b"]}]})");
}

TEST(InferJson, WritesBinaryOutputsBehindTheJson) {
  BinaryOutputs form;
  form.named = {"n"};
  const InferBody body = write_infer(response(), form);
  EXPECT_TRUE(body.binary);
  const Json json = parse_json(std::string_view(body.text).substr(0, body.json_bytes));
  EXPECT_EQ(json["outputs"][0]["parameters"]["binary_data_size"], 16);
  EXPECT_FALSE(json["outputs"][0].contains("data"));
  EXPECT_EQ(json["outputs"][1]["data"][0], 9007199254740993);
  EXPECT_EQ(body.text.substr(body.json_bytes), response().raw_output_contents(0));
}

}  // namespace

}  // namespace lathe::server
