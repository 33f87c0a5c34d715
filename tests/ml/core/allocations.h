// Counts what a piece of code allocates on this thread.
#pragma once

#include <cstddef>

namespace lathe {

class AllocationCount {
 public:
  AllocationCount();
  ~AllocationCount();
  AllocationCount(const AllocationCount&) = delete;
  AllocationCount& operator=(const AllocationCount&) = delete;

  // False where a sanitizer has its own malloc: then nothing is counted.
  static bool works();

  std::size_t calls() const;  // since the constructor
  std::size_t most() const;   // bytes of the largest one
};

}  // namespace lathe
