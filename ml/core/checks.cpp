#include "lathe/ml/core/checks.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/words.h"

namespace lathe {
namespace {

std::string owner(std::string_view name) { return std::string(name) + ": "; }

std::string shape(const MatrixView& X) {
  return std::to_string(X.rows()) + " x " + std::to_string(X.cols());
}

struct BadCell {  // the first of its kind in row order
  Index row = -1;
  Index column = -1;
  Index count = 0;  // of all

  void add(Index i, Index j) {
    if (count++ == 0) {
      row = i;
      column = j;
    }
  }
  void append(const BadCell& later) {
    if (count == 0) {
      *this = later;
    } else {
      count += later.count;
    }
  }
};

struct BadCells {
  BadCell any;
  BadCell missing;
  BadCell infinite;
};

void find_bad_in_row(const MatrixView& X, Index i, BadCells& found) {
  const double* row = X.data() + i * X.outerStride();
  if (kernels::all_finite(row, X.cols())) return;
  for (Index j = 0; j < X.cols(); ++j) {
    if (std::isfinite(row[j])) continue;
    found.any.add(i, j);
    (std::isnan(row[j]) ? found.missing : found.infinite).add(i, j);
  }
}

// Of rows [begin, end).
BadCells find_bad_in_rows(const MatrixView& X, Index begin, Index end) {
  BadCells found;
  const bool dense = X.outerStride() == X.cols();
  if (dense && kernels::all_finite(X.data() + begin * X.outerStride(), (end - begin) * X.cols())) {
    return found;
  }
  for (Index i = begin; i < end; ++i) find_bad_in_row(X, i, found);
  return found;
}

// On all threads.
BadCells find_bad(const MatrixView& X) {
  constexpr Index block_numbers = 1 << 17;  // 1 MiB: some 30 us, worth handing to a thread
  const Index block_rows = std::max<Index>(1, block_numbers / std::max<Index>(1, X.cols()));
  if (X.rows() <= block_rows) return find_bad_in_rows(X, 0, X.rows());
  std::vector<BadCells> blocks(static_cast<std::size_t>((X.rows() + block_rows - 1) / block_rows));
  parallel_blocks(X.rows(), block_rows, [&](Index block, Index begin, Index end) {
    blocks[static_cast<std::size_t>(block)] = find_bad_in_rows(X, begin, end);
  });
  BadCells found;
  for (const BadCells& here : blocks) {
    found.any.append(here.any);
    found.missing.append(here.missing);
    found.infinite.append(here.infinite);
  }
  return found;
}

[[noreturn]] void refuse_cell(std::string_view name, const BadCell& cell, const Schema* columns,
                              bool infinite) {
  const std::string more =
      cell.count > 1 ? " (and " + std::to_string(cell.count - 1) + " more like it)" : "";
  throw InvalidArgument(
      infinite ? "X003" : "X002",
      owner(name) + "X holds " + (infinite ? "an infinite number" : "a missing value (NaN)") +
          " in " + row_name(cell.row) + ", " + column_name(columns, cell.column) + more,
      infinite ? "drop the row, or replace the number"
               : "put simple_imputer before it, or drop the rows with missing values");
}

void refuse_bad_cells(std::string_view name, bool missing_allowed, const BadCells& found,
                      const Schema* columns) {
  if (found.infinite.count > 0) refuse_cell(name, found.infinite, columns, true);
  if (found.missing.count > 0 && !missing_allowed) refuse_cell(name, found.missing, columns, false);
}

void check_weight(std::string_view name, const Tags& tags, const MatrixView& X,
                  std::span<const double> weight) {
  if (weight.empty()) return;
  if (!tags.weights) throw NotSupported("W003", owner(name) + "it takes no sample weights");
  if (static_cast<Index>(weight.size()) != X.rows()) {
    throw InvalidArgument("W001", owner(name) + std::to_string(weight.size()) + " weights for " +
                                      counted(X.rows(), "row"));
  }
  double total = 0.0;
  for (std::size_t i = 0; i < weight.size(); ++i) {
    if (!std::isfinite(weight[i]) || weight[i] < 0.0) {
      throw InvalidArgument("W002", owner(name) + "weight " + to_text(weight[i]) + " in row " +
                                        std::to_string(i) + ", but weights are finite and >= 0");
    }
    total += weight[i];
  }
  if (!(total > 0.0)) throw InvalidArgument("W002", owner(name) + "all weights are zero");
  if (std::isinf(total))
    throw InvalidArgument("W002", owner(name) + "the weights add up to infinity");
}

thread_local Index origin = 0;  // see RowOrigin

}  // namespace

RowOrigin::RowOrigin(Index first_row) : before_(origin) { origin += first_row; }
RowOrigin::~RowOrigin() { origin = before_; }

std::string row_name(Index i) { return "row " + std::to_string(origin + i); }

std::string column_name(const Schema* columns, Index j) {
  if (columns == nullptr || j >= columns->size()) return "column " + std::to_string(j);
  return "column \"" + (*columns)[j].name + "\"";
}

void check_fit_shape(std::string_view name, const Tags& tags, const MatrixView& X,
                     const Context& context) {
  if (X.rows() == 0 || X.cols() == 0) {
    throw InvalidArgument("X001", owner(name) + "X is empty (" + shape(X) + ")",
                          "a fit needs at least one row and one column");
  }
  const Schema* columns = context.columns;
  if (columns != nullptr) {
    if (columns->size() != X.cols()) {
      throw InvalidArgument("X004", owner(name) + "X has " + counted(X.cols(), "column") +
                                        ", but its schema has " + std::to_string(columns->size()));
    }
    for (Index j = 0; j < X.cols() && !tags.categorical; ++j) {
      if ((*columns)[j].kind == ColumnKind::categorical) {
        throw InvalidArgument(
            "X005",
            owner(name) + column_name(columns, j) + " is categorical, and it takes numbers only",
            "encode it first: columns(categorical: one_hot_encoder, ...) | ...");
      }
    }
  }
  check_weight(name, tags, X, context.weight);
}

void check_fit_cells(std::string_view name, const Tags& tags, const MatrixView& X,
                     const Context& context) {
  refuse_bad_cells(name, tags.missing, find_bad(X), context.columns);
}

void check_fit_data(std::string_view name, const Tags& tags, const MatrixView& X,
                    const Context& context) {
  check_fit_shape(name, tags, X, context);
  check_fit_cells(name, tags, X, context);
}

void check_fit_target(std::string_view name, const Tags& tags, const MatrixView& X,
                      const MatrixView& y) {
  if (y.rows() != X.rows() || y.cols() == 0) {
    throw InvalidArgument(
        "T006", owner(name) + "X has " + counted(X.rows(), "row") + ", but y is " + shape(y));
  }
  if (y.cols() > 1 && !tags.multi_target) {
    throw InvalidArgument("T004", owner(name) + "it takes one target, but y has " +
                                      std::to_string(y.cols()) + " columns");
  }
  const BadCell bad = find_bad(y).any;
  if (bad.count > 0) {
    throw InvalidArgument("T007",
                          owner(name) + "y is not finite in row " + std::to_string(bad.row) +
                              (bad.count > 1 ? " and in other rows" : ""),
                          "drop the rows without a target");
  }
}

void check_fit_labels(std::string_view name, const MatrixView& X, const Labels& y) {
  if (y.size() != X.rows()) {
    throw InvalidArgument("T006", owner(name) + "X has " + counted(X.rows(), "row") +
                                      ", but y has " + std::to_string(y.size()));
  }
  for (Index i = 1; i < y.size(); ++i) {
    if (y[i] != y[0]) return;
  }
  const std::string only = y.size() > 0 ? "one class only ('" + y.name(0) + "')" : "no class";
  throw InvalidArgument("T008", owner(name) + "y holds " + only, "a classifier needs two");
}

void check_squarable(std::string_view name, const MatrixView& X) {
  check_squarable(name, (X.colwise().maxCoeff() - X.colwise().minCoeff()).maxCoeff());
}

void check_squarable(std::string_view name, double widest) {
  if (widest == 0.0 || (widest >= 1e-140 && widest <= 1e140)) return;
  throw InvalidArgument("X008",
                        owner(name) + "X: its widest column ranges over " + to_text(widest) +
                            ", but what is to be squared must range over 1e-140 to 1e140",
                        "scale the columns first: standard_scaler | ...");
}

void check_rows(std::string_view name, const MatrixView& X, Index n_features_in) {
  if (X.cols() == n_features_in) return;
  const bool one_row_upright = X.cols() == 1 && X.rows() == n_features_in;
  throw InvalidArgument(
      "X006",
      owner(name) + "X has " + counted(X.cols(), "column") + ", but the model was fitted on " +
          std::to_string(n_features_in),
      one_row_upright ? "a Vector is a column; for one row pass x.transpose()" : "");
}

void check_out(std::string_view name, const MatrixView& X, const MatrixRef& out, Index n_outputs) {
  if (out.rows() == X.rows() && out.cols() == n_outputs) return;
  throw InvalidArgument("X007", owner(name) + "the result is " + std::to_string(X.rows()) + " x " +
                                    std::to_string(n_outputs) + ", but there is room for " +
                                    std::to_string(out.rows()) + " x " +
                                    std::to_string(out.cols()));
}

void check_finite_rows(std::string_view name, const MatrixView& X, Index n_features_in) {
  check_rows(name, X, n_features_in);
  refuse_bad_cells(name, false, find_bad_in_rows(X, 0, X.rows()), nullptr);
}

void check_no_infinity(std::string_view name, const MatrixView& X, Index n_features_in) {
  check_rows(name, X, n_features_in);
  refuse_bad_cells(name, true, find_bad_in_rows(X, 0, X.rows()), nullptr);
}

}  // namespace lathe
