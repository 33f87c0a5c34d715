// The one value that text, JSON, flags, grids and saved options speak, and the text form of a
// pipeline:
//
//   pipe  := step ('|' step)*
//   step  := name ['(' arg (',' arg)* ')']
//   arg   := key '=' value | selector ':' pipe
//   value := number | true | false | none | nan | inf | "text" | word | [list] | pipe
//
//   standard_scaler | pca(n_components=5) | logistic_regression(C=0.5)
//   columns(numeric: simple_imputer(strategy=median), categorical: one_hot_encoder) | ridge
//
// A word starts with a letter or _ and may hold letters, digits, _ - + and points. A number without
// a point or exponent that fits 64 bits is an integer. Pipes and lists nest to 64 levels together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lathe {

struct Value;
struct Step;

struct Word {
  std::string text;
  bool operator==(const Word&) const = default;
};

struct Pipe {
  std::vector<Step> steps;
  bool operator==(const Pipe&) const;
};

struct None {
  bool operator==(const None&) const = default;
};

struct Value {
  using Data =
      std::variant<None, bool, std::int64_t, double, std::string, Word, std::vector<Value>, Pipe>;
  Data data;
  std::size_t position = 0;  // where it stood in the text, for messages

  Value() = default;
  Value(Data value, std::size_t at = 0);
  bool operator==(const Value&) const;  // positions do not count; NaN equals NaN
};

struct Argument {
  std::string key;
  Value value;
  std::size_t position = 0;
  bool operator==(const Argument& other) const { return key == other.key && value == other.value; }
};

struct Branch {
  Value selector;  // a word, a text, or a list of them
  Pipe pipe;
  bool operator==(const Branch&) const = default;
};

struct Step {
  std::string name;
  std::vector<Argument> arguments;
  std::vector<Branch> branches;
  std::size_t position = 0;
  bool operator==(const Step& other) const {
    return name == other.name && arguments == other.arguments && branches == other.branches;
  }
};

// Throw InvalidArgument (code P...), whose message shows the text with a caret under the place.
Pipe parse_pipe(std::string_view text);
Value parse_value(std::string_view text);

// Prints so that parsing gives an equal value: doubles with the fewest digits that read back, and
// a point (1.0) where there is none.
std::string to_text(const Pipe& pipe);
std::string to_text(const Step& step);
std::string to_text(const Value& value);
std::string to_text(double number);  // also used in messages

// "<message>" with the text and a caret under `position`, as the parser reports.
std::string point_at(std::string_view text, std::size_t position, const std::string& message);

}  // namespace lathe
