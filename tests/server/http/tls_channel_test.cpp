#include "lathe/server/http/tls_channel.h"

#include <memory>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lathe/ml/core/error.h"
#include "lathe/server/http/service.h"
#include "lathe/server/watcher.h"

#include "tests/server/certificates.h"

namespace lathe::server {

namespace {

using testing::HasSubstr;

class HttpTlsTest : public testing::Test, protected Certificates {
 protected:
  void start(const std::string& client_ca = "") {
    server_.emplace(service_, HttpOptions{.address = "127.0.0.1:0",
                                          .threads = 2,
                                          .channel = tls_channels(files(client_ca))});
  }
  HttpTls files(const std::string& client_ca = "") const {
    return {path("server.pem"), path("server.key"), client_ca.empty() ? "" : path(client_ca)};
  }

  // The reply to a request on a connection of its own; empty where TLS fails. `client`: whose
  // certificate is shown; none if empty.
  std::string ask(const std::string& trusted, const std::string& client = "") const {
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                               SSL_CTX_free);
    SSL_CTX_load_verify_file(context.get(), path(trusted).c_str());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (!client.empty()) {
      SSL_CTX_use_certificate_chain_file(context.get(), path(client + ".pem").c_str());
      SSL_CTX_use_PrivateKey_file(context.get(), path(client + ".key").c_str(), SSL_FILETYPE_PEM);
    }
    const int socket = connected();
    const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), SSL_free);
    SSL_set_fd(ssl.get(), socket);
    std::string reply;
    const std::string request = "GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    if (SSL_connect(ssl.get()) == 1 &&
        SSL_write(ssl.get(), request.data(), static_cast<int>(request.size())) > 0) {
      char bytes[4096];
      for (int got = 1; got > 0;) {
        got = SSL_read(ssl.get(), bytes, sizeof bytes);
        if (got > 0) reply.append(bytes, static_cast<std::size_t>(got));
      }
    }
    ::close(socket);
    return reply;
  }
  int connected() const {
    const std::string& address = server_->address();
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    return socket;
  }

  Repository repository_;
  Watcher watcher_{repository_, [] { return Listing{}; }};
  Inference inference_{repository_, watcher_};
  Authority authority_;
  HttpService service_{inference_, repository_, authority_};
  std::optional<HttpServer> server_;
};

TEST_F(HttpTlsTest, AnswersThoseWhoTrustItsAuthorityAndSpeakTls) {
  start();
  EXPECT_THAT(ask("ca.pem"), HasSubstr("200 OK"));
  make_authority("other");
  EXPECT_EQ(ask("other.pem"), "");
  const int plain = connected();
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";
  ::send(plain, request.data(), request.size(), MSG_NOSIGNAL);
  char byte = 0;
  while (::recv(plain, &byte, 1, 0) > 0) EXPECT_NE(byte, '{');
  ::close(plain);
  EXPECT_THAT(ask("ca.pem"), HasSubstr("200 OK"));
}

TEST_F(HttpTlsTest, MutualTlsAsksForACertificateOfItsAuthority) {
  start("ca.pem");
  EXPECT_THAT(ask("ca.pem", "client"), HasSubstr("200 OK"));
  EXPECT_EQ(ask("ca.pem"), "");
  make_authority("other");
  make_certificate("stranger", "other", "basicConstraints=CA:FALSE");
  EXPECT_EQ(ask("ca.pem", "stranger"), "");
}

TEST_F(HttpTlsTest, ReadsItsFilesAgainWithoutARestart) {
  start("ca.pem");
  ASSERT_THAT(ask("ca.pem", "client"), HasSubstr("200 OK"));
  make_authority("next");
  make_certificate("renewed", "next", "subjectAltName=IP:127.0.0.1");

  copy("renewed.pem", "server.pem");  // its key is not there yet
  EXPECT_THAT(ask("ca.pem", "client"), HasSubstr("200 OK")) << "the old pair goes on";
  copy("renewed.key", "server.key");
  EXPECT_THAT(ask("next.pem", "client"), HasSubstr("200 OK"));
  EXPECT_EQ(ask("ca.pem", "client"), "");

  make_certificate("client", "next", "basicConstraints=CA:FALSE");
  EXPECT_EQ(ask("next.pem", "client"), "");
  copy("next.pem", "ca.pem");  // now those of the next authority are let in
  EXPECT_THAT(ask("next.pem", "client"), HasSubstr("200 OK"));

  std::filesystem::remove(path("server.pem"));
  EXPECT_THAT(ask("next.pem", "client"), HasSubstr("200 OK")) << "the old ones go on";
}

TEST_F(HttpTlsTest, RefusesFilesThatDoNotFitTogether) {
  const auto complaint = [](const HttpTls& files) -> std::string {
    try {
      tls_channels(files);
    } catch (const InvalidArgument& error) {
      EXPECT_EQ(error.code(), "R037");
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(complaint(files("ca.pem")), "");
  EXPECT_THAT(complaint({path("server.key"), path("server.key"), ""}),
              HasSubstr("server.key: it has no certificate in PEM form"));
  EXPECT_EQ(complaint({path("server.pem"), path("client.key"), ""}),
            "key " + path("client.key") + " is not that of certificate " + path("server.pem"));
  EXPECT_THAT(complaint({path("server.pem"), path("server.pem"), ""}),
              HasSubstr("server.pem: it has no private key in PEM form"));
  EXPECT_EQ(complaint({path("server.pem"), path("server.key"), path("none")}),
            "client CA " + path("none") + ": no such file");
}

}  // namespace

}  // namespace lathe::server
