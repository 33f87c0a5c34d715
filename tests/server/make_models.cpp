// server_make_models FOLDER [OFFSET]: version 1 of the models that client.py asks, or, with an
// offset, one file FOLDER/model.lathe of `linear` with another constant.
#include <filesystem>
#include <iostream>
#include <string>

#include "lathe/ml/model_file.h"

#include "tests/server/models.h"

namespace {

void save(const lathe::FittedPipeline& fitted, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  lathe::save_model(fitted, (folder / "model.lathe").string());
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : "";
  if (argc == 3) {
    save(lathe::server::linear_model(20, std::stod(argv[2])), folder);
  } else if (argc == 2) {
    save(lathe::server::linear_model(20), folder / "linear" / "1");
    save(lathe::server::species_model(), folder / "species" / "1");
  } else {
    std::cerr << "usage: server_make_models FOLDER [OFFSET]\n";
    return 2;
  }
}
