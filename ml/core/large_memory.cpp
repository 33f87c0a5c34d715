#include "lathe/ml/core/large_memory.h"

#include <cstdint>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace lathe {
namespace {

constexpr std::uintptr_t huge_page = 1 << 21;
constexpr Index beyond_caches = Index{1} << 23;  // numbers: 64 MiB

thread_local const double* past_begin = nullptr;
thread_local const double* past_end = nullptr;

}  // namespace

void prefer_huge_pages(const double* begin, Index numbers) {
#ifdef __linux__
  if (numbers * static_cast<Index>(sizeof(double)) < 2 * static_cast<Index>(huge_page)) return;
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::uintptr_t first = (address + huge_page - 1) / huge_page * huge_page;
  const std::uintptr_t last =
      (address + static_cast<std::uintptr_t>(numbers) * sizeof(double)) / huge_page * huge_page;
  // Where the system refuses, small pages do as well.
  if (last > first) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#else
  static_cast<void>(begin);
  static_cast<void>(numbers);
#endif
}

Matrix large_matrix(Index rows, Index cols) {
  Matrix matrix(rows, cols);
  prefer_huge_pages(matrix.data(), matrix.size());
  return matrix;
}

PastCache::PastCache(const double* begin, Index numbers, Index whole)
    : begin_before_(past_begin), end_before_(past_end) {
  if (whole < beyond_caches) return;
  past_begin = begin;
  past_end = begin + numbers;
}

PastCache::~PastCache() {
  past_begin = begin_before_;
  past_end = end_before_;
}

bool goes_past_cache(const double* p) { return p >= past_begin && p < past_end; }

}  // namespace lathe
