#include "lathe/server/http/tls_channel.h"

#include <array>
#include <memory>
#include <mutex>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>

#include "lathe/ml/core/error.h"
#include "lathe/server/file_stamp.h"
#include "lathe/server/log.h"

namespace lathe::server {

namespace {

using Context = std::shared_ptr<SSL_CTX>;

class Tls final : public Channel {
 public:
  Tls(const Context& context, int socket) : ssl_(SSL_new(context.get()), SSL_free) {
    SSL_set_fd(ssl_.get(), socket);
    SSL_set_accept_state(ssl_.get());  // the handshake comes with the first read
  }

  Result read(char* to, std::size_t size, std::size_t& count) override {
    ERR_clear_error();
    return result(SSL_read_ex(ssl_.get(), to, size, &count));
  }
  Result write(std::string_view from, std::size_t& count) override {
    ERR_clear_error();
    return result(SSL_write_ex(ssl_.get(), from.data(), from.size(), &count));
  }
  void end_writing() override {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }

 private:
  Result result(int done) const {
    if (done == 1) return Result::done;
    switch (SSL_get_error(ssl_.get(), done)) {
      case SSL_ERROR_WANT_READ:
        return Result::wait_to_read;
      case SSL_ERROR_WANT_WRITE:
        return Result::wait_to_write;
      default:
        return Result::closed;
    }
  }

  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
};

[[noreturn]] void refuse(const std::string& what, const std::string& path, const char* rule) {
  ERR_clear_error();
  const bool there = stamp_of(path.c_str()).size >= 0;
  throw InvalidArgument("R037", what + " " + path + (there ? rule : ": no such file"));
}

[[noreturn]] void refuse_key(const HttpTls& files) {
  const unsigned long error = ERR_peek_last_error();
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) == ERR_LIB_X509 &&
      (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH)) {
    refuse("key", files.key, (" is not that of certificate " + files.certificate).c_str());
  }
  refuse("key", files.key, ": it has no private key in PEM form, or an encrypted one");
}

constexpr auto no_certificate = ": it has no certificate in PEM form";

int no_password(char*, int, int, void*) { return 0; }

Context load(const HttpTls& files) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(raw, no_password);
  if (SSL_CTX_use_certificate_chain_file(raw, files.certificate.c_str()) != 1) {
    refuse("certificate", files.certificate, no_certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    refuse_key(files);
  }
  if (files.client_ca.empty()) return context;
  if (SSL_CTX_load_verify_file(raw, files.client_ca.c_str()) != 1) {
    refuse("client CA", files.client_ca, no_certificate);
  }
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  const std::string_view session = "lathed";
  SSL_CTX_set_session_id_context(raw, reinterpret_cast<const unsigned char*>(session.data()),
                                 static_cast<unsigned>(session.size()));
  return context;
}

// The files as they are by now.
class Files {
 public:
  explicit Files(const HttpTls& files) : files_(files), stamps_(stamps()), context_(load(files)) {}

  Context current() {
    const std::lock_guard lock(mutex_);
    const Stamps found = stamps();
    if (found == stamps_) return context_;
    stamps_ = found;
    try {
      context_ = load(files_);
      log_info("HTTP: certificates read again");
    } catch (const Error& error) {
      log_error(std::string("HTTP: ") + error.what() + "; the old ones go on");
    }
    return context_;
  }

 private:
  using Stamps = std::array<FileStamp, 3>;

  Stamps stamps() const {
    return {stamp_of(files_.certificate.c_str()), stamp_of(files_.key.c_str()),
            stamp_of(files_.client_ca.c_str())};
  }

  const HttpTls files_;
  std::mutex mutex_;
  Stamps stamps_;  // of before they are read: a later write makes others
  Context context_;
};

}  // namespace

MakeChannel tls_channels(const HttpTls& files) {
  return [shared = std::make_shared<Files>(files)](int socket) -> std::unique_ptr<Channel> {
    return std::make_unique<Tls>(shared->current(), socket);
  };
}

}  // namespace lathe::server
