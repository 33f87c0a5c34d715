#include "lathe/server/version_policy.h"

#include <utility>

#include "lathe/server/error.h"
#include "lathe/server/repository.h"
#include "lathe/server/text.h"

namespace lathe::server {

namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& rule) {
  throw InvalidArgument("U012", "version policy " + in_quotes(text) + ": " + rule,
                        "latest(2) serves the two newest versions, all every one, and "
                        "specific(1,3) those two");
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::uint64_t read_number(std::string_view text, std::string_view whole) {
  const std::uint64_t number = version_number(trimmed(text));
  if (number == 0) refuse(whole, "numbers must be whole and at least 1");
  return number;
}

}  // namespace

VersionPolicy VersionPolicy::latest(std::size_t count) {
  VersionPolicy policy;
  policy.count_ = count;
  return policy;
}

VersionPolicy VersionPolicy::all() {
  VersionPolicy policy;
  policy.kind_ = Kind::all;
  return policy;
}

VersionPolicy VersionPolicy::specific(std::set<std::uint64_t> versions) {
  VersionPolicy policy;
  policy.kind_ = Kind::specific;
  policy.versions_ = std::move(versions);
  return policy;
}

VersionPolicy VersionPolicy::parse(std::string_view text) {
  const std::string_view whole = text;
  text = trimmed(text);
  if (text == "all") return all();
  if (text == "latest") return latest(1);
  const std::size_t open = text.find('(');
  const std::string_view kind = trimmed(text.substr(0, open));
  if (open == std::string_view::npos || !text.ends_with(')') ||
      (kind != "latest" && kind != "specific")) {
    refuse(whole, "it must be latest(N), all or specific(N,...)");
  }
  std::string_view list = text.substr(open + 1, text.size() - open - 2);
  if (kind == "latest") return latest(read_number(list, whole));
  std::set<std::uint64_t> versions;
  while (true) {
    const std::size_t comma = list.find(',');
    versions.insert(read_number(list.substr(0, comma), whole));
    if (comma == std::string_view::npos) return specific(std::move(versions));
    list.remove_prefix(comma + 1);
  }
}

bool VersionPolicy::takes(std::uint64_t version, std::size_t newer) const {
  switch (kind_) {
    case Kind::latest:
      return newer < count_;
    case Kind::specific:
      return versions_.contains(version);
    case Kind::all:
      break;
  }
  return true;
}

std::string VersionPolicy::text() const {
  if (kind_ == Kind::all) return "all";
  if (kind_ == Kind::latest) return "latest(" + std::to_string(count_) + ")";
  std::string list;
  for (const std::uint64_t version : versions_) {
    list += (list.empty() ? "" : ",") + std::to_string(version);
  }
  return "specific(" + list + ")";
}

}  // namespace lathe::server
