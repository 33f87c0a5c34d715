// Centres laid out for the kernels. Internal to k-means.
#pragma once

#include <vector>

#include "lathe/ml/core/kernel_cluster_table.h"
#include "lathe/ml/core/types.h"

namespace lathe {

class PackedCentres {
 public:
  // Keeps its memory from one call to the next.
  void pack(const Matrix& centres) {
    rows_.clear();
    for (Index j = 0; j < centres.rows(); ++j) rows_.push_back(centres.data() + j * centres.cols());
    pack(centres.cols());
  }
  void pack(const std::vector<const double*>& rows, Index d) {
    rows_ = rows;
    pack(d);
  }

  const Vector& numbers() const { return packed_; }
  const double* data() const { return packed_.data(); }
  Index size() const { return static_cast<Index>(rows_.size()); }
  Index lanes() const { return kernels::cluster_table().lanes(size()); }

 private:
  void pack(Index d) {
    if (packed_.size() < lanes() * d) packed_.resize(lanes() * d);
    kernels::cluster_table().pack(rows_.data(), size(), d, packed_.data());
  }

  std::vector<const double*> rows_;
  Vector packed_;
};

}  // namespace lathe
