// make_golden_models FOLDER: writes the golden models that are not there yet.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "lathe/ml/core/error.h"
#include "lathe/ml/model_file.h"

#include "tests/golden/models/golden_models.h"

namespace lathe::golden {
namespace {

constexpr Index training_rows = 30;
constexpr Index answered_rows = 6;

void make(const GoldenModel& golden, const std::string& path) {
  const conformance::Case& c = golden.made_of;
  const FittedPipeline fitted = conformance::fit_table(c, training_rows);
  const Table all = conformance::make_table(c.data, training_rows + answered_rows);
  std::vector<Index> last;
  for (Index i = training_rows; i < all.rows(); ++i) last.push_back(i);
  GoldenCase written{all.select_rows(last), {}};
  const FitOptions options = conformance::fit_options(c);
  for (const auto& names : {options.drop, options.targets}) {
    for (const std::string& name : names) written.rows = written.rows.drop(name);
  }
  written.answers = hexadecimal(conformance::answers(*fitted.model(), fitted.bind(written.rows)));
  save_model(fitted, path + ".lathe");
  std::ofstream(path + ".json") << to_json(written);
}

int run(const std::filesystem::path& folder) {
  for (const GoldenModel& golden : golden_models()) {
    const std::string path = folder / golden.file;
    if (std::filesystem::exists(path + ".lathe")) continue;
    make(golden, path);
    std::cout << path << ".lathe\n";
  }
  return 0;
}

}  // namespace
}  // namespace lathe::golden

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_golden_models FOLDER\n";
    return 2;
  }
  try {
    return lathe::golden::run(argv[1]);
  } catch (const lathe::Error& error) {
    std::cerr << error.code() << ": " << error.what() << "\n";
    return 1;
  }
}
