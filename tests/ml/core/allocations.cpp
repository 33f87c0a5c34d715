#include "tests/ml/core/allocations.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace {

thread_local bool counting = false;
thread_local std::size_t calls_so_far = 0;
thread_local std::size_t largest = 0;

[[maybe_unused]] void count(std::size_t bytes) {
  if (!counting) return;
  ++calls_so_far;
  largest = std::max(largest, bytes);
}

}  // namespace

// In front of the C library's, so that operator new and Eigen are counted alike.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LATHE_COUNTS_ALLOCATIONS
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t n, std::size_t bytes);
void* __libc_realloc(void* old, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);

void* malloc(std::size_t bytes) {
  count(bytes);
  return __libc_malloc(bytes);
}
void* calloc(std::size_t n, std::size_t bytes) {
  count(n * bytes);
  return __libc_calloc(n, bytes);
}
void* realloc(void* old, std::size_t bytes) {
  count(bytes);
  return __libc_realloc(old, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count(bytes);
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t bytes) {
  count(bytes);
  *out = __libc_memalign(alignment, bytes);
  return *out != nullptr ? 0 : ENOMEM;
}
}
#endif

namespace lathe {

AllocationCount::AllocationCount() {
  calls_so_far = 0;
  largest = 0;
  counting = true;
}
AllocationCount::~AllocationCount() { counting = false; }

bool AllocationCount::works() {
#ifdef LATHE_COUNTS_ALLOCATIONS
  return true;
#else
  return false;
#endif
}

std::size_t AllocationCount::calls() const { return calls_so_far; }
std::size_t AllocationCount::most() const { return largest; }

}  // namespace lathe
