// Rows fetched from memory while others are multiplied, for kernels_*.cpp only: see kernel_lanes.h.
#pragma once

#include "lathe/ml/core/kernel_lanes.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

class Fetch {
 public:
  // While `tiles` tiles of d columns are worked on, about as many lines in each.
  Fetch(const double* const* rows, ptrdiff_t n, ptrdiff_t d, ptrdiff_t tiles)
      : rows_(rows), end_(rows + n), d_(d), lines_((n + tiles - 1) / tiles) {}

  // Once for each tile and 8 columns.
  void some() {
    for (ptrdiff_t line = 0; line < lines_ && rows_ < end_; ++line) {
      __builtin_prefetch(*rows_ + column_, 0, 2);
      column_ += 8;
      if (column_ < d_) continue;
      column_ = 0;
      ++rows_;
    }
  }

 private:
  const double* const* rows_;
  const double* const* end_;
  ptrdiff_t d_;
  ptrdiff_t lines_;
  ptrdiff_t column_ = 0;
};

// For short rows, which come by themselves.
struct NoFetch {
  void some() const {}
};

}  // namespace
}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
