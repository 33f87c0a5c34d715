#include "lathe/evaluation/score.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "lathe/evaluation/model_output.h"
#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

// The kind that the labels of both have in common: integers only if both are.
std::vector<std::string> names_of(const Classes& classes) {
  std::vector<std::string> names;
  for (Index k = 0; k < classes.size(); ++k) names.push_back(classes.name(k));
  return names;
}

Classes all_classes(const Classes& known, const Classes& found) {
  if (!known.is_text() && !found.is_text()) {
    std::vector<std::int64_t> values(known.integers().begin(), known.integers().end());
    values.insert(values.end(), found.integers().begin(), found.integers().end());
    return Classes(std::move(values));
  }
  std::vector<std::string> names = names_of(known);
  const std::vector<std::string> more = names_of(found);
  names.insert(names.end(), more.begin(), more.end());
  return Classes(std::move(names));
}

Labels in_classes(const Labels& labels, const Classes& all) {
  std::vector<std::int32_t> code;
  for (const std::string& name : names_of(labels.classes())) {
    code.push_back(static_cast<std::int32_t>(all.find(std::string_view(name)).value()));
  }
  std::vector<std::int32_t> codes;
  for (const std::int32_t k : labels.codes()) codes.push_back(code[static_cast<std::size_t>(k)]);
  return {std::move(codes), all};
}

// What metrics compare with; only the part that the role needs is filled.
struct Truth {
  Labels labels;
  Matrix numbers;
  Target y;
};

void read_numbers(const FittedPipeline& fitted, const Table& table, Truth& truth) {
  std::vector<Index> columns;
  for (const std::string& name : fitted.contract().targets) {
    const Index column = table.column(name);
    if (table.schema()[column].kind != ColumnKind::numeric) {
      throw InvalidArgument("E020", "the target '" + name + "' is not numeric in this table");
    }
    if (const Index missing = table.missing_count(column); missing > 0) {
      throw InvalidArgument("E021",
                            "the target '" + name + "' is missing in " + std::to_string(missing) +
                                " of " + std::to_string(table.rows()) + " rows",
                            "leave those rows out");
    }
    columns.push_back(column);
  }
  truth.numbers = table.to_matrix(columns);
  truth.y = truth.numbers;
}

void read_labels(const FittedPipeline& fitted, const Table& table, const std::string& target,
                 std::vector<std::string>* notes, Truth& truth) {
  const Labels found = table.labels(table.column(target)).compact();
  const Classes& known = fitted.contract().classes;
  truth.labels = in_classes(found, all_classes(known, found.classes()));
  truth.y = truth.labels;
  if (notes == nullptr || known.size() == 0) return;
  for (const std::string& name : names_of(found.classes())) {
    if (!known.find(std::string_view(name))) {
      notes->push_back("the model does not know the label '" + name +
                       "': such rows count as misses");
    }
  }
}

std::vector<double> read_weight(const Table& table, const std::string& name) {
  if (name.empty()) return {};
  const std::span<const double> weight = table.numeric(table.column(name));
  for (std::size_t i = 0; i < weight.size(); ++i) {
    if (!std::isfinite(weight[i]) || weight[i] < 0.0) {
      throw InvalidArgument("E022", "the weight '" + name + "' is " + to_text(weight[i]) +
                                        " in row " + std::to_string(i) +
                                        ", but weights are finite and >= 0");
    }
  }
  return {weight.begin(), weight.end()};
}

}  // namespace

std::vector<double> score(const FittedPipeline& fitted, const Table& table,
                          std::span<const Metric> metrics, const ScoreOptions& options,
                          std::vector<std::string>* notes) {
  const Role role = fitted.contract().role;
  bool need_proba = false;
  bool need_target = role != Role::clusterer;
  for (const Metric& metric : metrics) {
    if (!fits(metric, role)) {
      throw InvalidArgument("E023",
                            metric.text() + " needs " + std::string(to_text(metric.needs())) +
                                ", and the model is a " + std::string(to_text(role)),
                            "`lathe list metrics` has them all");
    }
    need_proba = need_proba || metric.needs() == MetricNeeds::proba;
    need_target = need_target || metric.needs() == MetricNeeds::clusters_and_labels;
  }
  const std::vector<std::string>& targets = fitted.contract().targets;
  std::string target = options.target;
  if (target.empty() && !targets.empty()) target = targets[0];

  Truth truth;
  if (need_target && target.empty()) {
    throw InvalidArgument("E024", "the model was fitted without a target",
                          "name the column to compare with");
  }
  if (role == Role::regressor) read_numbers(fitted, table, truth);
  else if (need_target) read_labels(fitted, table, target, notes, truth);

  const Matrix X = fitted.bind(table, notes);
  const detail::ModelOutput said =
      detail::model_output(fitted.model(), X, truth.labels.classes(), need_proba);
  return detail::scores(metrics, said, truth.y, read_weight(table, options.weight));
}

}  // namespace lathe
