// Runs the built `lathe` as a user would, in a folder of its own.
#pragma once

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

}  // namespace lathe::testing
