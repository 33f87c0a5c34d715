#include <algorithm>
#include <map>
#include <utility>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/scratch.h"
#include "lathe/preprocessing/columns.h"

namespace lathe {
namespace {

std::size_t at(Index j) { return static_cast<std::size_t>(j); }

bool adjacent(const std::vector<Index>& columns) {
  for (std::size_t k = 1; k < columns.size(); ++k) {
    if (columns[k] != columns[k - 1] + 1) return false;
  }
  return true;
}

void transform_part(const ColumnsModel::Part& part, const MatrixView& block, MatrixRef out) {
  const auto n = static_cast<Index>(part.columns.size());
  if (adjacent(part.columns)) {
    part.model->transform_into(block.middleCols(part.columns.front(), n), out);
    return;
  }
  Scratch scratch(block.rows(), n);
  Eigen::Map<Matrix> taken = scratch.matrix();
  for (Index i = 0; i < block.rows(); ++i) {
    for (Index k = 0; k < n; ++k) taken(i, k) = block(i, part.columns[at(k)]);
  }
  part.model->transform_into(taken, out);
}

}  // namespace

ColumnsModel::ColumnsModel(Index n_features, std::vector<Part> parts)
    : n_features_(n_features), parts_(std::move(parts)) {
  prepare();
}

void ColumnsModel::prepare() {
  offsets_ = {0};
  for (const Part& part : parts_) offsets_.push_back(offsets_.back() + part.model->n_outputs());
}

std::string_view ColumnsModel::name() const { return Columns::name; }

Schema ColumnsModel::columns_out(const Schema& in) const {
  if (in.size() != n_features_) {
    throw InvalidArgument("G005", "columns: the columns are not those it was fitted on, in number");
  }
  Schema out;
  std::map<std::string, std::size_t> first_part;  // of each name
  std::map<std::string, bool> in_several;
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    Schema own;
    for (const Index j : parts_[p].columns) own.columns.push_back(in[j]);
    for (Column& column : parts_[p].model->columns_out(own).columns) {
      const auto [known, added] = first_part.try_emplace(column.name, p);
      if (!added && known->second != p) in_several[column.name] = true;
      out.columns.push_back(std::move(column));
    }
  }
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    for (Index k = offsets_[p]; k < offsets_[p + 1]; ++k) {
      std::string& name = out.columns[at(k)].name;
      if (in_several.contains(name)) name = parts_[p].label + "__" + name;
    }
  }
  make_names_unique(out);
  return out;
}

void ColumnsModel::transform_into(const MatrixView& X, MatrixRef out) const {
  check_rows(name(), X, n_features_);
  check_out(name(), X, out, n_outputs());
  const Index size = row_block(n_features_ + n_outputs());
  for (Index begin = 0; begin == 0 || begin < X.rows(); begin += size) {
    const Index rows = std::min(size, X.rows() - begin);
    const RowOrigin origin(begin);
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      transform_part(parts_[p], X.middleRows(begin, rows),
                     out.block(begin, offsets_[p], rows, offsets_[p + 1] - offsets_[p]));
    }
  }
}

std::vector<Attribute> ColumnsModel::attributes() const {
  std::vector<Attribute> result;
  for (const Part& part : parts_) {
    for (Attribute& attribute : part.model->attributes()) {
      attribute.name = part.label + "." + attribute.name;
      result.push_back(std::move(attribute));
    }
  }
  return result;
}

bool ColumnsModel::converged() const {
  return std::all_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.model->converged(); });
}

std::vector<std::string> ColumnsModel::warnings() const {
  std::vector<std::string> result;
  for (const Part& part : parts_) {
    for (std::string& warning : part.model->warnings()) {
      result.push_back(part.label + ": " + std::move(warning));
    }
  }
  return result;
}

void ColumnsModel::save(OutputArchive& archive) const {
  std::vector<std::string> labels;
  std::vector<std::vector<std::int64_t>> columns;
  std::vector<ModelPtr> models;
  for (const Part& part : parts_) {
    labels.push_back(part.label);
    columns.emplace_back(part.columns.begin(), part.columns.end());
    models.push_back(part.model);
  }
  archive.version(1);
  archive(n_features_, labels, columns, models);
}

ColumnsModel::ColumnsModel(InputArchive& archive) {
  std::vector<std::string> labels;
  std::vector<std::vector<std::int64_t>> columns;
  std::vector<ModelPtr> models;
  archive.version(1);
  archive(n_features_, labels, columns, models);
  check_state(Columns::name, n_features_ > 0 && !models.empty() && labels.size() == models.size() &&
                                 columns.size() == models.size());
  for (std::size_t p = 0; p < models.size(); ++p) {
    const auto& own = columns[p];
    check_state(Columns::name, std::all_of(own.begin(), own.end(), [&](std::int64_t j) {
                  return j >= 0 && j < n_features_;
                }));
    auto model = std::dynamic_pointer_cast<const Transformer>(models[p]);
    check_state(Columns::name, model != nullptr && !own.empty() &&
                                   model->n_features_in() == static_cast<Index>(own.size()));
    parts_.push_back({std::move(labels[p]), {own.begin(), own.end()}, std::move(model)});
  }
  prepare();
}

}  // namespace lathe
