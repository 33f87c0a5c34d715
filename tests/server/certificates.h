// Certificates to try TLS with, made by openssl in a folder of their own.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/server/temporary_folder.h"

namespace lathe::server {

// NAME.pem and NAME.key of an authority `ca`, and by it of `server`, for 127.0.0.1, and `client`.
class Certificates {
 public:
  Certificates() {
    make_authority("ca");
    make_certificate("server", "ca", "subjectAltName=IP:127.0.0.1");
    make_certificate("client", "ca", "basicConstraints=CA:FALSE");
  }

  void run(const std::string& command) const {
    const std::string all =
        "cd '" + folder_.path().string() + "' && " + command + " >openssl.log 2>&1";
    ASSERT_EQ(std::system(all.c_str()), 0) << command << "\n" << text("openssl.log");
  }
  void make_authority(const std::string& name) const {
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" +
        name + " -keyout " + name + ".key -out " + name + ".pem");
  }
  void make_certificate(const std::string& name, const std::string& by,
                        const std::string& extension) const {
    std::ofstream(folder_.path() / (name + ".ext")) << extension << "\n";
    run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name +
        " -keyout " + name + ".key -out " + name + ".csr");
    run("openssl x509 -req -days 2 -in " + name + ".csr -CA " + by + ".pem -CAkey " + by +
        ".key -CAcreateserial -extfile " + name + ".ext -out " + name + ".pem");
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string text(const std::string& name) const {
    std::ostringstream all;
    all << std::ifstream(folder_.path() / name).rdbuf();
    return all.str();
  }
  void copy(const std::string& from, const std::string& to) const {
    std::filesystem::copy_file(folder_.path() / from, folder_.path() / to,
                               std::filesystem::copy_options::overwrite_existing);
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace lathe::server
