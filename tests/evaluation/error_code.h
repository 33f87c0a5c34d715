// The code of the Error that a call throws: EXPECT_EQ(code_of([] { ... }), "Q001").
#pragma once

#include <string>

#include "lathe/ml/core/error.h"

namespace lathe {

template <class Call>
std::string code_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return "no error";
}

template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code() + ": " + error.what() + " (" + error.help() + ")";
  }
  return "no error";
}

}  // namespace lathe
