// lathe inspect MODEL: what a model file promises and holds.
#include <filesystem>
#include <iostream>

#include "lathe/cli/command.h"
#include "lathe/cli/json.h"
#include "lathe/cli/text_table.h"
#include "lathe/datasets/utf8.h"
#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/model_file.h"

namespace lathe {
namespace {

constexpr std::size_t shown_levels = 6;
constexpr Index shown_rows = 10;
constexpr Index shown_numbers = 12;

std::string levels(const std::vector<std::string>& vocabulary) {
  std::string text;
  for (std::size_t i = 0; i < std::min(vocabulary.size(), shown_levels); ++i) {
    text += (i == 0 ? "" : ", ") + vocabulary[i];
  }
  if (vocabulary.size() > shown_levels) {
    text += ", and " + std::to_string(vocabulary.size() - shown_levels) + " more";
  }
  return text;
}

std::string row_text(const Matrix& matrix, Index row) {
  std::string text;
  for (Index j = 0; j < std::min(matrix.cols(), shown_numbers); ++j) {
    text += (j == 0 ? "" : "  ") + short_number(matrix(row, j));
  }
  if (matrix.cols() > shown_numbers) {
    text += "  and " + std::to_string(matrix.cols() - shown_numbers) + " more";
  }
  return text;
}

void print_attribute(const Attribute& attribute) {
  std::cout << "  " << attribute.name << " = ";
  if (const auto* matrix = std::get_if<Matrix>(&attribute.value)) {
    if (matrix->rows() == 1) {
      std::cout << row_text(*matrix, 0) << '\n';
      return;
    }
    std::cout << matrix->rows() << " x " << matrix->cols() << '\n';
    for (Index i = 0; i < std::min(matrix->rows(), shown_rows); ++i) {
      std::cout << "      " << row_text(*matrix, i) << '\n';
    }
    if (matrix->rows() > shown_rows) {
      std::cout << "      and " << matrix->rows() - shown_rows << " more rows\n";
    }
  } else if (const auto* texts = std::get_if<std::vector<std::string>>(&attribute.value)) {
    std::cout << without_controls(levels(*texts)) << '\n';
  } else if (const auto* number = std::get_if<double>(&attribute.value)) {
    std::cout << short_number(*number) << '\n';
  } else {
    std::cout << to_json(attribute).dump() << '\n';
  }
}

void print_inputs(const Contract& contract) {
  TextTable table({"  input", "kind", "missing", "mean", "sd", "min", "max", "levels"});
  for (Index j = 0; j < contract.inputs.size(); ++j) {
    const Column& column = contract.inputs[j];
    const ColumnStatistics& s = contract.statistics[static_cast<std::size_t>(j)];
    const bool numeric = column.kind == ColumnKind::numeric;
    const auto cell = [&](double v) { return numeric ? short_number(v) : std::string(); };
    table.add({"  " + column.name, numeric ? "numeric" : "categorical", std::to_string(s.missing),
               cell(s.mean), cell(s.sd), cell(s.min), cell(s.max), levels(column.vocabulary)});
  }
  std::cout << table.text();
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return without_controls(text);
}

std::vector<std::string> names_of(const Classes& classes) {
  std::vector<std::string> names;
  for (Index k = 0; k < classes.size(); ++k) names.push_back(classes.name(k));
  return names;
}

void print_text(const std::string& path, const FittedPipeline& fitted) {
  const Contract& contract = fitted.contract();
  std::cout << path << "  (" << std::filesystem::file_size(path) << " bytes)\n"
            << "  pipeline     " << without_controls(contract.pipeline) << '\n'
            << "  role         " << to_text(contract.role) << '\n';
  if (!contract.targets.empty()) std::cout << "  target       " << joined(contract.targets) << '\n';
  if (contract.classes.size() > 0) {
    std::cout << "  classes      " << joined(names_of(contract.classes)) << '\n';
  }
  if (!contract.weight.empty()) {
    std::cout << "  weight       " << without_controls(contract.weight) << '\n';
  }
  std::cout << "  rows         " << contract.rows << '\n'
            << "  warm rows    " << contract.warm_rows.size() << '\n'
            << "  seed         " << contract.seed << '\n'
            << "  data         " << without_controls(contract.data_fingerprint) << '\n'
            << "  written by   lathe " << without_controls(contract.lathe_version) << "\n\n";
  print_inputs(contract);
  const std::vector<Attribute> attributes = fitted.model()->attributes();
  if (!attributes.empty()) std::cout << "\nlearned\n";
  for (const Attribute& attribute : attributes) print_attribute(attribute);
  if (contract.scores.empty()) return;
  std::cout << "\ncross-validated with " << without_controls(contract.scores[0].splitter) << '\n';
  for (const CrossValidationScore& score : contract.scores) {
    std::cout << "  " << without_controls(score.metric) << " = " << short_number(score.mean)
              << " +- " << short_number(score.std) << '\n';
  }
}

void print_json(const std::string& path, const FittedPipeline& fitted) {
  Json attributes = Json::object();
  for (const Attribute& attribute : fitted.model()->attributes()) {
    attributes[attribute.name] = to_json(attribute);
  }
  print({{"file", path},
         {"bytes", std::filesystem::file_size(path)},
         {"contract", Json::parse(to_json(fitted.contract()))},
         {"attributes", attributes}});
}

}  // namespace

void add_inspect(CLI::App& app) {
  struct Arguments {
    std::string model;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("inspect", "what a model file promises and holds");
  command->add_option("MODEL", arguments->model, "a model file of `lathe fit`")->required();
  command->add_flag("--json", arguments->json, "one JSON object");
  command->callback([arguments] {
    const FittedPipeline fitted = load_model_file(arguments->model);
    if (arguments->json)
      print_json(arguments->model, fitted);
    else
      print_text(arguments->model, fitted);
  });
}

}  // namespace lathe
