// lathe list [KIND|NAME]: what there is to build pipelines, splitters and metrics from.
#include <iostream>

#include "lathe/cli/command.h"
#include "lathe/cli/json.h"
#include "lathe/cli/text_table.h"
#include "lathe/evaluation/metrics.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/splitter.h"
#include "lathe/ml/registry.h"

namespace lathe {
namespace {

struct Entry {
  std::string kind;
  std::string name;
  std::string doc;
  std::vector<OptionInfo> options;
};

std::vector<Entry> all_entries() {
  std::vector<Entry> entries;
  for (const EstimatorEntry& e : registry().entries()) {
    entries.push_back({std::string(to_text(e.role)), std::string(e.name), std::string(e.doc),
                       e.make().options()});
  }
  for (const SplitterEntry& e : splitters()) {
    entries.push_back({"splitter", std::string(e.name), std::string(e.doc), e.make().options()});
  }
  for (const MetricEntry& e : metrics()) {
    entries.push_back({"metric", std::string(e.name), std::string(e.doc), e.make().options()});
  }
  return entries;
}

// "estimators" is every role; a plural s is as good as none.
bool is_of_kind(const Entry& entry, std::string kind) {
  if (kind.ends_with('s')) kind.pop_back();
  if (kind == "estimator") return entry.kind != "splitter" && entry.kind != "metric";
  return entry.kind == kind;
}

std::string default_text(const OptionInfo& option) { return to_text(option.default_value); }

// The rule is of the numbers in a list.
std::string allowed_text(const OptionInfo& option) {
  const bool list = option.type.find("list of ") != std::string::npos;
  return list && !option.allowed.empty() ? "each " + option.allowed : option.allowed;
}

Json to_json(const Entry& entry) {
  Json options = Json::array();
  for (const OptionInfo& option : entry.options) {
    options.push_back({{"name", option.name},
                       {"type", option.type},
                       {"default", to_json(option.default_value)},
                       {"allowed", option.allowed},
                       {"doc", option.doc}});
  }
  return {{"name", entry.name}, {"kind", entry.kind}, {"doc", entry.doc}, {"options", options}};
}

void print_whole(const Entry& entry) {
  std::cout << entry.name << "  (" << entry.kind << ")\n  " << entry.doc << "\n";
  if (entry.options.empty()) {
    std::cout << "  It has no options.\n";
    return;
  }
  TextTable table({"  option", "default", "type", "allowed", "what it is"});
  for (const OptionInfo& option : entry.options) {
    table.add(
        {"  " + option.name, default_text(option), option.type, allowed_text(option), option.doc});
  }
  std::cout << '\n' << table.text();
}

void list(const std::string& wanted, bool json) {
  std::vector<Entry> chosen;
  std::vector<std::string> names = {"estimators", "splitters", "metrics"};
  bool whole = false;
  for (const Entry& entry : all_entries()) {
    names.push_back(entry.name);
    if (entry.name == wanted) {
      chosen = {entry};
      whole = true;
      break;
    }
    if (wanted.empty() || is_of_kind(entry, wanted)) chosen.push_back(entry);
  }
  if (chosen.empty()) {
    const std::string_view near = nearest_name(wanted, names);
    throw InvalidArgument(
        "U003", "there is nothing called '" + wanted + "'",
        near.empty() ? "`lathe list` shows everything" : "did you mean " + std::string(near) + "?");
  }
  if (json) {
    Json entries = Json::array();
    for (const Entry& entry : chosen) entries.push_back(to_json(entry));
    print({{"entries", entries}});
  } else if (whole) {
    print_whole(chosen[0]);
  } else {
    TextTable table({"kind", "name", "what it does"});
    for (const Entry& entry : chosen) table.add({entry.kind, entry.name, entry.doc});
    std::cout << table.text() << "\n`lathe list NAME` shows the options of one.\n";
  }
}

}  // namespace

void add_list(CLI::App& app) {
  struct Arguments {
    std::string wanted;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("list", "estimators, splitters, metrics and their options");
  command->add_option("NAME", arguments->wanted,
                      "a name, or estimators, splitters, metrics, regressors, ...");
  command->add_flag("--json", arguments->json, "one JSON object");
  command->callback([arguments] { list(arguments->wanted, arguments->json); });
}

}  // namespace lathe
