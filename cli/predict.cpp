// lathe predict MODEL DATA: one CSV row out for each row in.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

#include <unistd.h>

#include "lathe/cli/command.h"
#include "lathe/cli/json.h"
#include "lathe/ml/file_write.h"
#include "lathe/ml/model_file.h"

namespace lathe {
namespace {

struct Arguments {
  std::string model;
  DataArguments data;
  std::optional<std::string> output;  // none, or "-": standard output
  bool proba = false;
  bool json = false;
  bool force = false;
};

// The shortest digits that read back to the same double; whole numbers without a point.
std::string number(double value) {
  std::string text = to_text(value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "nan" ? std::string() : text;  // an empty cell is a missing value
}

// What the columns of a prediction are called: "prediction", or one per target or transformed
// column.
std::vector<std::string> header(const Contract& contract, const Prediction& prediction,
                                const Model& model) {
  std::vector<std::string> names;
  const auto* numbers = std::get_if<Matrix>(&prediction.values);
  if (contract.role == Role::transformer) {
    names = contract.outputs;
  } else if (numbers != nullptr && numbers->cols() > 1) {
    for (const std::string& target : contract.outputs) names.push_back("prediction_" + target);
  } else {
    names = {contract.role == Role::clusterer ? "cluster" : "prediction"};
  }
  if (prediction.proba.cols() > 0) {
    const Classes& classes = dynamic_cast<const Classifier&>(model).classes();
    for (Index k = 0; k < classes.size(); ++k) names.push_back("proba_" + classes.name(k));
  }
  return names;
}

std::vector<std::string> cells(const Prediction& prediction, Index row) {
  std::vector<std::string> result;
  if (const auto* numbers = std::get_if<Matrix>(&prediction.values)) {
    for (Index j = 0; j < numbers->cols(); ++j) result.push_back(number((*numbers)(row, j)));
  } else if (const auto* labels = std::get_if<Labels>(&prediction.values)) {
    result.push_back(csv_field(labels->name(row)));
  } else {
    const auto& clusters = std::get<std::vector<std::int64_t>>(prediction.values);
    result.push_back(std::to_string(clusters[static_cast<std::size_t>(row)]));
  }
  for (Index k = 0; k < prediction.proba.cols(); ++k) {
    result.push_back(number(prediction.proba(row, k)));
  }
  return result;
}

void write_csv(std::ostream& out, const std::vector<std::string>& names,
               const Prediction& prediction, Index rows) {
  const auto line = [&out](const std::vector<std::string>& fields) {
    for (std::size_t i = 0; i < fields.size(); ++i) out << (i == 0 ? "" : ",") << fields[i];
    out << '\n';
  };
  std::vector<std::string> quoted;
  for (const std::string& name : names) quoted.push_back(csv_field(name));
  line(quoted);
  for (Index i = 0; i < rows; ++i) {
    std::vector<std::string> row = cells(prediction, i);
    if (row.size() == 1 && row[0].empty()) row[0] = "NA";  // a blank line would be no row
    line(row);
  }
}

Json values_json(const Prediction& prediction) {
  if (const auto* numbers = std::get_if<Matrix>(&prediction.values)) {
    if (numbers->cols() != 1) return to_json(*numbers);
    return std::vector<double>(numbers->data(), numbers->data() + numbers->rows());
  }
  if (const auto* clusters = std::get_if<std::vector<std::int64_t>>(&prediction.values)) {
    return *clusters;
  }
  const Labels& labels = std::get<Labels>(prediction.values);
  Json list = Json::array();
  for (Index i = 0; i < labels.size(); ++i) {
    if (labels.classes().is_text())
      list.push_back(labels.name(i));
    else
      list.push_back(labels.classes().integers()[static_cast<std::size_t>(labels[i])]);
  }
  return list;
}

void predict_command(const Arguments& arguments) {
  const bool to_file = arguments.output && *arguments.output != "-";
  if (to_file) {
    check_output(*arguments.output, arguments.force, {arguments.model, arguments.data.path});
  }
  const FittedPipeline fitted = load_model_file(arguments.model);
  const Table table = arguments.data.read_for(fitted.contract(), false);
  std::vector<std::string> notes;
  const Prediction prediction = fitted.predict(table, arguments.proba, &notes);
  for (const std::string& sentence : notes) note(sentence);

  const std::vector<std::string> names = header(fitted.contract(), prediction, *fitted.model());
  std::ostringstream out;
  if (arguments.json) {
    Json object = {{"model", arguments.model},
                   {"pipeline", fitted.contract().pipeline},
                   {"rows", table.rows()},
                   {"columns", names},
                   {"predictions", values_json(prediction)}};
    if (arguments.proba) object["proba"] = to_json(prediction.proba);
    out << object.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    write_csv(out, names, prediction, table.rows());
  }
  if (!to_file) {
    std::cout << out.str();
    return;
  }
  write_file_atomically(*arguments.output, out.str(), arguments.force);
  std::cerr << "saved   " << *arguments.output << " (" << out.str().size() << " bytes)\n";
}

}  // namespace

void add_predict(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("predict", "predict for each row of a table");
  command->add_option("MODEL", arguments->model, "a model file of `lathe fit`")->required();
  arguments->data.add_to(*command);
  command->add_option("--output", arguments->output, "a file instead of stdout")->type_name("FILE");
  command->add_flag("--proba", arguments->proba, "also the probability of each class");
  command->add_flag("--json", arguments->json, "one JSON object instead of CSV");
  command->add_flag("--force", arguments->force, "overwrite the output file");
  add_threads(*command);
  command->callback([arguments] { predict_command(*arguments); });
}

}  // namespace lathe
