// Strict JSON, and numbers written so that they read back to the bit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace lathe::server {

using Json = nlohmann::json;

// RFC 8259 and no more: one value, nothing after it, no key twice in an object, no NaN or Infinity,
// nested at most 64 deep. Integers that 64 bits hold stay integers. Throws InvalidArgument, R040
// with the place for what is not JSON and R041 for a key that is there twice.
Json parse_json(std::string_view text);

// "an object", "a text", ... for messages.
std::string_view kind_of(const Json& value);

// The shortest decimal that reads back as `value`, with a point or an exponent; null where it is
// not finite, since JSON has no such numbers.
void append_json(std::string& out, double value);
void append_json(std::string& out, std::int64_t value);
void append_json(std::string& out, std::string_view text);  // in quotes; what is no UTF-8 as U+FFFD

}  // namespace lathe::server
