// lathe describe DATA: what a table looks like, before a model is made.
#include <cmath>
#include <iostream>

#include "lathe/cli/command.h"
#include "lathe/cli/json.h"
#include "lathe/cli/text_table.h"
#include "lathe/datasets/profile.h"
#include "lathe/datasets/utf8.h"
#include "lathe/ml/core/words.h"

namespace lathe {
namespace {

struct Arguments {
  DataArguments data;
  std::string target;
  bool json = false;
};

std::string levels_text(const ColumnProfile& column) {
  constexpr std::size_t most = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(column.levels.size(), most); ++i) {
    text += (i == 0 ? "" : ", ") + column.levels[i].level + " " +
            std::to_string(column.levels[i].count);
  }
  if (column.distinct > static_cast<Index>(most)) text += ", ...";
  return text;
}

void print_text(const Arguments& arguments, const TableProfile& profile) {
  std::cout << arguments.data.path << ": " << counted(profile.rows, "row") << ", "
            << counted(static_cast<Index>(profile.columns.size()), "column") << "\n\n";
  TextTable table({"column", "kind", "missing", "distinct", "mean", "sd", "min", "q1", "median",
                   "q3", "max", "levels"});
  for (const ColumnProfile& c : profile.columns) {
    const bool numeric = c.kind == ColumnKind::numeric;
    const auto cell = [&](double v) {  // one cell has no deviation
      if (!numeric || c.count == 0) return std::string();
      return std::isnan(v) ? "-" : short_number(v);
    };
    table.add({c.name + (c.name == arguments.target ? " (target)" : ""),
               numeric ? "numeric" : "categorical", std::to_string(c.missing),
               std::to_string(c.distinct), cell(c.mean), cell(c.sd), cell(c.min), cell(c.q1),
               cell(c.median), cell(c.q3), cell(c.max), numeric ? "" : levels_text(c)});
  }
  std::cout << table.text();
  std::string hints;
  for (const ColumnProfile& c : profile.columns) {
    for (const Hint& hint : c.hints) {
      hints += "  " + without_controls(c.name + ": " + hint.text) + '\n';
    }
  }
  if (!hints.empty()) std::cout << "\nworth a look:\n" << hints;
}

void print_json(const Arguments& arguments, const TableProfile& profile) {
  Json columns = Json::array();
  for (const ColumnProfile& c : profile.columns) {
    Json column = {{"name", c.name},
                   {"kind", c.kind == ColumnKind::numeric ? "numeric" : "categorical"},
                   {"count", c.count},
                   {"missing", c.missing},
                   {"distinct", c.distinct}};
    if (c.kind == ColumnKind::numeric) {
      column.update({{"mean", c.mean},
                     {"sd", c.sd},
                     {"autocorrelation", c.autocorrelation},
                     {"min", c.min},
                     {"q1", c.q1},
                     {"median", c.median},
                     {"q3", c.q3},
                     {"max", c.max}});
    } else {
      Json levels = Json::array();
      for (const LevelCount& level : c.levels) {
        levels.push_back({{"level", level.level}, {"count", level.count}});
      }
      column["levels"] = levels;
    }
    Json hints = Json::array();
    for (const Hint& hint : c.hints) {
      hints.push_back({{"kind", to_text(hint.kind)}, {"text", hint.text}});
    }
    column["hints"] = hints;
    columns.push_back(column);
  }
  print({{"data", arguments.data.path},
         {"rows", profile.rows},
         {"target", arguments.target.empty() ? Json(nullptr) : Json(arguments.target)},
         {"columns", columns}});
}

}  // namespace

void add_describe(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("describe", "what a table looks like, column by column");
  arguments->data.add_to(*command);
  command->add_option("--target", arguments->target, "the column to predict")->type_name("COLUMN");
  command->add_flag("--json", arguments->json, "one JSON object");
  add_threads(*command);
  command->callback([arguments] {
    const Table table = arguments->data.read();
    const TableProfile found =
        profile(table, arguments->target.empty() ? std::nullopt
                                                 : std::optional<std::string>(arguments->target));
    if (arguments->json)
      print_json(*arguments, found);
    else
      print_text(*arguments, found);
  });
}

}  // namespace lathe
