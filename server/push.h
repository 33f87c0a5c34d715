// A model file put into a repository as the next version.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace lathe::server {

// Copies the file beside its place under a hidden name, loads the copy to see that it is whole,
// syncs it and moves it to <repository>/<name>/<version>/model.lathe, where version is one more
// than the highest there: whoever looks sees all of it or nothing, and of pushes at the same time
// each gets a number of its own. Clears the hidden folders of pushes that were killed. Returns the
// version. Throws what load_model_file() throws, InvalidArgument (U011) for a name that cannot be a
// model's, and IoError (R026).
std::uint64_t push_model(const std::filesystem::path& file, const std::filesystem::path& repository,
                         const std::string& name);

}  // namespace lathe::server
