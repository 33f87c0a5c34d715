#include "lathe/server/tls.h"

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <mutex>
#include <system_error>
#include <utility>

#include <grpc/grpc_security.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lathe/ml/core/error.h"
#include "lathe/server/file_stamp.h"
#include "lathe/server/log.h"

namespace lathe::server {

namespace {

template <class T, void (*release)(T*)>
struct Release {
  void operator()(T* it) const { release(it); }
};
using Certificate = std::unique_ptr<X509, Release<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY, EVP_PKEY_free>>;
using Source = std::unique_ptr<BIO, Release<BIO, BIO_free_all>>;

std::string read(const std::string& what, const std::string& path) {
  if (stamp_of(path.c_str()).size < 0) throw IoError("R037", what + " " + path + ": no such file");
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw IoError("R037", what + " " + path + ": " + std::generic_category().message(errno));
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

Source source(const std::string& text) {
  return Source(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Certificate first_certificate(const std::string& what, const std::string& path,
                              const std::string& text) {
  Certificate certificate(PEM_read_bio_X509(source(text).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (certificate == nullptr) {
    throw InvalidArgument("R037", what + " " + path + ": it has no certificate in PEM form");
  }
  return certificate;
}

Key only_key(const std::string& path, const std::string& text) {
  const auto no_password = [](char*, int, int, void*) { return 0; };
  Key key(PEM_read_bio_PrivateKey(source(text).get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    throw InvalidArgument("R037", "key " + path +
                                      ": it has no private key in PEM form, or an "
                                      "encrypted one");
  }
  return key;
}

struct Loaded {
  std::string certificate;
  std::string key;
  std::string client_ca;
};

Loaded load(const TlsFiles& files) {
  Loaded loaded{read("certificate", files.certificate), read("key", files.key), ""};
  const Certificate certificate =
      first_certificate("certificate", files.certificate, loaded.certificate);
  const Key key = only_key(files.key, loaded.key);
  const bool match = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!match) {
    throw InvalidArgument("R037",
                          "key " + files.key + " is not that of certificate " + files.certificate);
  }
  if (X509_cmp_current_time(X509_get0_notAfter(certificate.get())) < 0) {
    log_warning("certificate " + files.certificate + " has expired");
  }
  if (!files.client_ca.empty()) {
    loaded.client_ca = read("client CA", files.client_ca);
    first_certificate("client CA", files.client_ca, loaded.client_ca);
  }
  return loaded;
}

// gRPC asks for a configuration at each handshake, one at a time for each address.
class TlsCredentials final : public grpc::ServerCredentials {
 public:
  explicit TlsCredentials(TlsFiles files) : files_(std::move(files)) {
    stamps_ = stamps();
    load(files_);
    const auto clients = files_.client_ca.empty()
                             ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                             : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
    credentials_ = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(clients, &fetch, this));
  }
  ~TlsCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>& /*processor*/) override {}

 private:
  using Stamps = std::array<FileStamp, 3>;

  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  Stamps stamps() const {
    return {stamp_of(files_.certificate.c_str()), stamp_of(files_.key.c_str()),
            stamp_of(files_.client_ca.c_str())};
  }

  static grpc_ssl_certificate_config_reload_status fetch(
      void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<TlsCredentials*>(self)->fetch(config);
  }

  grpc_ssl_certificate_config_reload_status fetch(grpc_ssl_server_certificate_config** config) {
    const std::lock_guard lock(mutex_);
    const Stamps now = stamps();
    if (given_ && now == stamps_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    stamps_ = now;
    try {
      const Loaded loaded = load(files_);
      const grpc_ssl_pem_key_cert_pair pair{loaded.key.c_str(), loaded.certificate.c_str()};
      // gRPC insists on authorities, also where clients are not asked for a certificate.
      const std::string& authorities =
          loaded.client_ca.empty() ? loaded.certificate : loaded.client_ca;
      *config = grpc_ssl_server_certificate_config_create(authorities.c_str(), &pair, 1);
      if (std::exchange(given_, true)) log_info("certificates read again");
      return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
    } catch (const std::exception& error) {
      log_error(std::string(error.what()) + "; the certificates of before go on");
      return given_ ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED
                    : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
    }
  }

  TlsFiles files_;
  std::mutex mutex_;
  Stamps stamps_;
  bool given_ = false;
  grpc_server_credentials* credentials_ = nullptr;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> tls_credentials(const TlsFiles& files) {
  return std::make_shared<TlsCredentials>(files);
}

void check_tls_files(const TlsFiles& files) { load(files); }

}  // namespace lathe::server
