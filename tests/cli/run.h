// Runs the built `lathe` as a user would, in a folder of its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace lathe::testing {

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class Folder {  // removed with all that is in it
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path(const std::string& name) const { return (root_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const;  // its path
  Outcome lathe(const std::vector<std::string>& arguments, const std::string& input = "") const;

 private:
  std::filesystem::path root_;
};

std::string read_file(const std::string& path);

inline const std::string penguins = LATHE_SOURCE_DIR "/datasets/data/penguins.csv";
inline const std::string diabetes = LATHE_SOURCE_DIR "/datasets/data/diabetes.csv";
inline const std::string weather = LATHE_SOURCE_DIR "/datasets/data/seattle_weather.csv";

inline const std::string encode =
    "columns(numeric: simple_imputer(strategy=median) | standard_scaler, "
    "categorical: one_hot_encoder(handle_unknown=ignore)) | ";

inline std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Fits m.lathe to diabetes; the exit code.
inline int fit_ridge(const Folder& folder) {
  return folder
      .lathe({"fit", diabetes, "--target", "target", "--pipeline", "ridge", "--output", "m.lathe"})
      .exit_code;
}

}  // namespace lathe::testing
