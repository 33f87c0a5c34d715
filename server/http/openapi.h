// The description of the HTTP interface, OpenAPI 3.0.3: the protocol's calls, and for each model
// that serves its own paths with the types of its columns and rows to try.
#pragma once

#include <string>

#include "lathe/server/served_model.h"

namespace lathe::server {

class Repository;

// `tokens`: calls need a bearer token. O(columns and levels of all models).
std::string openapi_text(const Repository& repository, bool tokens);

}  // namespace lathe::server
