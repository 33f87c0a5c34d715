// Requests of many sizes and forms to models of many kinds.
#pragma once

#include <filesystem>
#include <vector>

#include "tests/server/models.h"

namespace lathe::server {

// Version 1 of each model that mixed_requests() asks, into `repository`.
void save_mixture(const std::filesystem::path& repository);

// One-row and large ones next to each other, raw and typed, numbers and text.
std::vector<Request> mixed_requests();

}  // namespace lathe::server
