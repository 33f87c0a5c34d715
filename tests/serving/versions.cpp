#include "tests/serving/versions.h"

#include "lathe/ml/model_file.h"

#include "tests/server/models.h"

namespace lathe::server {

namespace fs = std::filesystem;

Versions::Versions(fs::path repository, Index features) : repository_(std::move(repository)) {
  const Matrix X = random_matrix(3, features, 11);
  for (const std::size_t parity : {0U, 1U}) {
    const FittedPipeline fitted = linear_model(features, 0.5 + static_cast<double>(parity));
    files_[parity] = repository_ / (".version_" + std::to_string(parity));
    save_model(fitted, files_[parity].string());
    Matrix y(X.rows(), 1);
    fitted.model()->predict_into(X, y);
    predictions_[parity].assign(reinterpret_cast<const char*>(y.data()),
                                static_cast<std::size_t>(y.size()) * sizeof(double));
  }
  request_ = matrix_request("linear", X, true).SerializeAsString();
  add(1);
}

fs::path Versions::folder(std::uint64_t version) const {
  return repository_ / "linear" / std::to_string(version);
}

void Versions::add(std::uint64_t version) const {
  const fs::path prepared = repository_ / ".prepared";
  fs::create_directories(prepared);
  fs::create_directories(repository_ / "linear");
  fs::copy_file(file(version), prepared / "model.lathe", fs::copy_options::overwrite_existing);
  fs::rename(prepared, folder(version));
}

void Versions::remove(std::uint64_t version) const { fs::remove_all(folder(version)); }

std::string Versions::wrong(const inference::ModelInferResponse& reply) const {
  const std::string& version = reply.model_version();
  if (version.empty() || reply.raw_output_contents_size() != 1) return "no version or no numbers";
  const std::size_t parity = std::stoull(version) % 2;
  if (reply.raw_output_contents(0) == predictions_[parity]) return "";
  return "not the predictions of version " + version;
}

std::string Versions::wrong(std::string_view reply) const {
  inference::ModelInferResponse message;
  if (!message.ParseFromArray(reply.data(), static_cast<int>(reply.size()))) return "unreadable";
  return wrong(message);
}

}  // namespace lathe::server
