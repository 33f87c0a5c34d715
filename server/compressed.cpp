#include "lathe/server/compressed.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include <zlib.h>

#include "lathe/ml/core/error.h"
#include "lathe/server/memory.h"

namespace lathe::server {

namespace {

[[noreturn]] void refuse_damaged() {
  throw InvalidArgument("R019", "the message's compressed data are damaged or end too early");
}

// The text grows as strings do, and what it takes is held before it does.
class Text {
 public:
  explicit Text(HeldMemory& held) : held_(held), others_(held.bytes()) {}

  std::string& text() { return text_; }
  void append(std::string_view bytes) {
    const std::size_t needed = text_.size() + bytes.size();
    if (needed > text_.capacity()) {
      const std::size_t room = std::max(needed, 2 * text_.capacity());
      held_.set(others_ + text_.capacity() + room);  // both, as long as one is copied
      text_.reserve(room);
      held_.set(others_ + text_.capacity());
    }
    text_.append(bytes);
  }

 private:
  std::string text_;
  HeldMemory& held_;
  std::size_t others_;
};

}  // namespace

bool is_compressed(std::string_view bytes) {
  if (bytes.size() < 2) return false;
  const int first = static_cast<unsigned char>(bytes[0]);
  const int second = static_cast<unsigned char>(bytes[1]);
  return (first == 0x1f && second == 0x8b) || (first == 0x78 && (first * 256 + second) % 31 == 0);
}

std::optional<std::string> unpack(std::span<const std::string_view> parts, std::size_t most,
                                  HeldMemory& held) {
  constexpr int either_format = MAX_WBITS + 32;
  z_stream stream{};
  if (inflateInit2(&stream, either_format) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
  Text out(held);
  Bytef block[16 << 10];
  int status = Z_OK;
  for (const std::string_view part : parts) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));  // only read
    stream.avail_in = static_cast<uInt>(part.size());
    do {
      stream.next_out = block;
      stream.avail_out = sizeof block;
      status = inflate(&stream, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) refuse_damaged();
      out.append({reinterpret_cast<const char*>(block), sizeof block - stream.avail_out});
      if (out.text().size() > most) return std::nullopt;
    } while (status == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0));
    if (stream.avail_in > 0) refuse_damaged();  // something follows its end
  }
  if (status != Z_STREAM_END) refuse_damaged();
  return std::move(out.text());
}

}  // namespace lathe::server
