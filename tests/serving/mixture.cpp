#include "tests/serving/mixture.h"

#include "lathe/ml/model_file.h"

namespace lathe::server {

namespace fs = std::filesystem;

namespace {

void save(const FittedPipeline& fitted, const fs::path& folder) {
  fs::create_directories(folder / "1");
  save_model(fitted, (folder / "1" / "model.lathe").string());
}

Request species_request(std::size_t rows, bool raw) {
  const char* const islands[] = {"Biscoe", "Dream", "Torgersen", "", "Elsewhere"};
  const Matrix cells = random_matrix(static_cast<Index>(rows), 2, rows);
  std::vector<std::string> island;
  std::vector<double> mass, length;
  for (std::size_t i = 0; i < rows; ++i) {
    island.emplace_back(islands[i % 5]);
    mass.push_back(4000.0 + 900.0 * cells(static_cast<Index>(i), 0));
    length.push_back(40.0 + 9.0 * cells(static_cast<Index>(i), 1));
  }
  Request request;
  request.set_model_name("species");
  add_numbers(request, "length", length, raw);
  add_texts(request, "island", island, raw);
  add_numbers(request, "mass", mass, raw);
  return request;
}

}  // namespace

void save_mixture(const fs::path& repository) {
  save(linear_model(20), repository / "linear");
  save(species_model(), repository / "species");
  save(digit_model(), repository / "digits");
  save(verbose_model(), repository / "verbose");
  save(cluster_model(), repository / "clusters");
  save(scaler_model(), repository / "scaler");
}

std::vector<Request> mixed_requests() {
  std::vector<Request> requests;
  for (const bool raw : {true, false}) {
    for (const Index rows : {1, 700, 2, 100, 3, 17}) {
      const auto seed = static_cast<std::uint64_t>(rows);
      requests.push_back(matrix_request("linear", random_matrix(rows, 20, seed), raw));
      requests.push_back(species_request(static_cast<std::size_t>(rows), raw));
      for (const char* const name : {"digits", "verbose", "clusters", "scaler"}) {
        requests.push_back(matrix_request(name, random_matrix(rows, 2, seed), raw));
      }
    }
  }
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i].set_id(std::to_string(i));
  return requests;
}

}  // namespace lathe::server
