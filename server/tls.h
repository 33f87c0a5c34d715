// TLS and mutual TLS, with certificates that are read again when they change. Only transport.cpp
// includes this.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/security/server_credentials.h>

namespace lathe::server {

struct TlsFiles {
  std::string certificate;  // PEM, the server's first, then those between it and the root's
  std::string key;          // PEM, not encrypted
  std::string client_ca;    // PEM: clients must have a certificate of one of these; empty: none
};

// For each connection that comes, the files are read again if one of them is another by now. What
// does not fit together (a key without its certificate, half a file) is said in the log, and the
// old ones go on. Throws IoError (R037) for a file that cannot be read now, and InvalidArgument
// (R037) for what is no certificate or key, or not of each other.
std::shared_ptr<grpc::ServerCredentials> tls_credentials(const TlsFiles& files);

// Throws what tls_credentials() would.
void check_tls_files(const TlsFiles& files);

}  // namespace lathe::server
