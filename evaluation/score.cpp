#include "lathe/evaluation/score.h"

#include <optional>
#include <utility>

#include "lathe/datasets/table.h"
#include "lathe/evaluation/scored_rows.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/words.h"
#include "lathe/ml/fitted_pipeline.h"

namespace lathe {
namespace {

using detail::ScoredRows;

// The truth, and the vocabulary in which it and the predictions are compared.
struct Truth {
  Matrix numbers;
  Labels labels;
  Target y;

  Truth() = default;
  Truth(const Truth&) = delete;
  Truth& operator=(const Truth&) = delete;
};

void refuse_missing(const Table& table, Index column) {
  const Index missing = table.missing_count(column);
  if (missing == 0) return;
  Index first = 0;
  while (!table.is_missing(first, column)) ++first;
  throw InvalidArgument("V004",
                        "target \"" + table.schema()[column].name + "\" is missing in " +
                            counted(missing, "row") + ", first in row " + std::to_string(first),
                        "leave those rows out: they cannot be scored");
}

std::vector<std::string> names_of(const Classes& classes) {
  std::vector<std::string> names;
  for (Index k = 0; k < classes.size(); ++k) names.push_back(classes.name(k));
  return names;
}

// Of either; as text where one is text and the other integers, as when a file holds only those
// labels that look like numbers.
Classes merge(const Classes& learnt, const Classes& seen) {
  if (learnt.is_text() || seen.is_text()) {
    std::vector<std::string> all = names_of(learnt);
    for (std::string& name : names_of(seen)) all.push_back(std::move(name));
    return Classes(std::move(all));
  }
  std::vector<std::int64_t> all(learnt.integers().begin(), learnt.integers().end());
  all.insert(all.end(), seen.integers().begin(), seen.integers().end());
  return Classes(std::move(all));
}

void note_unseen(const Labels& labels, const Classes& learnt, std::vector<std::string>* notes) {
  if (notes == nullptr) return;
  std::vector<Index> count(static_cast<std::size_t>(labels.classes().size()), 0);
  for (const std::int32_t code : labels.codes()) ++count[static_cast<std::size_t>(code)];
  for (Index k = 0; k < labels.classes().size(); ++k) {
    const std::string name = labels.classes().name(k);
    if (learnt.find(std::string_view(name))) continue;
    const Index rows = count[static_cast<std::size_t>(k)];
    notes->push_back(counted(rows, "row") + (rows == 1 ? " is of class " : " are of class ") +
                     name + ", which training did not see: " +
                     (rows == 1 ? "it counts as wrong" : "they count as wrong"));
  }
}

void read_numbers(const Table& table, const std::vector<Index>& columns, Matrix& numbers) {
  for (const Index column : columns) {
    if (table.schema()[column].kind == ColumnKind::numeric) continue;
    throw InvalidArgument("V005", "target \"" + table.schema()[column].name +
                                      "\" is text, but the model predicts numbers");
  }
  numbers = table.to_matrix(columns);
}

void read_truth(const FittedPipeline& fitted, const Table& table,
                const std::vector<Metric>& metrics, std::vector<std::string>* notes, Truth& truth) {
  const Contract& contract = fitted.contract();
  const bool against_labels = contract.role == Role::classifier ||
                              detail::any_needs(metrics, MetricNeeds::clusters_and_labels);
  if (contract.role == Role::clusterer && !against_labels) return;
  std::vector<Index> columns;
  for (const std::string& name : contract.targets) {
    columns.push_back(table.column(name));
    refuse_missing(table, columns.back());
  }
  if (!against_labels) {
    read_numbers(table, columns, truth.numbers);
    truth.y = truth.numbers;
  } else if (columns.size() == 1) {
    truth.labels = table.labels(columns[0]).compact();
    if (contract.role == Role::classifier) {
      note_unseen(truth.labels, contract.classes, notes);
      truth.labels =
          detail::in_classes(truth.labels, merge(contract.classes, truth.labels.classes()));
    }
    truth.y = truth.labels;
  }
}

std::vector<double> read_weight(const Contract& contract, const Table& table,
                                const std::vector<Metric>& metrics,
                                std::vector<std::string>* notes) {
  if (contract.weight.empty()) return {};
  const auto note = [&](const std::string& text) {
    if (notes != nullptr) notes->push_back(text);
  };
  const std::optional<Index> column = table.find(contract.weight);
  if (!column) {
    note("every row counts one: there is no column \"" + contract.weight + "\" of weights");
    return {};
  }
  if (table.schema()[*column].kind != ColumnKind::numeric) {
    throw InvalidArgument("V005",
                          "weight \"" + contract.weight + "\" is text: weights must be numbers");
  }
  for (const Metric& metric : metrics) {
    if (!metric.weights()) note(metric.text() + " does not heed the weights");
  }
  const std::span<const double> cells = table.numeric(*column);
  return {cells.begin(), cells.end()};
}

}  // namespace

std::vector<Score> score(const FittedPipeline& fitted, const Table& table,
                         const std::vector<Metric>& metrics, std::vector<std::string>* notes) {
  const Contract& contract = fitted.contract();
  const std::vector<Metric> chosen =
      detail::chosen_metrics(fitted.model()->name(), contract.role, metrics);
  if (table.rows() == 0) throw InvalidArgument("Q001", "score: the table has no rows");
  Truth truth;
  read_truth(fitted, table, chosen, notes, truth);
  const std::vector<double> weight = read_weight(contract, table, chosen, notes);

  const Matrix X = fitted.bind(table, notes);
  const bool proba = detail::any_needs(chosen, MetricNeeds::proba);
  Prediction prediction = fitted.predict(X, proba);
  ScoredRows said;
  if (auto* numbers = std::get_if<Matrix>(&prediction.values)) {
    said.numbers = std::move(*numbers);
  } else if (const auto* labels = std::get_if<Labels>(&prediction.values)) {
    const Classes& all = truth.labels.classes();
    said.labels = detail::in_classes(*labels, all);
    if (proba) said.proba = detail::in_classes(prediction.proba, contract.classes, all);
  } else {
    const auto& clusters = std::get<std::vector<std::int64_t>>(prediction.values);
    said.clusters = Labels(std::span<const std::int64_t>(clusters));
    said.seen = detail::seen_by_last_step(fitted.model(), X);
  }
  const std::vector<double> values = detail::score_rows(chosen, said, truth.y, weight);
  std::vector<Score> scores;
  for (std::size_t m = 0; m < chosen.size(); ++m) {
    scores.push_back({chosen[m].text(), chosen[m].greater_is_better(), values[m]});
  }
  return scores;
}

}  // namespace lathe
