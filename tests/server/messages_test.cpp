#include <initializer_list>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "lathe/proto/inference.pb.h"
#include "lathe/server/infer_messages.h"

namespace lathe::server {

namespace {

using testing::Each;

constexpr std::size_t most = 4000;

// That is long, also compressed: gRPC puts short slices together.
std::string long_text(std::size_t size) {
  std::string text;
  for (int i = 1; text.size() < size; ++i) text += std::to_string(i * 7919 % 1000);
  return text.substr(0, size);
}

// As gRPC hands over what came in parts of those sizes and a rest.
Bytes in_slices(std::string_view text, std::initializer_list<std::size_t> sizes) {
  std::vector<grpc::Slice> slices;
  for (const std::size_t size : sizes) {
    slices.emplace_back(text.data(), size);
    text.remove_prefix(size);
  }
  slices.emplace_back(text.data(), text.size());
  return {slices.data(), slices.size()};
}

std::string compressed(const std::string& text) {
  std::string out(compressBound(text.size()), '\0');
  uLongf size = out.size();
  compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
           text.size());
  out.resize(size);
  return out;
}

// The code of its refusal, or else its id.
std::string code_or_id_of(Bytes& bytes, std::size_t most_bytes = most) {
  inference::ModelInferRequest request;
  try {
    read_message(bytes, most_bytes, request);
  } catch (const Error& error) {
    return error.code();
  }
  return request.id();
}

TEST(Messages, AreReadWhereverTheirSlicesEnd) {
  inference::ModelInferRequest request;
  const std::string id = long_text(300);
  request.set_id(id);
  const std::string plain = request.SerializeAsString();
  const std::string packed = compressed(plain);
  for (const std::string& text : {plain, packed}) {
    for (const auto& sizes : {std::initializer_list<std::size_t>{1}, {0, 1}, {0, 1, 0, 1}, {2}}) {
      Bytes bytes = in_slices(text, sizes);
      EXPECT_EQ(code_or_id_of(bytes), id);
      EXPECT_FALSE(bytes.Valid());
    }
  }
  Bytes none;
  EXPECT_EQ(code_or_id_of(none), "R019");
  Bytes empty = in_slices("", {0});
  EXPECT_EQ(code_or_id_of(empty), "");
}

TEST(Messages, AreTakenAwayAlsoWhereTheyAreRefused) {
  Bytes damaged = in_slices(compressed(long_text(300)).substr(0, 99), {3});
  Bytes large = in_slices(std::string(most + 1, 'x'), {});
  Bytes larger = in_slices(compressed(long_text(most + 1)), {3});
  Bytes no_message = in_slices("\xff\xff", {});
  EXPECT_EQ(code_or_id_of(damaged), "R019");
  EXPECT_EQ(code_or_id_of(large), "R017");
  EXPECT_EQ(code_or_id_of(larger), "R017");
  EXPECT_EQ(code_or_id_of(no_message), "R019");
  for (const Bytes* bytes : {&damaged, &large, &larger, &no_message}) {
    EXPECT_FALSE(bytes->Valid());
  }
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// What `code_or_id_of` says of these, in one slice, in several, and compressed.
std::vector<std::string> answers_to(const std::string& text) {
  Bytes one = in_slices(text, {}), several = in_slices(text, {100}),
        packed = in_slices(compressed(text), {100});
  const std::size_t most_bytes = std::size_t{1} << 20;
  return {code_or_id_of(one, most_bytes), code_or_id_of(several, most_bytes),
          code_or_id_of(packed, most_bytes)};
}

TEST(Messages, HoldNoMoreTensorsAndParametersThanTheLimit) {
  const std::string input("\x2a\x00", 2), parameter("\x22\x00", 2), id("\x1a\x02it");
  EXPECT_THAT(answers_to(id + repeated(input, most_messages)), Each("it"));
  EXPECT_THAT(answers_to(id + repeated(input, most_messages + 1)), Each("R017"));
  // Within a tensor, whose size of 280000 bytes takes three; and raw bytes are none.
  const std::string inner = repeated(parameter, 140'000);
  EXPECT_THAT(answers_to("\x2a\xc0\x8b\x11" + inner), Each("R017"));
  EXPECT_THAT(answers_to(id + "\x3a\xc0\x8b\x11" + inner), Each("it"));
  EXPECT_THAT(answers_to(repeated(input, most_messages) + "\xff"), Each("R019"));
}

TEST(Messages, ThoseThatMayBeCompressedMayHoldMore) {
  const std::string text = long_text(50);
  EXPECT_TRUE(surely_holds_at_most(50, in_slices(text, {})));
  EXPECT_FALSE(surely_holds_at_most(49, in_slices(text, {})));
  EXPECT_FALSE(surely_holds_at_most(50, in_slices(text, {1})));
}

// Answers one request, and says what the messages hold that the next call gets.
std::size_t kept_after(const inference::ModelInferRequest& request, std::size_t reply_bytes) {
  Activity activity;
  const auto take = [&] { return InferMessages::take(activity); };
  InferMessages* messages = take();
  const std::string text = request.SerializeAsString();
  Bytes bytes = in_slices(text, {});
  messages->request()->Swap(&bytes);
  messages->look_at_request();
  read_message(*messages->request(), text.size(), messages->in);
  messages->out.add_raw_output_contents(std::string(reply_bytes, 'x'));
  write_message(messages->out, *messages->response());
  EXPECT_EQ(activity.running, 1);
  messages->Release();
  EXPECT_EQ(activity.running, 0);
  messages = take();
  const std::size_t kept = messages->in.SpaceUsedLong() + messages->out.SpaceUsedLong();
  EXPECT_EQ(messages->in.ByteSizeLong() + messages->out.ByteSizeLong(), 0);
  EXPECT_EQ(messages->request()->Length() + messages->response()->Length(), 0);
  messages->Release();
  return kept;
}

TEST(Messages, AreKeptForTheNextCallWhereTheyAreSmall) {
  inference::ModelInferRequest empty;
  const std::size_t least = kept_after(empty, 5000);
  inference::ModelInferRequest row;
  row.add_inputs()->set_name("x");
  row.add_raw_input_contents(std::string(160, 'x'));
  EXPECT_GT(kept_after(row, 8), least + 160);
  EXPECT_EQ(kept_after(row, 5000), least);
  row.set_raw_input_contents(0, std::string(5000, 'x'));
  EXPECT_EQ(kept_after(row, 8), least);
  for (int i = 0; i < 100; ++i) empty.add_inputs();
  EXPECT_EQ(kept_after(empty, 8), least);
}

}  // namespace

}  // namespace lathe::server
