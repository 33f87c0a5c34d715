// The contract written as JSON; contract_reader.cpp reads it.
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "lathe/ml/contract.h"
#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

using Json = nlohmann::ordered_json;

Json statistics_json(const ColumnStatistics& statistics, ColumnKind kind) {
  Json json = {{"count", statistics.count}, {"missing", statistics.missing}};
  if (kind == ColumnKind::categorical) {
    json["category_counts"] = statistics.category_counts;
    return json;
  }
  json["mean"] = statistics.mean;
  json["sd"] = statistics.sd;
  json["min"] = statistics.min;
  json["max"] = statistics.max;
  json["quantiles"] = statistics.quantiles;
  return json;
}

Json inputs_json(const Contract& contract) {
  Json inputs = Json::array();
  for (std::size_t i = 0; i < contract.inputs.columns.size(); ++i) {
    const Column& column = contract.inputs.columns[i];
    const bool numeric = column.kind == ColumnKind::numeric;
    Json input = {{"name", column.name}, {"kind", numeric ? "numeric" : "categorical"}};
    if (!numeric) input["vocabulary"] = column.vocabulary;
    input["statistics"] = statistics_json(contract.statistics.at(i), column.kind);
    inputs.push_back(std::move(input));
  }
  return inputs;
}

Json classes_json(const Classes& classes) {
  Json json = Json::array();
  if (classes.is_text()) {
    for (const std::string& name : classes.texts()) json.push_back(name);
  } else {
    for (const std::int64_t number : classes.integers()) json.push_back(number);
  }
  return json;
}

Json scores_json(const std::vector<CrossValidationScore>& scores) {
  Json json = Json::array();
  for (const CrossValidationScore& score : scores) {
    json.push_back({{"metric", score.metric},
                    {"splitter", score.splitter},
                    {"folds", score.folds},
                    {"mean", score.mean},
                    {"std", score.std}});
  }
  return json;
}

Json warm_rows_json(const Contract& contract) {
  Json rows = Json::array();
  for (const auto& cells : contract.warm_rows) {
    Json row = Json::array();
    for (std::size_t j = 0; j < cells.size(); ++j) {
      if (!cells[j]) {
        row.push_back(nullptr);
      } else if (contract.inputs.columns.at(j).kind == ColumnKind::categorical) {
        row.push_back(static_cast<std::int64_t>(*cells[j]));
      } else {
        row.push_back(*cells[j]);
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void check_finite(const Contract& contract) {
  const auto check = [](double number, const std::string& what) {
    if (!std::isfinite(number)) {
      throw InvalidArgument("C002", "contract: " + what + " is not finite, so it cannot be saved");
    }
  };
  for (std::size_t i = 0; i < contract.statistics.size(); ++i) {
    const ColumnStatistics& s = contract.statistics[i];
    const std::string what = "a statistic of input " + std::to_string(i);
    for (const double number : {s.mean, s.sd, s.min, s.max}) check(number, what);
    for (const double number : s.quantiles) check(number, what);
  }
  for (const auto& row : contract.warm_rows) {
    for (const auto& cell : row) check(cell.value_or(0.0), "a cell of a warm row");
  }
  for (const CrossValidationScore& score : contract.scores) {
    for (const double number : {score.mean, score.std}) check(number, "score " + score.metric);
    for (const double number : score.folds) check(number, "score " + score.metric);
  }
}

}  // namespace

std::string to_json(const Contract& contract) {
  check_finite(contract);
  Json json = {{"lathe_version", contract.lathe_version},
               {"pipeline", contract.pipeline},
               {"role", to_text(contract.role)},
               {"inputs", inputs_json(contract)},
               {"targets", contract.targets},
               {"classes", classes_json(contract.classes)},
               {"outputs", contract.outputs},
               {"weight", contract.weight},
               {"seed", contract.seed},
               {"rows", contract.rows},
               {"data_fingerprint", contract.data_fingerprint},
               {"scores", scores_json(contract.scores)}};
  if (!contract.warm_rows.empty()) json["warm_rows"] = warm_rows_json(contract);
  try {
    return json.dump();
  } catch (const Json::type_error& error) {
    throw InvalidArgument("C002", std::string("contract: text that is not UTF-8: ") + error.what(),
                          "convert the names of columns, categories and classes to UTF-8");
  }
}

}  // namespace lathe
