// Which versions of a model serve at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace lathe::server {

class VersionPolicy {
 public:
  VersionPolicy() = default;  // the newest

  // The `count` >= 1 highest of those that can be loaded.
  static VersionPolicy latest(std::size_t count);
  static VersionPolicy all();
  static VersionPolicy specific(std::set<std::uint64_t> versions);
  // "latest", "latest(2)", "all" or "specific(1,3)". Throws InvalidArgument (U012).
  static VersionPolicy parse(std::string_view text);

  enum class Kind { latest, all, specific };
  Kind kind() const { return kind_; }
  std::size_t count() const { return count_; }                           // of latest
  const std::set<std::uint64_t>& versions() const { return versions_; }  // of specific

  // Whether a version serves when `newer` that are higher do.
  bool takes(std::uint64_t version, std::size_t newer) const;
  std::string text() const;  // parse() reads it back

  bool operator==(const VersionPolicy&) const = default;

 private:
  Kind kind_ = Kind::latest;
  std::size_t count_ = 1;
  std::set<std::uint64_t> versions_;
};

}  // namespace lathe::server
