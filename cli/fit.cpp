// lathe fit DATA --pipeline EXPR --output FILE: trains on every row and saves the model.
#include <filesystem>
#include <iostream>
#include <optional>

#include "lathe/cli/command.h"
#include "lathe/cli/cross_validation.h"
#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/model_file.h"
#include "lathe/ml/registry.h"

namespace lathe {
namespace {

struct Arguments {
  DataArguments data;
  ColumnArguments columns;
  std::string pipeline;
  std::string output;
  CrossValidationArguments cv;
  std::string group;
  std::uint64_t seed = 0;
  Index warm_rows = 3;
  bool force = false;
  bool strict = false;
};

void fit_command(const Arguments& arguments) {
  const Estimator pipeline = make_estimator(arguments.pipeline);
  check_output(arguments.output, arguments.force, {arguments.data.path});
  Table table = arguments.data.read();
  CrossValidationArguments cv = arguments.cv;
  cv.groups = take_groups(table, arguments.group, arguments.columns);

  FitOptions options = arguments.columns.fit_options(arguments.seed);
  options.warm_rows = arguments.warm_rows;
  const TrainingData data = prepare(pipeline, table, options);
  for (const std::string& sentence : data.notes) note(sentence);

  std::optional<CrossValidation> validation;
  if (!cv.splitter.empty()) validation = run_cross_validation(data, options, cv);
  FittedPipeline fitted = fit(data, options);
  for (const std::string& sentence : fitted.model()->warnings()) warning(sentence);
  if (!fitted.model()->converged() && arguments.strict) {
    note("the fit did not converge, so that --strict saved nothing");
    throw Exit{exit_not_converged};
  }
  if (validation) fitted.set_scores(contract_scores(*validation));
  save_model(fitted, arguments.output, arguments.force);

  std::cout << "fitted  " << fitted.contract().pipeline << "\n"
            << "rows    " << fitted.contract().rows << "\n"
            << "inputs  " << fitted.contract().inputs.size() << "\n"
            << "keeps   " << fitted.contract().warm_rows.size()
            << " training rows, to warm up a server\n";
  if (validation) print_summary(*validation);
  std::cout << "saved   " << arguments.output << " ("
            << std::filesystem::file_size(arguments.output) << " bytes)\n";
}

}  // namespace

void add_fit(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("fit", "train a pipeline and save the model");
  arguments->data.add_to(*command);
  command->add_option("--pipeline", arguments->pipeline, "what to fit; `lathe list` has the names")
      ->type_name("EXPR")
      ->required();
  arguments->columns.add_to(*command, false);
  command->add_option("--output", arguments->output, "the model file, usually NAME.lathe")
      ->type_name("FILE")
      ->required();
  auto* cv = command
                 ->add_option("--cv", arguments->cv.splitter,
                              "cross-validate first with this splitter; the scores are saved too")
                 ->type_name("EXPR");
  command->add_option("--metric", arguments->cv.metrics, "for --cv (may be repeated)")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->needs(cv);
  command->add_option("--group", arguments->group, "for --cv group_kfold: its column; not an input")
      ->type_name("COLUMN");
  add_seed(*command, arguments->seed);
  command
      ->add_option("--warm-rows", arguments->warm_rows,
                   "how many training rows, up to 1000, to keep in the file, as they are, for a "
                   "server to try the model on; 0: none, where rows are private")
      ->type_name("N")
      ->transform(whole_number(0, 1000))
      ->capture_default_str();
  command->add_flag("--force", arguments->force, "overwrite the model file");
  command->add_flag("--strict", arguments->strict, "save nothing, and exit 6, if not converged");
  add_threads(*command);
  command->callback([arguments] { fit_command(*arguments); });
}

}  // namespace lathe
