#include "lathe/preprocessing/columns.h"

#include <algorithm>
#include <map>
#include <span>

#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/passthrough.h"
#include "lathe/ml/core/random.h"

namespace lathe {
namespace {

std::size_t at(Index j) { return static_cast<std::size_t>(j); }

void refuse_twice(const std::string& column) {
  throw InvalidArgument("G020", "columns: column \"" + column + "\" is named twice",
                        "give each column one branch; its steps follow each other with |");
}

Index find_column(const Schema& schema, const std::string& wanted) {
  std::vector<std::string_view> known;
  for (Index j = 0; j < schema.size(); ++j) {
    if (schema[j].name == wanted) return j;
    known.push_back(schema[j].name);
  }
  // The name of a kind may be meant, too.
  known.insert(known.end(), {"numeric", "categorical"});
  const std::string_view near = nearest_name(wanted, known);
  throw NotFound("G021", "columns: there is no column \"" + wanted + "\"",
                 near.empty() ? "" : "did you mean \"" + std::string(near) + "\"?");
}

// The input columns of each branch, and of the remainder at the end.
std::vector<std::vector<Index>> assign(const Columns& columns, const Schema& schema) {
  std::vector<std::vector<Index>> result(columns.branches.size() + 1);
  std::vector<bool> named(at(schema.size()), false);
  for (std::size_t b = 0; b < columns.branches.size(); ++b) {
    for (const std::string& column : columns.branches[b].selector.columns()) {
      const Index j = find_column(schema, column);
      result[b].push_back(j);
      named[at(j)] = true;
    }
  }
  for (Index j = 0; j < schema.size(); ++j) {
    if (named[at(j)]) continue;
    const auto kind = schema[j].kind == ColumnKind::numeric ? ColumnSelector::Kind::numeric
                                                            : ColumnSelector::Kind::categorical;
    bool taken = false;
    for (std::size_t b = 0; b < columns.branches.size(); ++b) {
      if (columns.branches[b].selector.kind() != kind) continue;
      result[b].push_back(j);
      taken = true;
    }
    if (!taken) result.back().push_back(j);
  }
  return result;
}

Matrix take_columns(const MatrixView& X, std::span<const Index> columns) {
  Matrix taken(X.rows(), static_cast<Index>(columns.size()));
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index k = 0; k < taken.cols(); ++k) taken(i, k) = X(i, columns[at(k)]);
  }
  return taken;
}

// Appends "#2", "#3" ... to labels that are there already.
std::string unique_label(const std::string& label, std::map<std::string, int>& seen) {
  const int count = ++seen[label];
  return count == 1 ? label : label + "#" + std::to_string(count);
}

}  // namespace

Columns& Columns::add(ColumnSelector selector, Estimator branch) & {
  if (branch.role() != Role::transformer) {
    throw InvalidArgument("G022",
                          "columns: " + std::string(branch.name()) + " is a " +
                              std::string(to_text(branch.role())) +
                              ": a branch must be a transformer",
                          "put it behind columns(...) | ...");
  }
  for (const Branch& other : branches) {
    for (const std::string& column : other.selector.columns()) {
      const auto& mine = selector.columns();
      if (std::find(mine.begin(), mine.end(), column) != mine.end()) refuse_twice(column);
    }
  }
  branches.push_back({std::move(selector), std::move(branch)});
  return *this;
}

void Columns::add_branch(const Value& selector, Estimator branch) {
  add(ColumnSelector(selector), std::move(branch));
}

Pipe Columns::to_pipe() const {
  Step step = to_step(*this);
  for (const Branch& branch : branches) {
    step.branches.push_back({branch.selector.to_value(), branch.estimator.to_pipe()});
  }
  return Pipe{{std::move(step)}};
}

Tags Columns::tags() const {
  const bool weights = std::any_of(branches.begin(), branches.end(), [](const Branch& branch) {
    return branch.estimator.tags().weights;
  });
  return {.missing = true, .categorical = true, .encodes = true, .weights = weights};
}

ColumnsModel Columns::fit(const MatrixView& X, const Target& y, const Context& context) const {
  check_options(*this);
  check_fit_data(name, tags(), X, context);
  const Schema schema = context.columns != nullptr ? *context.columns : numeric_schema(X.cols());
  std::vector<std::vector<Index>> assigned = assign(*this, schema);

  std::vector<ColumnsModel::Part> parts;
  std::map<std::string, int> labels;
  for (std::size_t b = 0; b < branches.size(); ++b) {
    const std::string label = unique_label(branches[b].selector.text(), labels);
    if (assigned[b].empty()) continue;
    const Estimator& estimator = branches[b].estimator;
    Schema own_schema;
    for (const Index j : assigned[b]) own_schema.columns.push_back(schema[j]);
    const Context own{
        .weight = estimator.tags().weights ? context.weight : std::span<const double>(),
        .columns = &own_schema,
        .seed = derive_seed(context.seed, name, b)};
    const ModelPtr model = estimator.fit(take_columns(X, assigned[b]), y, own);
    parts.push_back(
        {label, std::move(assigned[b]), std::dynamic_pointer_cast<const Transformer>(model)});
  }
  if (remainder == Remainder::passthrough && !assigned.back().empty()) {
    const auto n = static_cast<Index>(assigned.back().size());
    parts.push_back({unique_label("remainder", labels), std::move(assigned.back()),
                     std::make_shared<const PassthroughModel>(n)});
  }
  ColumnsModel model(X.cols(), std::move(parts));
  if (model.n_outputs() == 0) {
    throw InvalidArgument("G023", "columns: no column comes out of " + to_text(to_pipe()),
                          "add a branch for a kind or a name that is there, or "
                          "remainder=passthrough");
  }
  return model;
}

}  // namespace lathe
