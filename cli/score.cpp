// lathe score MODEL DATA --metric NAME...: how well a saved model does on labelled rows.
#include "lathe/evaluation/score.h"

#include <iostream>

#include "lathe/cli/command.h"
#include "lathe/cli/json.h"
#include "lathe/cli/text_table.h"
#include "lathe/ml/model_file.h"

namespace lathe {
namespace {

struct Arguments {
  std::string model;
  DataArguments data;
  std::vector<std::string> metrics;
  bool json = false;
};

void score_command(const Arguments& arguments) {
  std::vector<Metric> metrics;
  for (const std::string& name : arguments.metrics) metrics.push_back(make_metric(name));
  const FittedPipeline fitted = load_model_file(arguments.model);
  const Table table = arguments.data.read_for(fitted.contract(), true);
  std::vector<std::string> notes;
  const std::vector<Score> scores = score(fitted, table, metrics, &notes);
  for (const std::string& sentence : notes) note(sentence);

  if (arguments.json) {
    Json values = Json::object();
    for (const Score& score : scores) values[score.metric] = score.value;
    print({{"metrics", values},
           {"rows", table.rows()},
           {"model", arguments.model},
           {"pipeline", fitted.contract().pipeline}});
    return;
  }
  TextTable text({"metric", "score"});
  for (const Score& score : scores) text.add({score.metric, short_number(score.value)});
  std::cout << text.text();
}

}  // namespace

void add_score(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("score", "score a model on a table with the target");
  command->add_option("MODEL", arguments->model, "a model file of `lathe fit`")->required();
  arguments->data.add_to(*command);
  command
      ->add_option("--metric", arguments->metrics,
                   "what to score by (may be repeated; default: by the kind of model)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_flag("--json", arguments->json, "one JSON object");
  add_threads(*command);
  command->callback([arguments] { score_command(*arguments); });
}

}  // namespace lathe
