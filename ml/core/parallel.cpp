#include "lathe/ml/core/parallel.h"

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <sched.h>

#ifdef LATHE_TSAN
#include <thread>
#endif

#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

thread_local bool serial = false;  // inside a parallel region, or a SerialScope

std::string_view variable(const char* name) {
  const char* const text = std::getenv(name);
  return text != nullptr ? text : "";
}

[[noreturn]] void refuse_threads(const std::string& asked) {
  throw InvalidArgument("O004",
                        asked + ", but it must be in [1, " + std::to_string(most_threads) + "]");
}

int own_variable() {  // 0: not set
  const std::string_view text = variable("LATHE_NUM_THREADS");
  if (text.empty()) return 0;
  int value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && stop == text.data() + text.size();
  if (!whole || value < 1 || value > most_threads) {
    refuse_threads("LATHE_NUM_THREADS = " + std::string(text));
  }
  return value;
}

int openmp_variable() {  // 0: not set, or nothing that is understood; may be a list
  const std::string_view text = variable("OMP_NUM_THREADS");
  int value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && value > 0 ? std::min(value, most_threads) : 0;
}

int initial_limit() {
  if (const int asked = own_variable(); asked > 0) return asked;
  if (const int asked = openmp_variable(); asked > 0) return asked;
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof cpus, &cpus) == 0) return std::max(1, CPU_COUNT(&cpus));
  return 1;
}

std::atomic<int>& limit() {
  static std::atomic<int> value{initial_limit()};
  return value;
}

// Blocks that are still to be done. It looks before it counts, so that `next` of one that is
// finished stays as it is, and with all threads.
struct alignas(64) Share {
  std::atomic<Index> next{0};
  Index end = 0;

  bool take(Index& block) {
    return next.load(std::memory_order_relaxed) < end && (block = next++) < end;
  }
};

// The first failure by block number, so that the error is the same for any number of threads.
class FirstFailure {
 public:
  void record(Index block, std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (block < block_) {
      block_ = block;
      error_ = std::move(error);
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  Index block_ = std::numeric_limits<Index>::max();
  std::exception_ptr error_;
};

}  // namespace

int thread_limit() { return limit().load(std::memory_order_relaxed); }

void set_thread_limit(int threads) {
  if (threads < 1 || threads > most_threads) {
    refuse_threads("threads = " + std::to_string(threads));
  }
  limit().store(threads, std::memory_order_relaxed);
}

SerialScope::SerialScope() : before_(serial) { serial = true; }
SerialScope::~SerialScope() { serial = before_; }

Index row_block(Index cols) { return std::clamp<Index>(8192 / std::max<Index>(cols, 1), 16, 4096); }

namespace detail {

void run_blocks(Index n_blocks, bool neighbours, void (*call)(void*, Index), void* body) {
  const int threads = static_cast<int>(std::min<Index>(thread_limit(), n_blocks));
  if (serial || threads <= 1) {
    for (Index i = 0; i < n_blocks; ++i) call(body, i);
    return;
  }
  FirstFailure failure;
  const auto guarded = [&](Index i) {
    const SerialScope nested;
    try {
      call(body, i);
    } catch (...) {
      failure.record(i, std::current_exception());
    }
  };
  const int n_shares = neighbours ? threads : 1;
  std::vector<Share> shares(static_cast<std::size_t>(n_shares));
  for (int s = 0; s < n_shares; ++s) {
    shares[static_cast<std::size_t>(s)].next = n_blocks * s / n_shares;
    shares[static_cast<std::size_t>(s)].end = n_blocks * (s + 1) / n_shares;
  }
  const auto work = [&](int t) {
    for (int k = 0; k < n_shares; ++k) {
      Share& share = shares[static_cast<std::size_t>((t + k) % n_shares)];
      for (Index i = 0; share.take(i);) guarded(i);
    }
  };
#ifdef LATHE_TSAN
  std::vector<std::jthread> team;
  for (int t = 0; t < threads; ++t) team.emplace_back(work, t);
  team.clear();
#else
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (int t = 0; t < threads; ++t) work(t);
#endif
  failure.rethrow();
}

}  // namespace detail
}  // namespace lathe
