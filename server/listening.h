// Sockets that listen.
#pragma once

#include <string>
#include <vector>

namespace lathe::server {

// Throws IoError (R025), with what may be the case for an error of the system.
[[noreturn]] void refuse_to_listen(const std::string& address, const std::string& reason,
                                   const std::string& help = "");
[[noreturn]] void refuse_to_listen(const std::string& address, int error);

// At HOST:PORT, one for each address of the host that this machine has; [::] is all of this
// machine's. Port 0 becomes any free one, in `address` too. They do not block. Throws IoError
// (R025) with the system's reason.
std::vector<int> listen_on_hosts(std::string& address);

}  // namespace lathe::server
