// Words of messages. Not installed.
#pragma once

#include <string>
#include <string_view>

#include "lathe/ml/core/types.h"

namespace lathe {

// 1 row, 2 rows
inline std::string counted(Index count, std::string_view noun) {
  return std::to_string(count) + ' ' + std::string(noun) + (count == 1 ? "" : "s");
}

// What an estimator is called in a sentence: a pipeline has no name of its own.
inline std::string called(std::string_view estimator) {
  return estimator == "pipeline" ? "the pipeline" : std::string(estimator);
}

}  // namespace lathe
