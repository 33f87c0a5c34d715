#include "lathe/server/binding.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

#include "lathe/ml/core/error.h"
#include "lathe/server/tensors.h"
#include "lathe/server/text.h"

namespace lathe::server {

using inference::ModelInferRequest;

namespace {

std::string column_label(const ServedModel& served, Index column) {
  return "column " + in_quotes(served.inputs()[column].name);
}

void check_cells(Index rows, Index cols, Index max_cells) {
  if (cols != 0 && rows > max_cells / cols) {
    throw Overloaded("R017",
                     std::to_string(rows) + " rows x " + std::to_string(cols) +
                         " columns are more than the limit of " + std::to_string(max_cells) +
                         " cells a request",
                     "send fewer rows at a time, or raise --max-cells");
  }
}

void check_kind(const Tensor& tensor, const ServedModel& served, Index column) {
  const bool categorical = served.inputs()[column].kind == ColumnKind::categorical;
  if (tensor.is_text() == categorical) return;
  throw InvalidArgument(
      "R012",
      tensor.label() + " has the datatype " + tensor.datatype() + ": " +
          column_label(served, column) +
          (categorical ? " is categorical and takes BYTES" : " is numeric and takes numbers"),
      tensor.cols() > 1 ? "send one tensor per column" : "");
}

// One column of rows.owned: the codes of every `step`th text from `first` in its vocabulary.
void encode(const std::vector<std::string_view>& texts, std::size_t first, std::size_t step,
            const ServedModel& served, Index column, Rows& rows) {
  const std::vector<std::string>& vocabulary = served.inputs()[column].vocabulary;
  bool seen = false;
  for (Index i = 0; i < rows.rows; ++i) {
    const std::string_view text = texts[first + static_cast<std::size_t>(i) * step];
    double& cell = rows.owned(i, column);
    const auto found = std::lower_bound(vocabulary.begin(), vocabulary.end(), text);
    if (found != vocabulary.end() && *found == text) {
      cell = static_cast<double>(found - vocabulary.begin());
    } else if (text.empty()) {
      cell = std::numeric_limits<double>::quiet_NaN();
    } else {
      cell = unknown_category;
      if (!seen) rows.unknown.push_back({i, column, std::string(text)});
      seen = true;
    }
  }
}

// One tensor holds all columns.
void bind_whole(const Tensor& tensor, const ServedModel& served, Index max_cells, Rows& rows) {
  const Schema& inputs = served.inputs();
  if (tensor.cols() != inputs.size()) {
    throw InvalidArgument("R011",
                          tensor.label() + " has " + std::to_string(tensor.cols()) +
                              " columns: model " + in_quotes(served.name()) + " takes " +
                              std::to_string(inputs.size()),
                          "in the order " + listed(inputs.columns, 8, &Column::name));
  }
  if (tensor.is_text() || !served.all_numeric()) {
    for (Index j = 0; j < inputs.size(); ++j) check_kind(tensor, served, j);
  }
  check_cells(tensor.rows(), rows.cols, max_cells);
  rows.rows = tensor.rows();
  rows.data = tensor.in_place();
  if (rows.data != nullptr) return;
  rows.owned.resize(rows.rows, rows.cols);
  rows.data = rows.owned.data();
  if (!tensor.is_text()) return tensor.copy_to(rows.owned.data(), 1);
  const std::vector<std::string_view> texts = tensor.texts();
  const auto cols = static_cast<std::size_t>(rows.cols);
  for (std::size_t j = 0; j < cols; ++j) {
    encode(texts, j, cols, served, static_cast<Index>(j), rows);
  }
}

// A tensor for each column.
void bind_columns(const std::vector<Tensor>& tensors, const ServedModel& served, Index max_cells,
                  Rows& rows) {
  std::vector<const Tensor*> by_column(static_cast<std::size_t>(rows.cols), nullptr);
  const Tensor* first = nullptr;
  for (const Tensor& tensor : tensors) {
    const auto column = served.find_column(tensor.name());
    if (!column) {
      rows.ignored += (rows.ignored.empty() ? "" : ", ") + std::string(tensor.name());
      continue;
    }
    const Tensor*& place = by_column[static_cast<std::size_t>(*column)];
    if (place != nullptr) throw InvalidArgument("R013", tensor.label() + " is there twice");
    place = &tensor;
    check_kind(tensor, served, *column);
    if (tensor.cols() != 1) {
      throw InvalidArgument("R011", tensor.label() + " has " + std::to_string(tensor.cols()) +
                                        " columns: a column's tensor is [rows] or [rows, 1]");
    }
    if (first == nullptr) first = &tensor;
    if (tensor.rows() != first->rows()) {
      throw InvalidArgument("R013", tensor.label() + " has " + std::to_string(tensor.rows()) +
                                        " rows, " + first->label() + " has " +
                                        std::to_string(first->rows()));
    }
  }
  std::vector<std::string_view> absent;
  for (Index j = 0; j < rows.cols; ++j) {
    if (by_column[static_cast<std::size_t>(j)] == nullptr) {
      absent.push_back(served.inputs()[j].name);
    }
  }
  if (!absent.empty()) {
    throw InvalidArgument(
        "R011", "no input for " + listed(absent) + " of model " + in_quotes(served.name()),
        rows.ignored.empty() ? ""
                             : "there are inputs " + rows.ignored + ", which it does not have");
  }
  check_cells(first->rows(), rows.cols, max_cells);
  rows.rows = first->rows();
  rows.owned.resize(rows.rows, rows.cols);
  rows.data = rows.owned.data();
  for (Index j = 0; j < rows.cols; ++j) {
    const Tensor& tensor = *by_column[static_cast<std::size_t>(j)];
    if (tensor.is_text()) {
      encode(tensor.texts(), 0, 1, served, j, rows);
    } else {
      tensor.copy_to(rows.owned.data() + j, rows.cols);
    }
  }
}

}  // namespace

Rows bind(const ModelInferRequest& request, const ServedModel& served, Index max_cells) {
  const int count = request.inputs_size();
  if (count == 0) throw InvalidArgument("R004", "the request has no inputs");
  const int raw = request.raw_input_contents_size();
  if (raw != 0 && raw != count) {
    throw InvalidArgument("R007", "the request has " + std::to_string(count) + " inputs and " +
                                      std::to_string(raw) +
                                      " raw_input_contents: one for each, or none");
  }
  Rows rows;
  rows.cols = served.inputs().size();
  const auto is_whole = [&](const Tensor& tensor) {
    return count == 1 && tensor.dims() == 2 &&
           (tensor.cols() == rows.cols || !served.find_column(tensor.name()));
  };
  if (const Tensor first(request, 0); is_whole(first)) {
    bind_whole(first, served, max_cells, rows);
  } else {
    std::vector<Tensor> tensors{first};
    tensors.reserve(static_cast<std::size_t>(count));
    for (int i = 1; i < count; ++i) tensors.emplace_back(request, i);
    bind_columns(tensors, served, max_cells, rows);
  }
  return rows;
}

}  // namespace lathe::server
