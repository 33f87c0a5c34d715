#include "lathe/ml/core/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

constexpr int max_nesting = 64;

bool starts_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool in_word(char c) { return starts_word(c) || is_digit(c) || c == '-' || c == '+' || c == '.'; }

// Words that stand for values; such a text prints in quotes.
bool is_reserved(std::string_view word) {
  return word == "true" || word == "false" || word == "none" || word == "nan" || word == "inf";
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Pipe whole_pipe() {
    Pipe result = pipe();
    end("'|' or the end");
    return result;
  }

  Value whole_value() {
    Value result = value();
    end("the end");
    return result;
  }

 private:
  // Counts how deep we are: recursion must not exhaust the stack.
  class Level {
   public:
    explicit Level(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > max_nesting) {
        parser_.fail("nested more than " + std::to_string(max_nesting) + " levels deep");
      }
    }
    ~Level() { --parser_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Parser& parser_;
  };

  [[noreturn]] void fail(const std::string& message) { fail_at(at_, message); }
  [[noreturn]] void fail_at(std::size_t position, const std::string& message) {
    throw InvalidArgument("P001", point_at(text_, position, message));
  }

  void skip_blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }
  char peek() {
    skip_blanks();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  void end(const char* what) {
    peek();
    if (at_ < text_.size()) fail(std::string("expected ") + what);
  }

  std::string_view word(const char* what) {
    peek();
    const std::size_t start = at_;
    if (at_ >= text_.size() || !starts_word(text_[at_])) fail(std::string("expected ") + what);
    while (at_ < text_.size() && in_word(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  Pipe pipe() {
    const Level level(*this);
    Pipe result;
    do {
      result.steps.push_back(step());
    } while (take('|'));
    return result;
  }

  Step step() {
    Step result;
    peek();
    result.position = at_;
    result.name = word("the name of a step");
    if (take('(')) arguments(result);
    return result;
  }

  void arguments(Step& step) {
    if (take(')')) return;
    std::set<std::string_view> keys;
    do {
      argument(step, keys);
    } while (take(','));
    if (!take(')')) fail("expected ',' or ')'");
  }

  void argument(Step& step, std::set<std::string_view>& keys) {
    const char first = peek();
    const std::size_t start = at_;
    std::string_view key;
    Value left;
    if (first == '"') {
      left = Value(quoted(), start);
    } else if (first == '[') {
      left = list();
    } else {
      key = word("an option or a column");
      left = Value(Word{std::string(key)}, start);
    }
    if (take(':')) {
      step.branches.push_back({std::move(left), pipe()});
      return;
    }
    if (key.empty()) fail("expected ':' and a pipeline");
    if (!take('=')) fail("expected '=' and a value, or ':' and a pipeline");
    if (!keys.insert(key).second) fail_at(start, "'" + std::string(key) + "' is given twice");
    Value right = value();
    step.arguments.push_back({std::string(key), std::move(right), start});
  }

  Value value() {
    const char first = peek();
    const std::size_t start = at_;
    if (first == '"') return {quoted(), start};
    if (first == '[') return list();
    if (is_digit(first) || first == '-' || first == '+' || first == '.') return number();
    const std::string_view name = word("a value");
    if (name == "true") return {true, start};
    if (name == "false") return {false, start};
    if (name == "none") return {None{}, start};
    if (name == "nan") return {std::numeric_limits<double>::quiet_NaN(), start};
    if (name == "inf") return {std::numeric_limits<double>::infinity(), start};
    if (peek() != '(' && peek() != '|') return {Word{std::string(name)}, start};
    at_ = start;
    return {pipe(), start};
  }

  Value number() {
    const std::size_t start = at_;
    const bool plus = text_[start] == '+';  // from_chars takes none
    const char* first = text_.data() + start + (plus ? 1 : 0);
    const char* last = text_.data() + text_.size();
    if (plus && first != last && *first == '-') fail("expected a number");
    std::int64_t whole = 0;
    const auto as_whole = std::from_chars(first, last, whole);
    double real = 0.0;
    const auto as_real = std::from_chars(first, last, real);  // -inf too
    if (as_real.ec == std::errc::result_out_of_range) fail("this number does not fit a double");
    if (as_real.ec != std::errc()) fail("expected a number");
    at_ = static_cast<std::size_t>(as_real.ptr - text_.data());
    if (at_ < text_.size() && in_word(text_[at_])) fail_at(start, "not a number");
    if (as_whole.ec == std::errc() && as_whole.ptr == as_real.ptr) return {whole, start};
    return {real, start};
  }

  std::string quoted() {
    const std::size_t start = at_++;
    std::string result;
    while (at_ < text_.size() && text_[at_] != '"') {
      char c = text_[at_++];
      if (c == '\\') {
        if (at_ >= text_.size()) break;
        c = text_[at_++];
        if (c == 'n')
          c = '\n';
        else if (c == 't')
          c = '\t';
        else if (c != '"' && c != '\\')
          fail_at(at_ - 1, "unknown escape: use \\\" \\\\ \\n or \\t");
      }
      result.push_back(c);
    }
    if (at_ >= text_.size()) fail_at(start, "this text has no closing quote");
    ++at_;
    return result;
  }

  Value list() {
    const Level level(*this);
    const std::size_t start = at_++;
    std::vector<Value> items;
    if (!take(']')) {
      do {
        items.push_back(value());
      } while (take(','));
      if (!take(']')) fail("expected ',' or ']'");
    }
    return {std::move(items), start};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

bool is_plain_word(std::string_view text) {
  if (text.empty() || !starts_word(text[0]) || is_reserved(text)) return false;
  for (const char c : text) {
    if (!in_word(c)) return false;
  }
  return true;
}

std::string quote(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result.push_back('\\');
    if (c == '\n')
      result += "\\n";
    else if (c == '\t')
      result += "\\t";
    else
      result.push_back(c);
  }
  return result + '"';
}

struct Printer {
  std::string operator()(None) const { return "none"; }
  std::string operator()(bool v) const { return v ? "true" : "false"; }
  std::string operator()(std::int64_t v) const { return std::to_string(v); }
  std::string operator()(double v) const { return to_text(v); }
  std::string operator()(const std::string& v) const { return quote(v); }
  std::string operator()(const Word& v) const {
    return is_plain_word(v.text) ? v.text : quote(v.text);
  }
  std::string operator()(const Pipe& v) const { return to_text(v); }
  std::string operator()(const std::vector<Value>& v) const {
    std::string result = "[";
    for (const Value& item : v) {
      if (result.size() > 1) result += ", ";
      result += to_text(item);
    }
    return result + "]";
  }
};

}  // namespace

bool Pipe::operator==(const Pipe& other) const { return steps == other.steps; }

Value::Value(Data value, std::size_t at) : data(std::move(value)), position(at) {}

bool Value::operator==(const Value& other) const {
  const auto* a = std::get_if<double>(&data);
  const auto* b = std::get_if<double>(&other.data);
  if (a != nullptr && b != nullptr && std::isnan(*a) && std::isnan(*b)) return true;
  return data == other.data;
}

Pipe parse_pipe(std::string_view text) { return Parser(text).whole_pipe(); }
Value parse_value(std::string_view text) { return Parser(text).whole_value(); }

std::string to_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  char buffer[40];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, number);
  std::string text(buffer, result.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string to_text(const Value& value) { return std::visit(Printer{}, value.data); }

std::string to_text(const Step& step) {
  std::string text = step.name;
  if (step.arguments.empty() && step.branches.empty()) return text;
  const char* between = "(";
  for (const Branch& branch : step.branches) {
    // No value stands there, so that a column may be called none without quotes.
    const auto* word = std::get_if<Word>(&branch.selector.data);
    text += between + (word != nullptr ? word->text : to_text(branch.selector)) + ": ";
    text += to_text(branch.pipe);
    between = ", ";
  }
  for (const Argument& argument : step.arguments) {
    text += between + argument.key + "=" + to_text(argument.value);
    between = ", ";
  }
  return text + ")";
}

std::string to_text(const Pipe& pipe) {
  std::string text;
  for (const Step& step : pipe.steps) {
    if (!text.empty()) text += " | ";
    text += to_text(step);
  }
  return text;
}

std::string point_at(std::string_view text, std::size_t position, const std::string& message) {
  // Counts and cuts go by characters: the continuation bytes of UTF-8 take no place.
  const auto continues = [&](std::size_t i) {
    return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U;
  };
  const auto characters = [&](std::size_t from, std::size_t to) {
    std::size_t count = 0;
    for (std::size_t i = from; i < to; ++i) count += continues(i) ? 0 : 1;
    return count;
  };
  // A long text is cut around the place, and line ends are shown as blanks, for the caret to fit.
  constexpr std::size_t width = 100;
  position = std::min(position, text.size());
  std::size_t start = position > width / 2 ? position - width / 2 : 0;
  std::size_t stop = std::min(start + width, text.size());
  while (continues(start)) ++start;
  while (continues(stop)) ++stop;
  std::string shown(text.substr(start, stop - start));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return message + " at character " + std::to_string(characters(0, position) + 1) + "\n  " + shown +
         "\n  " + std::string(characters(start, std::max(start, position)), ' ') + "^";
}

}  // namespace lathe
