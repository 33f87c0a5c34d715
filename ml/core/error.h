// What can go wrong because of a caller, a file or a request. Every error has a stable code
// (docs/errors.md lists them), a message that names the place, the rule and the value, and, where
// there is one, a cure.
//
//   throw InvalidArgument("O001", "ridge: alpha = -1 is out of range: it must be >= 0");
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace lathe {

class Error : public std::runtime_error {
 public:
  Error(std::string_view code, const std::string& message, std::string_view help = {});
  ~Error() override;

  const std::string& code() const { return code_; }
  const std::string& help() const { return help_; }  // empty when there is nothing to add

 private:
  std::string code_;
  std::string help_;
};

// The classes have their key function in error.cpp, so that one type is one type across libraries.
class InvalidArgument final : public Error {  // an option, a matrix, a table or a request
 public:
  using Error::Error;
  ~InvalidArgument() override;
};
class NotFound final : public Error {  // a model, a version, a column asked for by name
 public:
  using Error::Error;
  ~NotFound() override;
};
class CorruptData final : public Error {  // a file whose bytes are not what they must be
 public:
  using Error::Error;
  ~CorruptData() override;
};
class IoError final : public Error {  // the operating system said no
 public:
  using Error::Error;
  ~IoError() override;
};
class NotSupported final : public Error {  // asked of something that cannot do it
 public:
  using Error::Error;
  ~NotSupported() override;
};
class Overloaded final : public Error {  // a stated limit is reached; trying again later may work
 public:
  using Error::Error;
  ~Overloaded() override;
};

// The known name closest to `wanted` by edit distance, or empty if none is close: "did you mean".
template <class Names>
std::string_view nearest_name(std::string_view wanted, const Names& names);
int edit_distance(std::string_view a, std::string_view b);

template <class Names>
std::string_view nearest_name(std::string_view wanted, const Names& names) {
  std::string_view best;
  int best_distance = 1 + static_cast<int>(wanted.size()) / 2;
  for (std::string_view name : names) {
    const int distance = edit_distance(wanted, name);
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}

}  // namespace lathe
