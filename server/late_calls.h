// Whether calls come too late to be begun.
#pragma once

#include <atomic>

namespace lathe::server {

// How many servers of this process take no more calls, and end those that run.
std::atomic<int>& late_calls();

}  // namespace lathe::server
