// What an estimator learns to predict, and what else a fit may be told. Both point at the caller's
// data and are only good for the length of a call.
#pragma once

#include <cstdint>
#include <span>

#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/schema.h"
#include "lathe/ml/core/types.h"

namespace lathe {

// Nothing, numbers (n_samples x n_targets) or labels (n_samples).
class Target {
 public:
  using Numbers = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;

  Target() = default;
  Target(const Labels& labels) : labels_(&labels) {}
  Target(const Vector& y) : Target(y.data(), y.size(), 1, 1) {}
  Target(const Matrix& y) : Target(y.data(), y.rows(), y.cols(), y.cols()) {}
  Target(const MatrixView& y) : Target(y.data(), y.rows(), y.cols(), y.outerStride()) {}
  Target(std::span<const double> y) : Target(y.data(), static_cast<Index>(y.size()), 1, 1) {}

  bool empty() const { return labels_ == nullptr && data_ == nullptr; }
  bool has_labels() const { return labels_ != nullptr; }
  bool has_numbers() const { return data_ != nullptr; }
  Index rows() const { return labels_ != nullptr ? labels_->size() : rows_; }

  const Labels& labels() const { return *labels_; }  // has_labels() must hold
  Numbers numbers() const {                          // has_numbers() must hold
    return {data_, rows_, cols_, Eigen::OuterStride<>(stride_)};
  }

 private:
  Target(const double* data, Index rows, Index cols, Index stride)
      : data_(data), rows_(rows), cols_(cols), stride_(stride) {}

  const Labels* labels_ = nullptr;
  const double* data_ = nullptr;
  Index rows_ = 0;
  Index cols_ = 0;
  Index stride_ = 0;
};

struct Context {
  std::span<const double> weight = {};  // one per row, finite and >= 0; empty: every row counts one
  const Schema* columns = nullptr;      // none: numeric columns x0, x1, ...
  std::uint64_t seed = 0;               // where random_state is none
};

}  // namespace lathe
