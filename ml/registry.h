// The standard registry: every estimator of Lathe.
#pragma once

#include <string_view>

#include "lathe/ml/core/registry.h"

namespace lathe {

const Registry& registry();

inline Estimator make_estimator(std::string_view text) { return make_estimator(text, registry()); }

// Reads a model's state by its estimator's name: the InputArchive's loader. Null if unknown.
ModelPtr load_model(std::string_view name, InputArchive& archive);

}  // namespace lathe
