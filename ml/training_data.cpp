// What a table's columns are to a fit: inputs, target, weights.
#include <algorithm>
#include <cmath>
#include <set>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/core/value.h"
#include "lathe/ml/core/words.h"
#include "lathe/ml/fitted_pipeline.h"
#include "lathe/ml/registry.h"

namespace lathe {
namespace {

std::string quoted(std::string_view name) { return '"' + std::string(name) + '"'; }

Index first_missing(const Table& table, Index column) {
  Index row = 0;
  while (!table.is_missing(row, column)) ++row;
  return row;
}

void refuse_missing(const Table& table, Index column, std::string_view what) {
  const Index missing = table.missing_count(column);
  if (missing == 0) return;
  throw InvalidArgument("F003",
                        std::string(what) + " " + quoted(table.schema()[column].name) +
                            " is missing in " + std::to_string(missing) + " of " +
                            std::to_string(table.rows()) + " rows, first in row " +
                            std::to_string(first_missing(table, column)),
                        "leave those rows out of the training data");
}

// The table's column for each role that the caller named, and no column for two of them.
class Columns {
 public:
  explicit Columns(const Table& table) : table_(table), uses_(size(), nullptr) {}

  Index take(const std::string& name, const char* use) {
    const Index column = table_.column(name);
    const char*& before = uses_[static_cast<std::size_t>(column)];
    if (before != nullptr && std::string_view(before) == use) {
      throw InvalidArgument("F002", "column " + quoted(name) + " is named twice as the " + use);
    }
    if (before != nullptr) {
      throw InvalidArgument("F002",
                            "column " + quoted(name) + " cannot be both " + before + " and " + use);
    }
    before = use;
    return column;
  }
  std::vector<Index> rest() const {
    std::vector<Index> columns;
    for (std::size_t i = 0; i < uses_.size(); ++i) {
      if (uses_[i] == nullptr) columns.push_back(static_cast<Index>(i));
    }
    return columns;
  }

 private:
  std::size_t size() const { return static_cast<std::size_t>(table_.cols()); }

  const Table& table_;
  std::vector<const char*> uses_;
};

Matrix numeric_target(const Table& table, std::span<const Index> columns,
                      std::string_view estimator) {
  Matrix y(table.rows(), static_cast<Index>(columns.size()));
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const Column& column = table.schema()[columns[j]];
    if (column.kind == ColumnKind::categorical) {
      throw InvalidArgument("F004",
                            "target " + quoted(column.name) + " is text, but " + called(estimator) +
                                " predicts numbers",
                            "use a classifier, such as logistic_regression, or a numeric column");
    }
    const std::span<const double> cells = table.numeric(columns[j]);
    for (Index i = 0; i < y.rows(); ++i) {
      y(i, static_cast<Index>(j)) = cells[static_cast<std::size_t>(i)];
    }
  }
  return y;
}

// Numbers that hardly repeat are more likely to be predicted as numbers.
void note_many_classes(TrainingData& data, const Column& target) {
  constexpr Index many = 20;
  if (target.kind == ColumnKind::categorical) return;
  const Labels& labels = std::get<Labels>(data.y);
  const Index classes = labels.classes().size();
  if (classes <= many || classes * 10 < labels.size()) return;
  data.notes.push_back("target " + quoted(target.name) + " is numeric, and each of its " +
                       std::to_string(classes) +
                       " values is taken as a class: a regressor, such as ridge, predicts numbers");
}

void read_target(TrainingData& data, const Table& table, std::span<const Index> columns) {
  const Role role = data.pipeline.role();
  const std::string_view estimator = data.pipeline.name();
  if (columns.empty()) {
    if (role != Role::regressor && role != Role::classifier) return;
    throw InvalidArgument(
        "F005",
        called(estimator) + " is a " + std::string(to_text(role)) + " and needs a target column",
        "name the column to predict (--target on the command line)");
  }
  for (const Index column : columns) refuse_missing(table, column, "target");
  const bool text = std::any_of(columns.begin(), columns.end(), [&](Index column) {
    return table.schema()[column].kind == ColumnKind::categorical;
  });
  const bool labels = role == Role::classifier || (text && role != Role::regressor);
  if (!labels) {
    data.y = numeric_target(table, columns, estimator);
  } else if (columns.size() == 1) {
    data.y = table.labels(columns[0]);
    note_many_classes(data, table.schema()[columns[0]]);
  } else {
    throw InvalidArgument(
        "F006", called(estimator) + " takes one target, not " + std::to_string(columns.size()));
  }
}

std::vector<double> read_weight(const Table& table, Index column) {
  const std::string& name = table.schema()[column].name;
  if (table.schema()[column].kind == ColumnKind::categorical) {
    throw InvalidArgument("F007", "weight " + quoted(name) + " is text: weights must be numbers");
  }
  refuse_missing(table, column, "weight");
  const std::span<const double> cells = table.numeric(column);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!(cells[i] >= 0.0) || std::isinf(cells[i])) {
      throw InvalidArgument("F007", "weight " + quoted(name) + " is " + to_text(cells[i]) +
                                        " in row " + std::to_string(i) +
                                        ": weights must be finite and >= 0");
    }
  }
  return {cells.begin(), cells.end()};
}

void refuse_infinity(const Table& table, std::span<const Index> columns) {
  for (const Index column : columns) {
    if (table.schema()[column].kind == ColumnKind::categorical) continue;
    const std::span<const double> cells = table.numeric(column);
    const auto at =
        std::find_if(cells.begin(), cells.end(), [](double cell) { return std::isinf(cell); });
    if (at == cells.end()) continue;
    throw InvalidArgument("F008",
                          "column " + quoted(table.schema()[column].name) +
                              " holds an infinite number in row " +
                              std::to_string(at - cells.begin()),
                          "drop the column or the row, or replace the number");
  }
}

// Up to three: "a", "b", "c", ...
std::string first_of(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 3;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), shown); ++i) {
    list += (i == 0 ? "" : ", ") + names[i];
  }
  return list + (names.size() > shown ? ", ..." : "");
}

void add_default_columns(TrainingData& data) {
  std::vector<std::string> texts;
  bool numbers = false;
  for (const Column& column : data.inputs.columns) {
    if (column.kind == ColumnKind::categorical) {
      texts.push_back(quoted(column.name));
    } else {
      numbers = true;
    }
  }
  if (texts.empty() || data.pipeline.tags().categorical) return;

  const std::string text = std::string("columns(") + (numbers ? "numeric: simple_imputer, " : "") +
                           "categorical: simple_imputer(strategy=most_frequent) | "
                           "one_hot_encoder(handle_unknown=ignore))";
  data.notes.push_back(
      (texts.size() == 1
           ? "column " + texts[0] + " is"
           : std::to_string(texts.size()) + " columns (" + first_of(texts) + ") are") +
      " text, which the pipeline does not encode, so it was given the step " + text);
  data.pipeline = Pipeline({make_estimator(text), std::move(data.pipeline)});
}

}  // namespace

Target TrainingData::target() const {
  if (const auto* numbers = std::get_if<Matrix>(&y)) return Target(*numbers);
  if (const auto* labels = std::get_if<Labels>(&y)) return Target(*labels);
  return {};
}

TrainingData prepare(const Estimator& pipeline, const Table& table, const FitOptions& options) {
  Columns columns(table);
  std::vector<Index> targets;
  for (const std::string& name : options.targets) targets.push_back(columns.take(name, "target"));
  const Index weight = options.weight.empty() ? -1 : columns.take(options.weight, "weight");
  for (const std::string& name : std::set(options.drop.begin(), options.drop.end())) {
    columns.take(name, "dropped");
  }
  const std::vector<Index> inputs = columns.rest();
  if (inputs.empty()) {
    throw InvalidArgument("F001", "no column is left as an input of " + called(pipeline.name()),
                          "name fewer columns as targets, weight or dropped");
  }
  if (table.rows() == 0) {
    throw InvalidArgument("F001",
                          "the table has no rows to fit " + called(pipeline.name()) + " on");
  }
  refuse_infinity(table, inputs);

  TrainingData data{pipeline, {}, {}, {}, {}, {}};
  for (const Index column : inputs) data.inputs.columns.push_back(table.schema()[column]);
  read_target(data, table, targets);
  if (weight >= 0) data.weight = read_weight(table, weight);
  data.X = table.to_matrix(inputs);
  add_default_columns(data);
  return data;
}

TrainingData select_rows(const TrainingData& data, std::span<const Index> rows) {
  TrainingData chosen{.pipeline = data.pipeline,
                      .inputs = data.inputs,
                      .X = data.X(rows, Eigen::all),
                      .y = {},
                      .weight = {},
                      .notes = data.notes};
  if (const auto* numbers = std::get_if<Matrix>(&data.y))
    chosen.y = Matrix((*numbers)(rows, Eigen::all));
  if (const auto* labels = std::get_if<Labels>(&data.y)) chosen.y = labels->select(rows);
  for (const Index row : rows) {
    if (!data.weight.empty()) chosen.weight.push_back(data.weight[static_cast<std::size_t>(row)]);
  }
  return chosen;
}

}  // namespace lathe
