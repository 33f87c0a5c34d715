// How far a computed value is from the expected one.
#pragma once

#include <optional>
#include <string>

#include "tests/golden/json.h"

namespace lathe::golden {

struct Tolerance {
  double rtol = 0.0;
  double atol = 0.0;
};

struct Difference {
  double excess = 0.0;  // times the allowance; infinity where nothing was allowed
  std::string text;     // "element [3, 1] is 2.5, not 2.25 (allowed 1e-9)"
};

// None where they agree: numbers to atol + rtol * max|expected| over the whole array, texts, whole
// numbers given as such, nulls and shapes exactly.
std::optional<Difference> compare(const Json& expected, const Json& got,
                                  const Tolerance& tolerance);

}  // namespace lathe::golden
