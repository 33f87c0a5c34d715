#include "lathe/server/http/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "lathe/ml/core/error.h"
#include "lathe/server/text.h"

namespace lathe::server {

namespace {

constexpr std::size_t deepest = 64;

// Builds the value; the library's own builder keeps the last of two equal keys, and says nothing.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(std::string_view text) : text_(text) {}
  Json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // JSON has none

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& value) override {
    auto [place, added] = open_.back()->get_ref<Json::object_t&>().emplace(value, nullptr);
    if (!added) {
      throw InvalidArgument("R041", "JSON: the key " + in_quotes(value) + " is there twice");
    }
    place_ = &place->second;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    const std::string place = "JSON: byte " + std::to_string(position) + ": ";
    const std::string_view word = word_at(position);
    if (word.empty()) throw InvalidArgument("R040", place + "it ends too early");
    const std::string_view no_numbers[] = {"NaN", "nan", "Infinity", "-Infinity", "inf", "-inf"};
    if (std::ranges::find(no_numbers, word) != std::end(no_numbers)) {
      throw InvalidArgument("R040", place + std::string(word) + " is no JSON",
                            "a missing number is null");
    }
    const bool large = std::string_view(error.what()).find("number overflow") != word.npos;
    throw InvalidArgument(
        "R040",
        place + in_quotes(word) + (large ? " is too large for a double" : " is not expected here"));
  }

 private:
  // The word, or the one character, that byte number `position` is of, from 1.
  std::string_view word_at(std::size_t position) const {
    const auto is_of_word = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '+' || c == '-' || c == '.' || c == '_';
    };
    if (position == 0 || position > text_.size()) return {};
    std::size_t begin = position - 1;
    std::size_t end = position;
    if (!is_of_word(text_[begin])) return text_.substr(begin, 1);
    while (begin > 0 && is_of_word(text_[begin - 1])) --begin;
    while (end < text_.size() && is_of_word(text_[end])) ++end;
    return text_.substr(begin, end - begin);
  }

  template <class Value>
  Json* put(Value&& value) {
    if (open_.empty()) {
      root_ = std::forward<Value>(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_object()) {
      *place_ = std::forward<Value>(value);
      return place_;
    }
    return &parent.get_ref<Json::array_t&>().emplace_back(std::forward<Value>(value));
  }

  template <class Value>
  bool add(Value&& value) {
    put(std::forward<Value>(value));
    return true;
  }

  bool open(Json&& container) {
    if (open_.size() == deepest) {
      throw InvalidArgument("R040", "JSON: nested more than " + std::to_string(deepest) + " deep");
    }
    open_.push_back(put(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  Json root_;
  std::vector<Json*> open_;  // stable: a container grows only while it is the last
  Json* place_ = nullptr;    // of the last key
};

}  // namespace

Json parse_json(std::string_view text) {
  // The parser would take it for the end, and not see what follows.
  if (const std::size_t nul = text.find('\0'); nul != text.npos) {
    throw InvalidArgument("R040", "JSON: byte " + std::to_string(nul + 1) + ": a NUL byte");
  }
  Builder builder(text);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

std::string_view kind_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "a list";
    case Json::value_t::string:
      return "a text";
    case Json::value_t::boolean:
      return "a boolean";
    case Json::value_t::null:
      return "null";
    default:
      return "a number";
  }
}

void append_json(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  const std::string_view digits(text, static_cast<std::size_t>(end - text));
  out += digits;
  // Else readers would make it an integer, and lose the sign of -0.
  if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append_json(std::string& out, std::int64_t value) { out += std::to_string(value); }

void append_json(std::string& out, std::string_view text) {
  out += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lathe::server
