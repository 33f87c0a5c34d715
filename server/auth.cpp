#include "lathe/server/auth.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <unistd.h>

#include "lathe/server/error.h"
#include "lathe/server/log.h"

namespace lathe::server {

namespace {

constexpr std::size_t shortest_token = 16;
constexpr std::int64_t largest_file = 1 << 20;

// Tokens are compared by their digests: all of one length, and near misses look like any other.
using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

Digest digest(std::string_view token) {
  Digest result;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), result.data());
  return result;
}

struct File {
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
    OPENSSL_cleanse(text.data(), text.size());
  }
  int descriptor = -1;
  std::string text;
};

[[noreturn]] void fail(const std::string& path) {
  throw IoError("R030", "token file " + path + ": " + std::generic_category().message(errno));
}

void read(const std::string& path, File& file, FileStamp& stamp) {
  file.descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // no pipe to wait for
  struct stat status = {};
  if (file.descriptor < 0 || ::fstat(file.descriptor, &status) != 0) fail(path);
  stamp = stamp_of(status);
  if (stamp.size < 0 || stamp.size > largest_file) {
    throw InvalidArgument("R030", "token file " + path + ": not a file of at most 1 MiB");
  }
  if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    throw InvalidArgument("R030",
                          "token file " + path + ": everybody on this machine may read or write it",
                          "chmod 600, or 640 with the daemon's group");
  }
  file.text.resize(static_cast<std::size_t>(stamp.size));
  std::size_t have = 0;
  while (have < file.text.size()) {
    const ssize_t got = ::read(file.descriptor, file.text.data() + have, file.text.size() - have);
    if (got < 0) fail(path);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  file.text.resize(have);
}

bool is_token(std::string_view text) {
  const std::size_t end = text.find_last_not_of('=');
  return text.size() >= shortest_token && end != std::string_view::npos &&
         std::ranges::all_of(text.substr(0, end + 1), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("-._~+/").find(c) != std::string_view::npos;
         });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

}  // namespace

struct Authority::Tokens {
  struct Entry {
    Digest digest;
    Access access;
  };

  Tokens(const std::string& path, std::string_view text);
  std::vector<Entry> entries;
};

Authority::Tokens::Tokens(const std::string& path, std::string_view text) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::size_t space = std::min(line.find_first_of(" \t"), line.size());
    const std::string_view role = line.substr(0, space);
    const std::string_view token = trimmed(line.substr(space));
    if ((role != "predict" && role != "admin") || !is_token(token)) {
      throw InvalidArgument("R030",
                            "token file " + path + ", line " + std::to_string(number) +
                                ": not `predict TOKEN` or `admin TOKEN`",
                            "a token is 16 or more letters, digits or -._~+/");
    }
    entries.push_back({digest(token), role == "admin" ? Access::admin : Access::predict});
  }
  if (entries.empty()) throw InvalidArgument("R030", "token file " + path + ": it has no tokens");
}

Authority::Authority(std::string token_file) : path_(std::move(token_file)) {
  if (path_.empty()) return;
  File file;
  read(path_, file, tried_);
  tokens_ = std::make_shared<const Tokens>(path_, file.text);
}

Authority::~Authority() = default;

void Authority::check(const Caller& caller, Access access) const {
  if (access == Access::open) return;
  if (path_.empty()) {
    if (access == Access::predict || caller.local) return;
    throw Forbidden("R032",
                    "admin calls are refused on an address that other machines reach: the server "
                    "has no token file",
                    "start it with --token-file, or ask on the loopback address");
  }
  refresh_in_time();
  constexpr std::string_view scheme = "bearer ";
  const auto same_letter = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  if (caller.authorization.size() <= scheme.size() ||
      !std::ranges::equal(caller.authorization.substr(0, scheme.size()), scheme, same_letter)) {
    throw Unauthenticated("R031", "this call needs a bearer token",
                          "send `authorization: Bearer TOKEN`");
  }
  const Access allowed = access_of(trimmed(caller.authorization.substr(scheme.size())));
  if (allowed == Access::open) {
    throw Unauthenticated("R031", "the bearer token is not one of this server's");
  }
  if (access == Access::admin && allowed != Access::admin) {
    throw Forbidden("R032", "this call needs an admin token, and this one is for predictions");
  }
}

// The most that a token is good for; open: nothing.
Access Authority::access_of(std::string_view token) const {
  std::shared_ptr<const Tokens> tokens;
  {
    const std::shared_lock lock(mutex_);
    tokens = tokens_;
  }
  const Digest given = digest(token);
  Access access = Access::open;
  for (const Tokens::Entry& entry : tokens->entries) {  // all of them, also after a match
    if (CRYPTO_memcmp(entry.digest.data(), given.data(), given.size()) == 0) {
      access = std::max(access, entry.access);
    }
  }
  return access;
}

void Authority::refresh_in_time() const {
  constexpr std::int64_t second = 1'000'000'000;
  const std::int64_t now = now_ns();
  std::int64_t next = next_look_ns_.load(std::memory_order_relaxed);
  if (now < next || !next_look_ns_.compare_exchange_strong(next, now + second)) return;
  refresh();
}

void Authority::refresh() const {
  if (path_.empty()) return;
  const std::lock_guard one_at_a_time(refresh_mutex_);
  const FileStamp stamp = stamp_of(path_.c_str());
  if (stamp == tried_) return;
  tried_ = stamp;
  try {
    File file;
    read(path_, file, tried_);
    auto tokens = std::make_shared<const Tokens>(path_, file.text);
    const std::unique_lock lock(mutex_);
    tokens_.swap(tokens);
    log_info("token file read again");
  } catch (const Error& error) {
    log_error(std::string(error.what()) + "; the tokens of before go on");
  }
}

}  // namespace lathe::server
