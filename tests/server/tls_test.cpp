#include "lathe/server/tls.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"
#include "lathe/proto/inference.grpc.pb.h"
#include "lathe/server/auth.h"
#include "lathe/server/inference.h"
#include "lathe/server/transport.h"
#include "lathe/server/watcher.h"

namespace lathe::server {

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    std::string pattern = (fs::temp_directory_path() / "lathe_XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    make_authority("ca");
    make_certificate("server", "ca", "subjectAltName=IP:127.0.0.1");
    make_certificate("client", "ca", "basicConstraints=CA:FALSE");
  }
  ~TlsTest() override {
    transport_.reset();
    fs::remove_all(root_);
  }

  void run(const std::string& command) const {
    const std::string all = "cd '" + root_.string() + "' && " + command + " >openssl.log 2>&1";
    ASSERT_EQ(std::system(all.c_str()), 0) << command << "\n" << text("openssl.log");
  }
  void make_authority(const std::string& name) const {
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" +
        name + " -keyout " + name + ".key -out " + name + ".pem");
  }
  void make_certificate(const std::string& name, const std::string& by,
                        const std::string& extension) const {
    std::ofstream(root_ / (name + ".ext")) << extension << "\n";
    run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name +
        " -keyout " + name + ".key -out " + name + ".csr");
    run("openssl x509 -req -days 2 -in " + name + ".csr -CA " + by + ".pem -CAkey " + by +
        ".key -CAcreateserial -extfile " + name + ".ext -out " + name + ".pem");
  }
  std::string path(const std::string& name) const { return (root_ / name).string(); }
  std::string text(const std::string& name) const {
    std::ostringstream all;
    all << std::ifstream(root_ / name).rdbuf();
    return all.str();
  }
  void copy(const std::string& from, const std::string& to) const {
    fs::copy_file(root_ / from, root_ / to, fs::copy_options::overwrite_existing);
  }

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

  fs::path root_;
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

  fs::remove(root_ / "server.pem");
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
  EXPECT_THROW(tls_credentials({path("server.pem"), root_.string(), ""}), IoError);
  for (const TransportOptions& options :
       {TransportOptions{.address = "127.0.0.1:0", .tls_cert = path("server.pem")},
        TransportOptions{.address = "127.0.0.1:0", .tls_key = path("server.key")},
        TransportOptions{.address = "127.0.0.1:0", .tls_client_ca = path("ca.pem")}}) {
    EXPECT_THROW(Transport(inference_, repository_, authority_, options), InvalidArgument);
  }
}

}  // namespace

}  // namespace lathe::server
