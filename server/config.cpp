#include "lathe/server/config.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include "lathe/ml/core/error.h"
#include "lathe/server/serve.h"
#include "lathe/server/text.h"

namespace lathe::server {

namespace {

constexpr std::array<std::string_view, 1> model_keys = {"version-policy"};

std::string read_text(const std::string& path) {
  constexpr std::size_t most = std::size_t{1} << 20;  // it may be a device
  std::error_code ignored;
  std::ifstream file(path);
  std::string text(most + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.empty() && (!file.eof() || std::filesystem::is_directory(path, ignored))) {
    throw IoError("U013", "configuration " + path + ": it cannot be read");
  }
  if (text.size() > most) {
    throw IoError("U013", "configuration " + path + ": it is larger than 1 MiB");
  }
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  return text.starts_with(byte_order_mark) ? text.substr(byte_order_mark.size()) : text;
}

std::string trimmed(std::string text) { return CLI::detail::trim(text); }

// As the parser and lines are compared: it leaves some quotes.
std::string bare_key(std::string key) {
  std::erase_if(key,
                [](char c) { return std::string_view("\"' \t[]").find(c) != std::string::npos; });
  return key;
}

// The lines that set a key, with its section, since the parser tells no lines.
std::multimap<std::string, int> lines_of_keys(const std::string& text) {
  std::multimap<std::string, int> lines;
  std::istringstream rest(text);
  std::string section;
  int number = 0;
  for (std::string line; std::getline(rest, line);) {
    ++number;
    line = trimmed(line);
    if (line.starts_with('[') && line.ends_with(']')) {
      section = bare_key(line.substr(1, line.size() - 2)) + ".";
    } else if (const std::size_t end = line.find('=');
               end != std::string::npos && !line.starts_with('#') && !line.starts_with(';')) {
      lines.emplace(section + bare_key(line.substr(0, end)), number);
    }
  }
  return lines;
}

void refuse_twice(const std::string& path, const std::multimap<std::string, int>& lines) {
  for (auto line = lines.begin(); line != lines.end(); ++line) {
    const auto next = std::next(line);
    if (next == lines.end() || next->first != line->first) continue;
    throw InvalidArgument("U015", "configuration " + path + ", line " +
                                      std::to_string(next->second) + ": " + in_quotes(next->first) +
                                      " is there already, in line " + std::to_string(line->second));
  }
}

std::vector<CLI::ConfigItem> read_items(const std::string& path, const std::string& content) {
  std::istringstream text(content);
  try {
    return CLI::ConfigTOML().from_config(text);
  } catch (const CLI::ParseError& error) {
    throw InvalidArgument("U015", "configuration " + path + ": " + error.what());
  }
}

template <class Keys>
[[noreturn]] void refuse_key(const std::string& key, const std::string& where, const Keys& keys) {
  const std::string_view nearest = nearest_name(key, keys);
  throw InvalidArgument("U014", "there is no key " + in_quotes(key) + where,
                        nearest.empty() ? "the keys are " + listed(keys, 100)
                                        : "did you mean " + std::string(nearest) + "?");
}

[[noreturn]] void refuse_value(const CLI::ConfigItem& item, const std::string& rule) {
  throw InvalidArgument("U015", item.fullname() + " = " + listed(item.inputs) + ": " + rule);
}

[[noreturn]] void refuse_section(const CLI::ConfigItem& item) {
  std::string section = item.parents[0];
  static constexpr std::array<std::string_view, 1> sections = {"models"};
  const bool near = !nearest_name(section, sections).empty();
  for (std::size_t i = 1; i < item.parents.size(); ++i) section += "." + item.parents[i];
  const std::string name = item.parents.size() > 1 ? section.substr(section.find('.') + 1) : "NAME";
  throw InvalidArgument("U014", "there is no section " + in_quotes("[" + section + "]"),
                        near ? "did you mean [models." + name + "]?"
                             : "keys of single models are in [models.NAME], others in no section");
}

// The parser cuts a line at #, also within quotes.
void check_quotes(const CLI::ConfigItem& item) {
  for (const std::string& value : item.inputs) {
    if (value.starts_with('"') || value.starts_with('\'')) {
      refuse_value(item, "a quote that does not end, or has a # in it, which is not supported");
    }
  }
}

std::vector<std::string> keys_of(const CLI::App& app) {
  std::vector<std::string> keys;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_configurable() && !option->get_lnames().empty()) {
      keys.push_back(option->get_lnames().front());
    }
  }
  std::ranges::sort(keys);
  return keys;
}

void read_option(CLI::App& app, const CLI::ConfigItem& item) {
  const std::vector<std::string> keys = keys_of(app);
  if (!std::ranges::binary_search(keys, item.name)) refuse_key(item.name, "", keys);
  CLI::Option& option = *app.get_option("--" + item.name);
  if (option.count() > 0) return;  // the command line goes first
  if (item.inputs.size() != 1) refuse_value(item, "it must be one value");
  try {
    option.add_result(item.inputs);
    option.run_callback();
  } catch (const CLI::ParseError& error) {
    const std::string rule = error.what();
    const std::string flag = "--" + item.name + ": ";
    refuse_value(item, rule.starts_with(flag) ? rule.substr(flag.size()) : rule);
  }
}

// The parser takes points within quotes for ends of names as well.
std::string model_name(const std::vector<std::string>& parents) {
  std::string name;
  for (std::size_t i = 1; i < parents.size(); ++i) name += (i == 1 ? "" : ".") + parents[i];
  return CLI::detail::remove_quotes(name);
}

void read_model(const CLI::ConfigItem& item, ServeOptions& options) {
  const std::string model = model_name(item.parents);
  if (std::ranges::find(model_keys, item.name) == model_keys.end()) {
    refuse_key(item.name, " of a model", model_keys);
  }
  if (item.inputs.size() != 1) refuse_value(item, "it must be one value");
  try {
    const VersionPolicy policy = VersionPolicy::parse(item.inputs[0]);
    if (!options.version_policies.emplace(model, policy).second)
      refuse_value(item, "it is there twice");
  } catch (const InvalidArgument& error) {
    refuse_value(item, error.what());
  }
}

void read_item(CLI::App& app, const CLI::ConfigItem& item, ServeOptions& options) {
  if (item.name == "++" || item.name == "--") return;  // where sections begin and end
  check_quotes(item);
  if (item.parents.empty()) return read_option(app, item);
  if (item.parents.size() == 1 || item.parents[0] != "models") refuse_section(item);
  read_model(item, options);
}

std::string quoted(const std::string& text) {
  const char quote = text.find('"') == std::string::npos ? '"' : '\'';
  return quote + text + quote;
}

bool is_bare(const std::string& value) {  // a number or a truth value
  double number = 0.0;
  return value == "true" || value == "false" || CLI::detail::lexical_cast(value, number);
}

std::string value_of(const CLI::Option& option) {
  std::vector<std::string> values = option.results();
  if (values.empty()) {
    if (option.get_expected_min() == 0) return "false";  // a flag
    values = {option.get_default_str()};
  }
  std::string text;
  for (const std::string& value : values) {
    text += (text.empty() ? "" : ", ") + (is_bare(value) ? value : quoted(value));
  }
  return values.size() == 1 ? text : "[" + text + "]";
}

}  // namespace

void read_config(CLI::App& app, const std::string& path, ServeOptions& options) {
  const std::string text = read_text(path);
  const std::multimap<std::string, int> lines = lines_of_keys(text);
  refuse_twice(path, lines);
  for (const CLI::ConfigItem& item : read_items(path, text)) {
    try {
      read_item(app, item, options);
    } catch (const InvalidArgument& error) {
      const auto line = lines.find(bare_key(item.fullname()));
      const std::string at = line == lines.end() ? "" : ", line " + std::to_string(line->second);
      throw InvalidArgument(error.code(), "configuration " + path + at + ": " + error.what(),
                            error.help());
    }
  }
}

std::string to_config(const CLI::App& app, const ServeOptions& options) {
  std::string text;
  for (const std::string& key : keys_of(app)) {
    const std::string value = value_of(*app.get_option("--" + key));
    if (value != "\"\"") text.append(key).append(" = ").append(value).append("\n");
  }
  for (const auto& [model, policy] : options.version_policies) {
    text += "\n[models." + quoted(model) + "]\nversion-policy = " + quoted(policy.text()) + "\n";
  }
  return text;
}

}  // namespace lathe::server
