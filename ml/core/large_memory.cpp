#include "lathe/ml/core/large_memory.h"

#include <cstdint>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace lathe {
namespace {

constexpr std::uintptr_t huge_page = 1 << 21;

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

}  // namespace lathe
