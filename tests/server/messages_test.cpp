#include "lathe/server/messages.h"

#include <initializer_list>

#include <gtest/gtest.h>
#include <zlib.h>

#include "lathe/proto/inference.pb.h"

namespace lathe::server {

namespace {

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
std::string code_or_id_of(Bytes& bytes) {
  inference::ModelInferRequest request;
  try {
    read_message(bytes, most, request);
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

TEST(Messages, ThoseThatMayBeCompressedMayHoldMore) {
  const std::string text = long_text(50);
  EXPECT_TRUE(surely_holds_at_most(50, in_slices(text, {})));
  EXPECT_FALSE(surely_holds_at_most(49, in_slices(text, {})));
  EXPECT_FALSE(surely_holds_at_most(50, in_slices(text, {1})));
}

}  // namespace

}  // namespace lathe::server
