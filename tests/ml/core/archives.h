// Writing and reading one thing, and bytes made by hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "lathe/ml/core/archive.h"

#include "tests/ml/core/support.h"
#include "tests/ml/core/toys.h"

namespace lathe {

template <class... T>
std::string written(const T&... fields) {
  OutputArchive archive;
  archive(fields...);
  return archive.bytes();
}

template <class T>
T read(const std::string& bytes) {
  InputArchive archive(bytes, toys::load);
  T value{};
  archive(value);
  EXPECT_EQ(archive.bytes_left(), 0U);
  return value;
}

template <class T>
std::string read_refusal(const std::string& bytes) {
  return thrown<CorruptData>([&] { read<T>(bytes); });
}

// Bytes as an archive has them, so that a test can lie.
class Bytes {
 public:
  Bytes& i32(std::int32_t v) { return put(&v, sizeof v); }
  Bytes& u64(std::uint64_t v) { return put(&v, sizeof v); }
  Bytes& f64(double v) { return put(&v, sizeof v); }
  Bytes& text(const std::string& v) {
    u64(v.size());
    return put(v.data(), v.size());
  }
  operator const std::string&() const { return bytes_; }

 private:
  Bytes& put(const void* data, std::size_t n) {
    bytes_.append(static_cast<const char*>(data), n);
    return *this;
  }
  std::string bytes_ = std::string(1, '\1');  // little-endian
};

}  // namespace lathe
