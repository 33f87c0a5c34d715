// The paths of one model in the OpenAPI description.
#pragma once

#include <nlohmann/json.hpp>

#include "lathe/server/served_model.h"

namespace lathe::server {

using Object = nlohmann::ordered_json;  // keys in the order in which they are set

// Adds POST .../predict and .../infer under the model's own name, from its contract.
void describe_model(const ServedModel& served, Object& paths);

// Rows as .../predict takes them: ordinary ones, from the training statistics.
Object example_rows(const Contract& contract);

}  // namespace lathe::server
