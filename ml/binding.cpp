// A table's columns found by name for a fitted pipeline.
#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/datasets/number.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/value.h"
#include "lathe/ml/core/words.h"
#include "lathe/ml/fitted_pipeline.h"

namespace lathe {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

std::string quoted(std::string_view name) { return '"' + std::string(name) + '"'; }

// Levels that training did not see, for a note.
struct Unknown {
  Index count = 0;
  Index row = 0;  // the first
  std::string text;

  void add(Index at, std::string_view what) {
    if (count++ == 0) {
      row = at;
      text = what;
    }
  }
};

bool is_number(std::string_view text) { return parse_number(text).kind == NumberKind::number; }

double find_level(const std::vector<std::string>& vocabulary, std::string_view text) {
  const auto at = std::lower_bound(vocabulary.begin(), vocabulary.end(), text);
  if (at == vocabulary.end() || *at != text) return unknown_category;
  return static_cast<double>(at - vocabulary.begin());
}

// A number stands for the level that is written as it: 1 for "1", or else "1.0".
double find_level(const std::vector<std::string>& vocabulary, double number) {
  const std::string text = to_text(number);  // 1.0
  if (text.ends_with(".0")) {
    const double code = find_level(vocabulary, std::string_view(text).substr(0, text.size() - 2));
    if (code != unknown_category) return code;
  }
  return find_level(vocabulary, text);
}

void bind_numbers(const Table& table, Index from, MatrixRef X, Index to) {
  const Column& column = table.schema()[from];
  if (column.kind == ColumnKind::numeric) {
    const std::span<const double> cells = table.numeric(from);
    for (Index i = 0; i < X.rows(); ++i) X(i, to) = cells[static_cast<std::size_t>(i)];
    return;
  }
  // Text, which is fine where no cell holds any. The cell to name is the one that is no number.
  const std::span<const std::int32_t> codes = table.codes(from);
  const auto level = [&](std::int32_t code) {
    return std::string_view(column.vocabulary[static_cast<std::size_t>(code)]);
  };
  auto bad = std::find_if(codes.begin(), codes.end(), [&](std::int32_t code) {
    return code != Table::missing_code && !is_number(level(code));
  });
  if (bad == codes.end()) {
    bad = std::find_if(codes.begin(), codes.end(),
                       [](std::int32_t code) { return code != Table::missing_code; });
  }
  if (bad != codes.end()) {
    throw InvalidArgument("B002",
                          "column " + quoted(column.name) + " must be numeric, but row " +
                              std::to_string(bad - codes.begin()) + " holds the text \"" +
                              std::string(level(*bad)) + "\"",
                          "the model was trained on numbers in this column");
  }
  X.col(to).setConstant(missing);
}

Unknown bind_categories(const Table& table, Index from, const Column& wanted, MatrixRef X,
                        Index to) {
  Unknown unknown;
  const std::vector<std::string>& vocabulary = table.schema()[from].vocabulary;
  std::vector<double> codes(vocabulary.size());
  std::transform(vocabulary.begin(), vocabulary.end(), codes.begin(),
                 [&](const std::string& text) { return find_level(wanted.vocabulary, text); });
  const std::span<const std::int32_t> cells = table.codes(from);
  for (Index i = 0; i < X.rows(); ++i) {
    const std::int32_t cell = cells[static_cast<std::size_t>(i)];
    const auto level = static_cast<std::size_t>(cell);
    X(i, to) = cell == Table::missing_code ? missing : codes[level];
    if (X(i, to) == unknown_category) unknown.add(i, vocabulary[level]);
  }
  return unknown;
}

Unknown bind_numbers_as_categories(const Table& table, Index from, const Column& wanted,
                                   MatrixRef X, Index to) {
  Unknown unknown;
  const bool numerals = std::any_of(wanted.vocabulary.begin(), wanted.vocabulary.end(), is_number);
  const std::span<const double> cells = table.numeric(from);
  for (Index i = 0; i < X.rows(); ++i) {
    const double cell = cells[static_cast<std::size_t>(i)];
    X(i, to) = std::isnan(cell) ? missing : find_level(wanted.vocabulary, cell);
    if (X(i, to) != unknown_category) continue;
    if (!numerals) {
      throw InvalidArgument("B003",
                            "column " + quoted(wanted.name) + " must be text, but row " +
                                std::to_string(i) + " holds the number " + to_text(cell),
                            "the model was trained on categories in this column");
    }
    unknown.add(i, to_text(cell));
  }
  return unknown;
}

[[noreturn]] void refuse_missing_columns(const std::vector<std::string>& names,
                                         const Table& table) {
  std::vector<std::string_view> known;
  for (const Column& column : table.schema().columns) known.push_back(column.name);
  std::string list;
  for (const std::string& name : names) {
    const std::string_view near = nearest_name(name, known);
    list += (list.empty() ? "" : ", ") + quoted(name);
    if (!near.empty()) list += " (did you mean " + quoted(near) + "?)";
  }
  throw NotFound("B001", std::string("the model needs ") +
                             (names.size() == 1 ? "a column" : "columns") +
                             " that the data has not: " + list);
}

// The table's column for each input.
std::vector<Index> find_inputs(const Schema& inputs, const Table& table) {
  std::vector<Index> found;
  std::vector<std::string> lost;
  for (const Column& input : inputs.columns) {
    if (const auto column = table.find(input.name)) {
      found.push_back(*column);
    } else {
      lost.push_back(input.name);
    }
  }
  if (!lost.empty()) refuse_missing_columns(lost, table);
  return found;
}

// The target and the weight are expected to be there when a model is scored.
void note_extras(const Contract& contract, const Table& table, const std::vector<Index>& used,
                 std::vector<std::string>& notes) {
  std::vector<std::string> known = contract.targets;
  known.push_back(contract.weight);
  for (const Index column : used) known.push_back(table.schema()[column].name);
  std::sort(known.begin(), known.end());
  std::string list;
  for (const Column& column : table.schema().columns) {
    if (std::binary_search(known.begin(), known.end(), column.name)) continue;
    list += (list.empty() ? "" : ", ") + quoted(column.name);
  }
  if (!list.empty()) notes.push_back("columns that the model does not use were ignored: " + list);
}

}  // namespace

Matrix FittedPipeline::bind(const Table& table, std::vector<std::string>* notes) const {
  const std::vector<Index> from = find_inputs(contract_.inputs, table);
  if (notes != nullptr) note_extras(contract_, table, from, *notes);

  Matrix X(table.rows(), contract_.inputs.size());
  for (Index j = 0; j < X.cols(); ++j) {
    const Index column = from[static_cast<std::size_t>(j)];
    const Column& wanted = contract_.inputs[j];
    if (wanted.kind == ColumnKind::numeric) {
      bind_numbers(table, column, X, j);
      continue;
    }
    const bool text = table.schema()[column].kind == ColumnKind::categorical;
    const Unknown unknown = text ? bind_categories(table, column, wanted, X, j)
                                 : bind_numbers_as_categories(table, column, wanted, X, j);
    if (unknown.count > 0 && notes != nullptr) {
      notes->push_back("column " + quoted(wanted.name) + " has " + counted(unknown.count, "cell") +
                       " with levels that training did not see, first \"" + unknown.text +
                       "\" in row " + std::to_string(unknown.row));
    }
  }
  return X;
}

}  // namespace lathe
