// The server's log, on standard error. No line for a request: those are counted.
#pragma once

#include <string_view>

namespace lathe::server {

void log_info(std::string_view message);
void log_warning(std::string_view message);
void log_error(std::string_view message);

}  // namespace lathe::server
