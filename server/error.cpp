#include "lathe/server/error.h"

namespace lathe::server {

Unavailable::~Unavailable() = default;
Unauthenticated::~Unauthenticated() = default;
Forbidden::~Forbidden() = default;
DeadlineExceeded::~DeadlineExceeded() = default;
Cancelled::~Cancelled() = default;

}  // namespace lathe::server
