#include "tests/golden/case.h"

#include <algorithm>

namespace lathe::golden {
namespace {

const Json null_json;

const Json& member(const Json& object, const std::string& key) {
  if (!object.is_object()) return null_json;
  const auto found = object.find(key);
  return found == object.end() ? null_json : *found;
}

std::string shown(const std::string& key, const Json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  return key + "=" + (text.size() > 60 ? text.substr(0, 57) + "..." : text);
}

}  // namespace

const Json& Settings::get(const std::string& key) {
  known_.insert(key);
  return member(params_, key);
}

double Settings::number(const std::string& key, double otherwise) {
  const Json& value = get(key);
  if (value.is_null()) return otherwise;
  const auto number = number_in(value);
  if (!number) throw NotBuilt{shown(key, value)};
  return *number;
}

std::int64_t Settings::integer(const std::string& key, std::int64_t otherwise) {
  const Json& value = get(key);
  if (value.is_null()) return otherwise;
  if (!value.is_number_integer()) throw NotBuilt{shown(key, value)};
  return value.get<std::int64_t>();
}

bool Settings::flag(const std::string& key, bool otherwise) {
  const Json& value = get(key);
  if (value.is_null()) return otherwise;
  if (!value.is_boolean()) throw NotBuilt{shown(key, value)};
  return value.get<bool>();
}

std::string Settings::text(const std::string& key, const std::string& otherwise) {
  const Json& value = get(key);
  if (value.is_null()) return otherwise;
  if (!value.is_string()) throw NotBuilt{shown(key, value)};
  return value.get<std::string>();
}

void Settings::only(const std::string& key, const std::vector<Json>& values) {
  const Json& value = get(key);
  if (value.is_null() || std::find(values.begin(), values.end(), value) != values.end()) return;
  throw NotBuilt{shown(key, value)};
}

void Settings::finish() const {
  for (const auto& [key, value] : params_.items()) {
    if (!known_.contains(key)) throw NotBuilt{shown(key, value)};
  }
}

const Json& Results::compared(const std::string& key) const {
  const Json& settled = member(compared_, key);
  return settled.is_null() ? member(values_, key) : settled;
}

const Json& Case::at(const std::string& key) const { return member(json_, key); }
const Json& Case::input(const std::string& key) const { return member(at("inputs"), key); }
const Json& Case::expected(const std::string& key) const { return member(at("expected"), key); }

std::string Case::text(const std::string& key, const std::string& otherwise) const {
  const Json& value = at(key);
  return value.is_string() ? value.get<std::string>() : otherwise;
}

Tolerance Case::tolerance() const {
  Settings limits(at("tolerance"));
  return {limits.number("rtol", 0.0), limits.number("atol", 0.0)};
}

std::vector<std::string> Case::targets() const {
  const Json& target = at("target");
  if (target.is_null()) return {};
  if (target.is_string()) return {target.get<std::string>()};
  return texts_in(target);
}

}  // namespace lathe::golden
