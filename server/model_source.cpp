// Where the watcher finds models: a folder of versions, or one bare file.
#include <system_error>
#include <utility>

#include "lathe/server/error.h"
#include "lathe/server/text.h"
#include "lathe/server/watcher.h"

namespace lathe::server {

namespace fs = std::filesystem;

namespace {

// Calls visit(name, path) for each folder within `folder`; links are followed.
template <class Visit>
std::error_code each_folder(const fs::path& folder, Visit visit) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) visit(entry->path().filename().string(), entry->path());
  }
  return error;
}

Listing list_folder(const fs::path& folder) {
  Listing found{.folders = {folder}};
  const auto add_model = [&found](const std::string& name, const fs::path& path) {
    if (!is_model_name(name)) return;
    found.folders.push_back(path);
    auto& versions = found.models[name];
    const auto add_version = [&](const std::string& version, const fs::path& at) {
      const std::uint64_t number = version_number(version);
      if (number == 0) return;
      versions.emplace(number, at / "model.lathe");
      found.folders.push_back(at);
    };
    // A folder may vanish while it is listed. Any other trouble must not look like that.
    const std::error_code error = each_folder(path, add_version);
    if (error && error != std::errc::no_such_file_or_directory) {
      found.unreadable.emplace(name, error.message());
    }
  };
  if (const std::error_code error = each_folder(folder, add_model)) {
    throw IoError("R021", "model repository " + folder.string() + ": " + error.message());
  }
  return found;
}

}  // namespace

bool is_model_name(const std::string& name) {
  return !name.empty() && !name.starts_with('.') && name.find('/') == std::string::npos &&
         is_printable(name);
}

ListModels model_folder(fs::path folder) {
  return [folder = std::move(folder)] { return list_folder(folder); };
}

ListModels model_file(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    throw IoError("R021", "model " + file.string() + ": " +
                              (error ? error.message() : std::string("not a file")));
  }
  const std::string name = file.stem().string();
  if (!is_model_name(name)) {
    throw InvalidArgument(
        "U011",
        "model file " + in_quotes(file.filename().string()) + ": its name cannot be a model's",
        "the name must be printable UTF-8 and not begin with a point");
  }
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  return [file, name, folder] {
    return Listing{.models = {{name, {{1, file}}}}, .folders = {folder}, .one_file = true};
  };
}

}  // namespace lathe::server
