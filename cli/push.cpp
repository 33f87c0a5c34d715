// lathe push MODEL REPOSITORY: publishes a model file as the next version.
#include "lathe/server/push.h"

#include <filesystem>
#include <iostream>
#include <optional>

#include "lathe/cli/command.h"

namespace lathe {
namespace {

struct Arguments {
  std::string model;
  std::string repository;
  std::optional<std::string> name;  // none: the file's
};

void push_command(const Arguments& arguments) {
  const std::filesystem::path file = arguments.model;
  const std::string name = arguments.name.value_or(file.stem().string());
  const std::uint64_t version = server::push_model(file, arguments.repository, name);
  std::cout << "pushed  " << name << " version " << version << " to " << arguments.repository
            << '\n';
}

}  // namespace

void add_push(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  auto* command =
      app.add_subcommand("push", "publish a model file in a repository, as its next version");
  command->add_option("MODEL", arguments->model, "a model file of `lathe fit`")->required();
  command->add_option("REPOSITORY", arguments->repository, "the folder that lathed serves")
      ->required();
  command->add_option("--name", arguments->name, "the model's name (default: the file's)")
      ->type_name("NAME");
  command->callback([arguments] { push_command(*arguments); });
}

}  // namespace lathe
