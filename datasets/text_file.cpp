#include "lathe/datasets/text_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <new>
#include <system_error>

#include <zlib.h>

#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

[[noreturn]] void fail_to_read(const std::string& name, int reason) {
  throw IoError("D001", "cannot read " + name + ": " + std::strerror(reason));
}

// All of it. `expected` is a guess of its size.
std::string read_all(std::FILE* file, std::size_t expected, const std::string& name) {
  std::string bytes;
  std::size_t used = 0;
  std::size_t size = expected + 1;  // the last byte stays free, which shows the end
  while (true) {
    bytes.resize(size);
    errno = 0;
    used += std::fread(bytes.data() + used, 1, bytes.size() - used, file);
    if (std::ferror(file) != 0) fail_to_read(name, errno);
    if (used < bytes.size()) break;
    size = 2 * bytes.size();
  }
  bytes.resize(used);
  return bytes;
}

// Owns zlib's state for as long as it lives.
class Inflater {
 public:
  Inflater(std::string_view bytes, const std::string& name) : name_(name), rest_(bytes) {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, gzip_only) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool done() const { return done_; }

  // Fills `out` from `used` on, as far as there is something, and returns what is then used.
  std::size_t fill(std::string& out, std::size_t used) {
    while (!done_ && used < out.size()) {
      constexpr std::size_t most = std::numeric_limits<uInt>::max();
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest_.data()));
      stream_.avail_in = static_cast<uInt>(std::min(rest_.size(), most));
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + used);
      stream_.avail_out = static_cast<uInt>(std::min(out.size() - used, most));
      const int status = inflate(&stream_, Z_NO_FLUSH);
      const auto* at = reinterpret_cast<const char*>(stream_.next_in);
      rest_.remove_prefix(static_cast<std::size_t>(at - rest_.data()));
      used = static_cast<std::size_t>(reinterpret_cast<char*>(stream_.next_out) - out.data());
      advance(status);
    }
    return used;
  }

 private:
  void advance(int status) {
    if (status == Z_STREAM_END) {
      done_ = rest_.empty();
      if (done_) return;
      if (!is_gzip(rest_)) corrupt("there are other bytes after the gzip data");
      inflateReset(&stream_);
    } else if (status == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (status == Z_BUF_ERROR ||
               (status == Z_OK && rest_.empty() && stream_.avail_out > 0)) {
      corrupt("the gzip data are cut short");
    } else if (status != Z_OK) {
      corrupt(std::string("damaged gzip data: ") +
              (stream_.msg != nullptr ? stream_.msg : "unknown reason"));
    }
  }
  [[noreturn]] void corrupt(const std::string& what) const {
    throw CorruptData("D002", name_ + ": " + what);
  }

  const std::string& name_;
  std::string_view rest_;
  z_stream stream_{};
  bool done_ = false;
};

}  // namespace

std::string read_file(const std::string& path, const std::string& name) {
  constexpr std::size_t usual = std::size_t{1} << 16;
  if (path == "-") return read_all(stdin, usual, name);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) fail_to_read(name, errno);
  std::error_code unknown;  // of a pipe, say
  const std::uintmax_t size = std::filesystem::file_size(path, unknown);
  return read_all(file.get(), unknown ? usual : static_cast<std::size_t>(size), name);
}

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1F\x8B"); }

std::string gunzip(std::string_view bytes, const std::string& name, std::uint64_t limit) {
  Inflater inflater(bytes, name);
  std::string text;
  std::size_t used = 0;
  std::size_t size = 4 * bytes.size();  // a usual ratio
  while (true) {
    // One byte more than the limit shows that there is more.
    text.resize(static_cast<std::size_t>(std::min<std::uint64_t>(size, limit)) + 1);
    used = inflater.fill(text, used);
    if (used > limit) {
      throw InvalidArgument("D003",
                            name + ": unpacks to more than " + std::to_string(limit) +
                                " bytes, the limit for compressed tables",
                            "if the file is to be trusted, unpack it first");
    }
    if (inflater.done()) break;
    size = 2 * text.size();
  }
  text.resize(used);
  return text;
}

}  // namespace lathe
