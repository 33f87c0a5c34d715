// Threads. Work is cut into blocks that do not depend on the number of threads, and partial results
// are combined in block order, so the bits of a result never depend on it either. This is the only
// place that knows of OpenMP (in the tsan preset: std::jthread).
#pragma once

#include <algorithm>
#include <memory>
#include <type_traits>

#include "lathe/ml/core/types.h"

namespace lathe {

inline constexpr int most_threads = 1024;  // a system that refuses a thread ends the process

// The budget of the process: LATHE_NUM_THREADS, else OMP_NUM_THREADS, else the CPUs this process
// may use. Changing it changes no result. Throws InvalidArgument (O004) where LATHE_NUM_THREADS is
// no number from 1 to most_threads; OMP_NUM_THREADS, which is not ours, is heeded as far as it
// goes.
int thread_limit();
void set_thread_limit(int threads);  // 1 to most_threads; throws InvalidArgument (O004) otherwise

// Serial on this thread while it lives: for a server's threads.
class SerialScope {
 public:
  SerialScope();
  ~SerialScope();
  SerialScope(const SerialScope&) = delete;
  SerialScope& operator=(const SerialScope&) = delete;

 private:
  bool before_;
};

namespace detail {
// neighbours: each thread takes a share of blocks that follow each other; else all from one.
void run_blocks(Index n_blocks, bool neighbours, void (*call)(void*, Index), void* body);

template <class Body>
void run_blocks(Index n, bool neighbours, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  run_blocks(
      n, neighbours, [](void* self, Index i) { (*static_cast<Plain*>(self))(i); },
      const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}
}  // namespace detail

// body(i) for each i in [0, n), on any thread, begun in this order; nested calls run serially. If
// any throws, the exception of the lowest i is thrown here once all have ended.
template <class Body>
void parallel_for(Index n, Body&& body) {
  detail::run_blocks(n, false, body);
}

// body(block, begin, end) over [0, n) cut into blocks of `size` (the last may be shorter). Each
// thread takes blocks that follow each other, so that what it fetches ahead is what it works on
// next, and helps the others when it is done.
template <class Body>
void parallel_blocks(Index n, Index size, Body&& body) {
  detail::run_blocks((n + size - 1) / size, true, [&](Index block) {
    body(block, block * size, std::min(n, (block + 1) * size));
  });
}

// Rows of a block in row-wise work on a matrix of `cols` columns: about 64 KiB, 16 to 4096 rows.
Index row_block(Index cols);

}  // namespace lathe
