// The daemon's flags in a TOML file, and those of single models:
//
//   model-repository = "/srv/models"
//   max-cells = 1000000
//   [models.penguins]
//   version-policy = "latest(2)"
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace lathe::server {

struct ServeOptions;

// Sets the options of `app`, and those of models, that the file gives and the command line did not.
// Throws IoError (U013) for a file that cannot be read and InvalidArgument otherwise: U014 a key
// that is none, with the nearest one, U015 a value that the key does not take, with the rule, or
// a key that is there twice; each with the file and the line.
void read_config(CLI::App& app, const std::string& path, ServeOptions& options);

// All that is set, as a file that read_config() takes.
std::string to_config(const CLI::App& app, const ServeOptions& options);

}  // namespace lathe::server
