// What is wrong with a command line, in our words: U001, with a cure where there is one.
#pragma once

#include <CLI/CLI.hpp>

#include "lathe/ml/core/error.h"

namespace lathe {

// Of what CLI11 refused; `app` as it was left by that.
InvalidArgument usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace lathe
