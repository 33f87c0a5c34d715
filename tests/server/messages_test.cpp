#include <algorithm>
#include <initializer_list>
#include <utility>

#include <gmock/gmock.h>
#include <google/protobuf/arena.h>
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
  Memory memory(std::size_t{1} << 30);
  HeldMemory held(memory);
  try {
    read_message(bytes, most_bytes, request, held);
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

// What `text` takes by its bytes, and then once it is read on an arena as requests are.
std::pair<std::size_t, std::size_t> sizes_of(const std::string& text) {
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  const auto said = size_once_read(stream, *inference::ModelInferRequest::descriptor(),
                                   {std::size_t{1} << 40, most_messages});
  google::protobuf::Arena arena;
  auto& read = *google::protobuf::Arena::CreateMessage<inference::ModelInferRequest>(&arena);
  EXPECT_TRUE(read.ParseFromString(text));
  std::size_t on_heap = 0;
  const auto add = [&](const auto& texts) {
    for (const std::string& value : texts) {
      if (value.capacity() > 15) on_heap += value.capacity() + 16;
    }
  };
  add(read.raw_input_contents());
  for (const auto& input : read.inputs()) add(input.contents().bytes_contents());
  const std::size_t taken =
      std::max<std::size_t>(arena.SpaceUsed() + on_heap, read.SpaceUsedLong());
  return {said.value_or(MessageSize{}).bytes, taken};
}

TEST(Messages, TheirBytesTellWhatTheyTakeOnceTheyAreRead) {
  using Contents = inference::InferTensorContents;
  const auto with = [](auto set) {
    inference::ModelInferRequest request;
    set(*request.add_inputs()->mutable_contents());
    return request.SerializeAsString();
  };
  const int n = 100'001;
  const std::string unknown("\xf8\x07\x01", 3), unknown_text("\xfa\x07\x00", 3),
      group("\xfb\x07\xfc\x07");
  for (const std::string& text :
       {with([](Contents& c) {
          for (int i = 0; i < n; ++i) c.add_bytes_contents("");
        }),
        with([](Contents& c) {
          for (int i = 0; i < n; ++i) c.add_bytes_contents("sixteen letters!");
        }),
        with([](Contents& c) {
          for (int i = 0; i < n; ++i) c.add_int64_contents(i % 100);
        }),
        with([](Contents& c) {
          for (int i = 0; i < n; ++i) c.add_int_contents(i % 3 - 1);
        }),
        with([](Contents& c) {
          for (int i = 0; i < n; ++i) c.add_bool_contents(true);
        }),
        with([](Contents& c) {
          for (int i = 0; i < n; ++i) c.add_fp32_contents(1);
        }),
        with([](Contents& c) {
          for (int i = 0; i < n; ++i) c.add_fp64_contents(1);
        }),
        repeated(std::string("\x2a\x04\x2a\x02\x18\x01", 6), n / 2),
        repeated(std::string("\x2a\0", 2), n), repeated(std::string("\x3a\0", 2), n),
        repeated(unknown, n), repeated(unknown_text, n), repeated(group, n),
        "\x3a\x80\x80\x40" + std::string(1 << 20, 'x')}) {
    const auto [said, taken] = sizes_of(text);
    EXPECT_GE(said, taken) << text.size();
    EXPECT_LE(said, 4 * taken + 1000) << text.size();
  }
}

TEST(Messages, HoldWhatTheyTakeUntilTheyAreDoneWith) {
  inference::ModelInferRequest request;
  auto& contents = *request.add_inputs()->mutable_contents();
  for (int i = 0; i < 500'000; ++i) contents.add_bytes_contents("");
  const std::string text = request.SerializeAsString();
  Memory memory(std::size_t{100} << 20), small(std::size_t{10} << 20);
  for (const std::string& sent : {text, compressed(text)}) {
    Bytes bytes = in_slices(sent, {100}), refused = in_slices(sent, {100});
    {
      HeldMemory held(memory);
      read_message(bytes, 1 << 20, request, held);
      EXPECT_GT(held.bytes(), 30U << 20);
      EXPECT_EQ(memory.held(), held.bytes());
      HeldMemory none(small);
      EXPECT_THROW(read_message(refused, 1 << 20, request, none), Overloaded);
    }
    EXPECT_EQ(memory.held(), 0U);
    EXPECT_EQ(small.held(), 0U);
  }
}

TEST(Messages, TellTheirSizeOnceTheyAreUnpacked) {
  inference::ModelInferRequest request;
  request.set_id(long_text(5000));
  const std::string text = request.SerializeAsString();
  Memory memory(std::size_t{1} << 30);
  HeldMemory held(memory);
  for (const std::string& sent : {text, compressed(text)}) {
    for (const auto& sizes : {std::initializer_list<std::size_t>{1}, {10, 20}}) {
      Bytes bytes = in_slices(sent, sizes);
      inference::ModelInferRequest read;
      EXPECT_EQ(read_message(bytes, 1 << 20, read, held), text.size());
      EXPECT_EQ(read.id(), request.id());
    }
  }
}

TEST(Messages, OfAnySizeAreWrittenWhole) {
  for (const std::size_t size : {0, 1, 20, 21, 22, 43, 44, 66, 67, 68, 300}) {
    inference::ModelInferRequest request;
    request.set_id(std::string(size, 'x'));
    Bytes bytes;
    write_message(request, bytes);
    EXPECT_EQ(bytes.Length(), request.ByteSizeLong());
    Memory memory(std::size_t{1} << 30);
    HeldMemory held(memory);
    inference::ModelInferRequest read;
    read_message(bytes, 1 << 20, read, held);
    EXPECT_EQ(read.id(), request.id()) << size;
  }
}

// What the messages hold once they are cleared after such a call.
std::size_t kept_after(const inference::ModelInferRequest& request, std::size_t reply_bytes) {
  InferMessages messages;
  messages.in = request;
  messages.out.add_raw_output_contents(std::string(reply_bytes, 'x'));
  messages.clear(std::max(messages.in.ByteSizeLong(), messages.out.ByteSizeLong()));
  EXPECT_EQ(messages.in.ByteSizeLong() + messages.out.ByteSizeLong(), 0);
  return messages.in.SpaceUsedLong() + messages.out.SpaceUsedLong();
}

TEST(Messages, AreKeptForTheNextCallWhereTheyAreSmall) {
  constexpr std::size_t large = 300'000;
  inference::ModelInferRequest request;
  const std::size_t least = kept_after(request, large);
  request.add_inputs()->set_name("x");
  request.add_raw_input_contents(std::string(160, 'x'));
  EXPECT_GT(kept_after(request, 8), least + 160);
  EXPECT_EQ(kept_after(request, large), least);
  inference::ModelInferRequest many = request;
  for (int i = 0; i < 500; ++i) *many.add_inputs() = request.inputs(0);
  EXPECT_EQ(kept_after(many, 8), least);
  request.set_raw_input_contents(0, std::string(large, 'x'));
  EXPECT_EQ(kept_after(request, 8), least);
}

TEST(Messages, TheirBytesTellWhichCallsRunAndWhatTheyHold) {
  Activity activity;
  Memory memory(1 << 20);
  InferAllocator allocator(activity, memory);
  InferBytes* const bytes = allocator.AllocateMessages();
  EXPECT_EQ(activity.running, 1);
  *bytes->request() = in_slices(long_text(300), {});
  *bytes->response() = in_slices(long_text(300), {});
  bytes->held().set(5000);
  EXPECT_EQ(memory.held(), 5000);
  bytes->Release();
  EXPECT_EQ(memory.held(), 0);
  EXPECT_EQ(activity.running, 0);
  EXPECT_EQ(activity.started, 1);
  InferBytes* const again = allocator.AllocateMessages();
  EXPECT_EQ(again->request()->Length() + again->response()->Length(), 0);
  again->Release();
}

}  // namespace

}  // namespace lathe::server
