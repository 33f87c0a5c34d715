// Large matrices touched for the first time: a page fault for every 4 KiB costs more than most
// loops over them (12 us each on a virtual machine; 160 MB took 461 ms, with huge pages 17).
#pragma once

#include "lathe/ml/core/types.h"

namespace lathe {

// Asks for huge pages where there are more than 4 MiB. Before the numbers are first written.
void prefer_huge_pages(const double* begin, Index numbers);

// A matrix of such memory; its numbers are whatever they were.
Matrix large_matrix(Index rows, Index cols);

// While it lives, this thread's kernels may write these numbers past the cache: each once, of a
// result too large to stay there, where a line is else read before it is written. 1000000 x 20
// numbers standardised by two threads took 7.6 ms instead of 10.9 (Zen 4).
class PastCache {
 public:
  // Nothing, unless `numbers` from `begin` on are part of a result of `whole` numbers that is so
  // large.
  PastCache(const double* begin, Index numbers, Index whole);
  ~PastCache();
  PastCache(const PastCache&) = delete;
  PastCache& operator=(const PastCache&) = delete;

 private:
  const double* begin_before_;
  const double* end_before_;
};

// Whether that was said of the number at p.
bool goes_past_cache(const double* p);

}  // namespace lathe
