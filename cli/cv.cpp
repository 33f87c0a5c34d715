// lathe cv DATA --target COL --pipeline EXPR: how well does it do on rows it has not seen?
#include <filesystem>
#include <iostream>
#include <numeric>

#include "lathe/cli/command.h"
#include "lathe/cli/cross_validation.h"
#include "lathe/cli/json.h"
#include "lathe/cli/text_table.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/model_file.h"
#include "lathe/ml/registry.h"

namespace lathe {
namespace {

struct Arguments {
  DataArguments data;
  ColumnArguments columns;
  std::string pipeline;
  CrossValidationArguments how;
  std::string group;
  std::string save;
  std::uint64_t seed = 0;
  bool json = false;
  bool force = false;
  bool strict = false;
};

std::string fold_path(const std::string& folder, std::size_t fold) {
  return folder + "/fold-" + std::to_string(fold + 1) + ".lathe";
}

double total(const std::vector<double>& seconds) {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

std::string method_name(const CrossValidation& result) {
  return std::string(names(result.method)[static_cast<std::size_t>(result.method)]);
}

void print_text(const CrossValidation& result) {
  std::cout << "pipeline  " << result.pipeline << "\nsplitter  " << result.splitter
            << "\nseed      " << result.seed << "\nmethod    " << method_name(result) << "\n\n";
  std::vector<std::string> header = {"fold", "train", "test"};
  for (const MetricScores& metric : result.metrics) header.push_back(metric.metric);
  header.push_back("fit s");
  TextTable table(header);
  for (std::size_t fold = 0; fold < result.n_test.size(); ++fold) {
    std::vector<std::string> row = {std::to_string(fold + 1), std::to_string(result.n_train[fold]),
                                    std::to_string(result.n_test[fold])};
    for (const MetricScores& metric : result.metrics) {
      row.push_back(short_number(metric.folds[fold]));
    }
    row.push_back(short_number(result.fit_seconds[fold]));
    table.add(row);
  }
  std::vector<std::string> mean = {"mean", "", ""};
  std::vector<std::string> std = {"std", "", ""};
  for (const MetricScores& metric : result.metrics) {
    mean.push_back(short_number(metric.mean));
    std.push_back(short_number(metric.std));
  }
  table.add(mean);
  table.add(std);
  std::cout << table.text();
}

void print_json(const Arguments& arguments, const TrainingData& data,
                const CrossValidation& result) {
  Json metrics = Json::object();
  for (const MetricScores& metric : result.metrics) {
    metrics[metric.metric] = {{"folds", metric.folds},
                              {"mean", metric.mean},
                              {"std", metric.std},
                              {"greater_is_better", metric.greater_is_better}};
  }
  print({{"metrics", metrics},
         {"seconds", total(result.fit_seconds) + total(result.score_seconds)},
         {"fit_seconds", result.fit_seconds},
         {"score_seconds", result.score_seconds},
         {"pipeline", result.pipeline},
         {"splitter", result.splitter},
         {"seed", result.seed},
         {"method", method_name(result)},
         {"data", arguments.data.path},
         {"targets", arguments.columns.targets},
         {"weight",
          arguments.columns.weight.empty() ? Json(nullptr) : Json(arguments.columns.weight)},
         {"rows", data.X.rows()},
         {"n_train", result.n_train},
         {"n_test", result.n_test},
         {"notes", data.notes},
         {"warnings", result.warnings}});
}

// One model file per fold, all or none: nothing is begun while one of the files is in the way.
void save_models(const Arguments& arguments, const TrainingData& data, const FitOptions& options,
                 const CrossValidation& result) {
  std::error_code failed;
  std::filesystem::create_directories(arguments.save, failed);
  if (failed) throw IoError("I003", "the folder " + arguments.save + " could not be made");
  for (std::size_t fold = 0; fold < result.models.size(); ++fold) {
    check_output(fold_path(arguments.save, fold), arguments.force, {arguments.data.path});
  }
  for (std::size_t fold = 0; fold < result.models.size(); ++fold) {
    const TrainingData seen = select_rows(data, result.train_rows[fold]);
    save_model(fitted_with(seen, options, result.models[fold]), fold_path(arguments.save, fold),
               arguments.force);
  }
  note(std::to_string(result.models.size()) + " models are in " + arguments.save);
}

void cv_command(const Arguments& arguments) {
  const Estimator pipeline = make_estimator(arguments.pipeline);
  CrossValidationArguments how = arguments.how;
  how.keep_models = !arguments.save.empty() || arguments.strict;
  if (!arguments.save.empty()) {
    check_output(fold_path(arguments.save, 0), arguments.force, {arguments.data.path});
  }

  Table table = arguments.data.read();
  how.groups = take_groups(table, arguments.group, arguments.columns);
  const FitOptions options = arguments.columns.fit_options(arguments.seed);
  const TrainingData data = prepare(pipeline, table, options);
  for (const std::string& sentence : data.notes) note(sentence);
  const CrossValidation result = run_cross_validation(data, options, how);

  if (!arguments.save.empty()) save_models(arguments, data, options, result);
  if (arguments.json)
    print_json(arguments, data, result);
  else
    print_text(result);
  for (const ModelPtr& model : result.models) {
    if (arguments.strict && !model->converged()) throw Exit{exit_not_converged};
  }
}

}  // namespace

void add_cv(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("cv", "cross-validate a pipeline");
  arguments->data.add_to(*command);
  arguments->columns.add_to(*command, false);
  command->add_option("--pipeline", arguments->pipeline, "what to fit; `lathe list` has the names")
      ->type_name("EXPR")
      ->required();
  command
      ->add_option("--splitter", arguments->how.splitter,
                   "how to split (default: stratified_kfold for classifiers, else kfold)")
      ->type_name("EXPR");
  command
      ->add_option("--metric", arguments->how.metrics,
                   "what to score by (may be repeated; default: by the kind of model)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_option("--group", arguments->group, "for group_kfold: its column; not an input")
      ->type_name("COLUMN");
  command->add_option("--save", arguments->save, "keep the model of each fold in this folder")
      ->type_name("DIR");
  add_seed(*command, arguments->seed);
  command->add_flag("--json", arguments->json, "one JSON object");
  command->add_flag("--force", arguments->force, "overwrite models in --save DIR");
  command->add_flag("--strict", arguments->strict, "exit 6 if a fit did not converge");
  add_threads(*command);
  command->callback([arguments] { cv_command(*arguments); });
}

}  // namespace lathe
