// Connections of HTTP within TLS.
#pragma once

#include <string>

#include "lathe/server/http/http_server.h"

namespace lathe::server {

struct HttpTls {
  std::string certificate;  // PEM, the server's first, then those between it and the root's
  std::string key;          // PEM, not encrypted
  std::string client_ca;    // PEM: clients must have a certificate of one of these; empty: none
};

// TLS 1.2 and later. The files are read again when a connection comes and one of them is another by
// now; what does not fit together is said in the log, and the old ones go on. Throws
// InvalidArgument (R037) for files that cannot be used now.
MakeChannel tls_channels(const HttpTls& files);

}  // namespace lathe::server
