// Certified values of NIST's Statistical Reference Datasets, judged by correct digits.
#pragma once

#include <string>

#include "tests/golden/case.h"

namespace lathe::golden {

// What is said of a NIST case.
struct NistReport {
  bool passed = true;
  std::string text;                    // the digits of each figure, and the floor
  std::vector<std::string> not_built;  // figures that nothing computes
};

bool is_nist(const Json& json);

// Throws NotBuilt for a kind or a term that is not known, NotRun where the data are not there.
NistReport check_nist(const Case& given, Results& results);

}  // namespace lathe::golden
