#include "lathe/server/tls.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"
#include "lathe/proto/inference.grpc.pb.h"
#include "lathe/server/auth.h"
#include "lathe/server/inference.h"
#include "lathe/server/transport.h"
#include "lathe/server/watcher.h"

#include "tests/server/certificates.h"

namespace lathe::server {

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class TlsTest : public testing::Test, protected Certificates {
 protected:
  void start(const std::string& client_ca = "") {
    transport_ = std::make_unique<Transport>(
        inference_, repository_, authority_,
        TransportOptions{.address = "127.0.0.1:0",
                         .tls_cert = path("server.pem"),
                         .tls_key = path("server.key"),
                         .tls_client_ca = client_ca.empty() ? "" : path(client_ca)});
  }

  // By a connection of its own. `client`: whose certificate is shown; none if empty.
  grpc::Status ask(const std::string& trusted, const std::string& client = "") const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = text(trusted);
    if (!client.empty()) {
      options.pem_cert_chain = text(client + ".pem");
      options.pem_private_key = text(client + ".key");
    }
    return ask(grpc::SslCredentials(options));
  }
  grpc::Status ask(const std::shared_ptr<grpc::ChannelCredentials>& credentials) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel = grpc::CreateCustomChannel(transport_->address(), credentials, arguments);
    grpc::ClientContext context;
    inference::ServerReadyResponse ready;
    return inference::GRPCInferenceService::NewStub(channel)->ServerReady(&context, {}, &ready);
  }

  std::string complaint(const TlsFiles& files) const {
    try {
      tls_credentials(files);
    } catch (const InvalidArgument& error) {
      EXPECT_EQ(error.code(), "R037");
      return error.what();
    }
    return "";
  }

  Repository repository_;
  Watcher watcher_{repository_, [] { return Listing{}; }};
  Inference inference_{repository_, watcher_};
  Authority authority_;
  std::unique_ptr<Transport> transport_;
};

TEST_F(TlsTest, AnswersThoseWhoTrustItsAuthorityOnly) {
  start();
  const grpc::Status good = ask("ca.pem");
  EXPECT_TRUE(good.ok()) << good.error_message();
  make_authority("other");
  EXPECT_EQ(ask("other.pem").error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ask(grpc::InsecureChannelCredentials()).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, MutualTlsAsksForACertificateOfItsAuthority) {
  start("ca.pem");
  const grpc::Status good = ask("ca.pem", "client");
  EXPECT_TRUE(good.ok()) << good.error_message();
  EXPECT_EQ(ask("ca.pem").error_code(), grpc::StatusCode::UNAVAILABLE);
  make_authority("other");
  make_certificate("stranger", "other", "basicConstraints=CA:FALSE");
  EXPECT_EQ(ask("ca.pem", "stranger").error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, ReadsItsFilesAgainWithoutARestart) {
  start("ca.pem");
  ASSERT_TRUE(ask("ca.pem", "client").ok());
  make_authority("next");
  make_certificate("renewed", "next", "subjectAltName=IP:127.0.0.1");

  copy("renewed.pem", "server.pem");  // its key is not there yet
  const grpc::Status between = ask("ca.pem", "client");
  EXPECT_TRUE(between.ok()) << "the old pair goes on: " << between.error_message();
  copy("renewed.key", "server.key");
  const grpc::Status renewed = ask("next.pem", "client");
  EXPECT_TRUE(renewed.ok()) << renewed.error_message();
  EXPECT_EQ(ask("ca.pem", "client").error_code(), grpc::StatusCode::UNAVAILABLE);

  make_certificate("client", "next", "basicConstraints=CA:FALSE");
  EXPECT_FALSE(ask("next.pem", "client").ok());
  copy("next.pem", "ca.pem");  // now those of the next authority are let in
  EXPECT_TRUE(ask("next.pem", "client").ok());

  fs::remove(path("server.pem"));
  EXPECT_TRUE(ask("next.pem", "client").ok()) << "the old ones go on";
}

TEST_F(TlsTest, RefusesFilesThatDoNotFitTogether) {
  EXPECT_EQ(complaint({path("server.pem"), path("server.key"), path("ca.pem")}), "");
  EXPECT_THAT(complaint({path("server.pem"), path("client.key"), ""}),
              HasSubstr("client.key is not that of certificate"));
  EXPECT_THAT(complaint({path("server.key"), path("server.key"), ""}),
              HasSubstr("no certificate in PEM form"));
  EXPECT_THAT(complaint({path("server.pem"), path("server.pem"), ""}),
              HasSubstr("no private key in PEM form"));
  EXPECT_THAT(complaint({path("server.pem"), path("server.key"), path("server.key")}),
              HasSubstr("client CA"));
  run("openssl ec -aes128 -passout pass:secret -in server.key -out locked.key");
  EXPECT_THAT(complaint({path("server.pem"), path("locked.key"), ""}), HasSubstr("encrypted"));
  EXPECT_THROW(tls_credentials({path("none"), path("server.key"), ""}), IoError);
  EXPECT_THROW(tls_credentials({path("server.pem"), path(""), ""}), IoError);
  for (const TransportOptions& options :
       {TransportOptions{.address = "127.0.0.1:0", .tls_cert = path("server.pem")},
        TransportOptions{.address = "127.0.0.1:0", .tls_key = path("server.key")},
        TransportOptions{.address = "127.0.0.1:0", .tls_client_ca = path("ca.pem")}}) {
    EXPECT_THROW(Transport(inference_, repository_, authority_, options), InvalidArgument);
  }
}

}  // namespace

}  // namespace lathe::server
