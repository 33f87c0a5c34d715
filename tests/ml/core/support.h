// What the tests of ml/core share.
#pragma once

#include <string>
#include <utility>

#include <gmock/gmock.h>

#include "lathe/ml/core/error.h"

namespace lathe {

// "CODE message | help" of the E that call() throws; empty when it throws nothing. Another type of
// exception leaves the test.
template <class E, class Call>
std::string thrown(Call&& call) {
  try {
    std::forward<Call>(call)();
  } catch (const E& error) {
    return error.code() + ' ' + error.what() + " | " + error.help();
  }
  return {};
}

template <class Call>
std::string refusal(Call&& call) {
  return thrown<InvalidArgument>(std::forward<Call>(call));
}

// The line with the caret, as the column (from 1) that it points at; -1 where there is none.
inline int caret(const std::string& message) {
  const auto end = message.rfind('^');
  if (end == std::string::npos) return -1;
  const auto line = message.rfind("\n  ", end) + 3;
  return static_cast<int>(end - line) + 1;
}

}  // namespace lathe
