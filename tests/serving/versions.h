// Two models of one name, whose answers tell them apart: odd versions are one, even ones the other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "lathe/ml/core/types.h"
#include "lathe/proto/inference.pb.h"

namespace lathe::server {

class Versions {
 public:
  // Version 1 of model `linear`, of `features` columns, is in `repository` from here on.
  Versions(std::filesystem::path repository, Index features);

  const std::filesystem::path& file(std::uint64_t version) const { return files_[version % 2]; }
  std::filesystem::path folder(std::uint64_t version) const;

  // Appears at once, whole.
  void add(std::uint64_t version) const;
  void remove(std::uint64_t version) const;

  const std::string& request() const { return request_; }  // raw, 3 rows; serialized
  // What is wrong with an answer to it: not, bit for bit, the predictions of the version it names.
  std::string wrong(const inference::ModelInferResponse& reply) const;
  std::string wrong(std::string_view reply) const;  // serialized

 private:
  std::filesystem::path repository_;
  std::filesystem::path files_[2];
  std::string request_;
  std::string predictions_[2];
};

}  // namespace lathe::server
