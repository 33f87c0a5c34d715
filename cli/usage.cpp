#include "lathe/cli/usage.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {
namespace {

// The command that was being read.
const CLI::App& innermost(const CLI::App& app) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  return chosen.empty() ? app : innermost(*chosen.back());
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name()
                                     : full_name(*app.get_parent()) + " " + app.get_name();
}

std::string see_help(const CLI::App& command) {
  return "`" + full_name(command) + " --help` shows how it is used";
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> flag_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

InvalidArgument no_such_command(const CLI::App& app, const std::string& given) {
  const std::vector<std::string> names = command_names(app);
  const std::string_view near = nearest_name(given, names);
  return {"U001", app.get_name() + " has no command '" + given + "'",
          near.empty() ? "`" + app.get_name() + " --help` lists them"
                       : "did you mean " + std::string(near) + "?"};
}

InvalidArgument no_such_flag(const CLI::App& command, const std::string& given) {
  const std::string flag = given.substr(0, given.find('='));
  const std::vector<std::string> names = flag_names(command);
  const std::string_view near = nearest_name(flag, names);
  return {"U001", full_name(command) + " has no flag " + flag,
          near.empty() ? see_help(command) : "did you mean " + std::string(near) + "?"};
}

// --pipeline EXPR
std::string shown_option(const CLI::Option& option) {
  if (!option.nonpositional()) return option.get_name(true);
  const std::string type = option.get_type_name();
  return option.get_name() + (type.empty() ? "" : " " + type);
}

InvalidArgument not_given(const CLI::App& command) {
  const std::vector<const CLI::Option*> missing = command.get_options(
      [](const CLI::Option* option) { return option->get_required() && option->count() == 0; });
  if (missing.empty()) return {"U001", "no command is given", "`lathe --help` lists them"};
  std::string list;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    const char* const between = i == 0 ? "" : i + 1 == missing.size() ? " and " : ", ";
    list += between + shown_option(*missing[i]);
  }
  if (missing.size() > 1) return {"U001", list + " are not given", see_help(command)};
  return {"U001", list + " is not given", missing[0]->get_description()};
}

// The option with which CLI11's message begins.
const CLI::Option* named_in(const CLI::App& command, const std::string& message) {
  const std::string name = message.substr(0, message.find_first_of(": "));
  return command.get_option_no_throw(name);
}

InvalidArgument not_as_many(const CLI::App& command, const std::string& message) {
  const CLI::Option* const option = named_in(command, message);
  if (option == nullptr) return {"U001", message, see_help(command)};
  const std::size_t given = option->results().size();
  if (given < 2) return {"U001", option->get_name() + ": the value is missing"};
  return {"U001", option->get_name() + " is given " + std::to_string(given) +
                      " times, but takes one value"};
}

}  // namespace

InvalidArgument usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = innermost(app);
  // What is not known comes first: what is missing may have been meant by it.
  for (const CLI::App* reader : {&command, &app}) {
    const std::vector<std::string> unknown = reader->remaining();
    const auto flag = std::find_if(unknown.begin(), unknown.end(), [](const std::string& text) {
      return text.size() > 1 && text[0] == '-';
    });
    if (flag != unknown.end()) return no_such_flag(*reader, *flag);
    if (unknown.empty()) continue;
    if (reader == &app) return no_such_command(app, unknown.front());
    return {"U001", "'" + unknown.front() + "' is one argument too many for " + full_name(command),
            see_help(command)};
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) return not_given(command);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    return not_as_many(command, error.what());
  }
  return {"U001", error.what()};
}

}  // namespace lathe
