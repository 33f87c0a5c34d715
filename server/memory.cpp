#include "lathe/server/memory.h"

#include <string>

#include "lathe/ml/core/error.h"

namespace lathe::server {

void Memory::take(std::size_t more, std::size_t all) {
  const std::size_t before = held_.fetch_add(more, std::memory_order_relaxed);
  if (before + more <= limit_) return;
  give_back(more);
  if (all > limit_) {
    throw Overloaded("R017",
                     "a request that takes " + std::to_string(all) +
                         " bytes while it is answered is larger than the limit of " +
                         std::to_string(limit_),
                     "send fewer rows at a time, or raise --max-memory-mib");
  }
  throw Overloaded("R020",
                   "requests hold " + std::to_string(before) + " of the " + std::to_string(limit_) +
                       " bytes that they may, and this one takes " + std::to_string(more) + " more",
                   "try again later, or raise --max-memory-mib");
}

}  // namespace lathe::server
