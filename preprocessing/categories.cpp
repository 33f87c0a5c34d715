#include "lathe/preprocessing/categories.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/value.h"

namespace lathe {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

bool is_code(double value, std::size_t vocabulary_size) {
  return value >= 0.0 && value < static_cast<double>(vocabulary_size) && value == std::trunc(value);
}

struct Learned {
  std::vector<double> values;
  std::vector<std::int64_t> counts;
  void add(double value, std::int64_t count) {
    values.push_back(value);
    counts.push_back(count);
  }
};

Learned learn_codes(const std::vector<std::int64_t>& code_counts) {
  Learned learned;
  for (std::size_t code = 0; code < code_counts.size(); ++code) {
    if (code_counts[code] == 0) continue;
    const bool last = code + 1 == code_counts.size();
    learned.add(last ? missing : static_cast<double>(code), code_counts[code]);
  }
  return learned;
}

Learned learn_numbers(const MatrixView& X, Index column) {
  std::vector<double> cells;
  cells.reserve(static_cast<std::size_t>(X.rows()));
  for (Index i = 0; i < X.rows(); ++i) {
    if (!std::isnan(X(i, column))) cells.push_back(X(i, column) + 0.0);  // no -0
  }
  std::sort(cells.begin(), cells.end());
  Learned learned;
  for (std::size_t begin = 0; begin < cells.size();) {
    std::size_t end = begin + 1;
    while (end < cells.size() && cells[end] == cells[begin]) ++end;
    learned.add(cells[begin], static_cast<std::int64_t>(end - begin));
    begin = end;
  }
  const auto n_missing = X.rows() - static_cast<Index>(cells.size());
  if (n_missing > 0) learned.add(missing, n_missing);
  return learned;
}

}  // namespace

std::vector<std::int64_t> count_codes(std::string_view name, const MatrixView& X, Index column,
                                      const Column& description) {
  std::vector<std::int64_t> counts(description.vocabulary.size() + 1, 0);
  for (Index i = 0; i < X.rows(); ++i) {
    const double value = X(i, column);
    if (std::isnan(value)) {
      ++counts.back();
    } else if (is_code(value, description.vocabulary.size())) {
      ++counts[static_cast<std::size_t>(value)];
    } else {
      throw InvalidArgument("G003",
                            std::string(name) + ": " + row_name(i) + ", column \"" +
                                description.name + "\" holds " + to_text(value) +
                                ", which is no code of its vocabulary of " +
                                std::to_string(description.vocabulary.size()) + " levels",
                            "training rows may hold levels of the vocabulary and missing cells");
    }
  }
  return counts;
}

Categories::Categories(std::string_view name, const MatrixView& X, const Schema& columns)
    : columns_(columns) {
  values_.resize(at(X.cols()));
  counts_.resize(at(X.cols()));
  parallel_for(X.cols(), [&](Index j) {
    Learned learned = columns[j].kind == ColumnKind::categorical
                          ? learn_codes(count_codes(name, X, j, columns[j]))
                          : learn_numbers(X, j);
    values_[at(j)] = std::move(learned.values);
    counts_[at(j)] = std::move(learned.counts);
  });
}

bool Categories::has_missing(Index column) const {
  const std::span<const double> known = values(column);
  return !known.empty() && std::isnan(known.back());
}

Index Categories::find(Index column, double value) const {
  const std::span<const double> known = values(column);
  if (std::isnan(value)) return has_missing(column) ? size(column) - 1 : -1;
  const auto end = known.end() - (has_missing(column) ? 1 : 0);
  const auto found = std::lower_bound(known.begin(), end, value);
  return found != end && *found == value ? found - known.begin() : -1;
}

std::string Categories::text(Index column, Index place) const {
  const double value = values(column)[at(place)];
  if (std::isnan(value)) return "nan";
  const Column& description = columns_[column];
  if (description.kind == ColumnKind::categorical) {
    return description.vocabulary[static_cast<std::size_t>(value)];
  }
  std::string number = to_text(value);
  const bool whole = std::all_of(values(column).begin(), values(column).end(),
                                 [](double v) { return std::isnan(v) || v == std::trunc(v); });
  if (whole && number.ends_with(".0")) number.resize(number.size() - 2);
  return number;
}

std::vector<std::string> Categories::texts(Index column) const {
  std::vector<std::string> result;
  for (Index place = 0; place < size(column); ++place) result.push_back(text(column, place));
  return result;
}

void Categories::refuse(std::string_view name, Index row, Index column, double value) const {
  const Column& description = columns_[column];
  std::string what;
  if (std::isnan(value)) {
    what = "is missing, and no training row was";
  } else if (description.kind == ColumnKind::numeric) {
    what = "holds " + to_text(value) + ", which no training row had";
  } else if (is_code(value, description.vocabulary.size())) {
    what = "holds '" + description.vocabulary[static_cast<std::size_t>(value)] +
           "', which no training row had";
  } else {
    what = "holds a level that is not in its vocabulary";
  }
  throw InvalidArgument(
      "G004",
      std::string(name) + ": " + row_name(row) + ", column \"" + description.name + "\" " + what,
      "handle_unknown says what to do with such cells");
}

void Categories::check_columns(std::string_view name, const Schema& in) const {
  bool same = in.size() == cols();
  for (Index j = 0; same && j < cols(); ++j) same = in[j].kind == columns_[j].kind;
  if (!same) {
    throw InvalidArgument(
        "G005",
        std::string(name) + ": the columns are not those it was fitted on, in number or kind");
  }
}

bool Categories::consistent() const {
  if (cols() == 0 || values_.size() != columns_.columns.size()) return false;
  for (Index j = 0; j < cols(); ++j) {
    const Column& description = columns_[j];
    const std::span<const double> known = values(j);
    if (known.empty()) return false;
    for (std::size_t i = 0; i < known.size(); ++i) {
      if (std::isnan(known[i])) {
        if (i + 1 < known.size()) return false;
        continue;
      }
      if (!std::isfinite(known[i]) || (i > 0 && !(known[i - 1] < known[i]))) return false;
      if (description.kind == ColumnKind::categorical &&
          !is_code(known[i], description.vocabulary.size())) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace lathe
