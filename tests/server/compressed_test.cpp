#include "lathe/server/compressed.h"

#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

#include "lathe/ml/core/error.h"
#include "lathe/server/memory.h"

namespace lathe::server {

namespace {

constexpr int zlib_format = MAX_WBITS, gzip_format = MAX_WBITS + 16;

std::string packed(const std::string& text, int format) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::optional<std::string> unpack_parts(std::span<const std::string_view> parts, std::size_t most) {
  Memory memory(std::size_t{100} << 20);
  HeldMemory held(memory);
  return unpack(parts, most, held);
}
std::optional<std::string> unpack_whole(std::string_view bytes, std::size_t most) {
  return unpack_parts({&bytes, 1}, most);
}

TEST(Compressed, UnpacksWhatWasPackedHoweverItComesInParts) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i * 7919 % 1000);
  for (const int format : {zlib_format, gzip_format}) {
    const std::string bytes = packed(text, format);
    EXPECT_TRUE(is_compressed(bytes));
    EXPECT_EQ(unpack_whole(bytes, text.size()), text);
    std::vector<std::string_view> parts;
    const std::string_view all = bytes;
    for (std::size_t at = 0, step = 1; at < all.size(); at += step, step = step * 3 % 1000 + 1) {
      parts.push_back(all.substr(at, step));
      parts.emplace_back();
    }
    EXPECT_EQ(unpack_parts(parts, text.size()), text);
    EXPECT_EQ(unpack_whole(packed("", format), 0), "");
  }
}

TEST(Compressed, StopsAtTheLimit) {
  const std::string bomb = packed(std::string(16 << 20, '\0'), gzip_format);
  EXPECT_LT(bomb.size(), 100'000U);
  EXPECT_EQ(unpack_whole(bomb, 1 << 20), std::nullopt);
  EXPECT_EQ(unpack_whole(packed("four", zlib_format), 3), std::nullopt);
}

TEST(Compressed, TakesMemoryAsItGoes) {
  const std::string bomb = packed(std::string(16 << 20, '\0'), gzip_format);
  const std::string_view bytes = bomb;
  Memory memory(std::size_t{40} << 20), little(std::size_t{4} << 20);
  {
    HeldMemory held(memory);
    const auto text = unpack({&bytes, 1}, 16 << 20, held);
    EXPECT_GE(held.bytes(), text->capacity());
    EXPECT_LE(held.bytes(), text->capacity() + 100);
    HeldMemory none(little);
    EXPECT_THROW(unpack({&bytes, 1}, 16 << 20, none), Overloaded);
  }
  EXPECT_EQ(memory.held(), 0U);
  EXPECT_EQ(little.held(), 0U);
}

TEST(Compressed, RefusesDamage) {
  const std::string whole = packed(std::string(1000, 'x'), gzip_format);
  EXPECT_THROW(unpack_whole(whole.substr(0, whole.size() - 1), 2000), InvalidArgument);
  EXPECT_THROW(unpack_whole(whole + "x", 2000), InvalidArgument);
  for (std::size_t i = 0; i < whole.size(); ++i) {  // gzip's head has bytes that mean nothing
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    try {
      EXPECT_EQ(unpack_whole(damaged, 2000), std::string(1000, 'x')) << i;
    } catch (const InvalidArgument& error) {
      EXPECT_EQ(error.code(), "R019");
    }
  }
  EXPECT_THROW(unpack_parts({}, 10), InvalidArgument);
}

TEST(Compressed, TellsMessagesFromCompressedData) {
  for (const std::string_view bytes :
       {"", "\x1f", "\x0a\x06linear", "\x78\x02", "linear", "\xff\xff"}) {
    EXPECT_FALSE(is_compressed(bytes));
  }
}

}  // namespace

}  // namespace lathe::server
