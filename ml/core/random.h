// Counter-based random numbers (Philox4x32-10; Salmon, Moraes, Dror, Shaw 2011): a pure function of
// (seed, purpose, index), never of a thread. The distributions are ours, since <random>'s differ
// between libraries.
//
//   Random random(seed, "kmeans.init", run);
//   double u = random.uniform();
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/ml/core/types.h"

namespace lathe {

class Random {
 public:
  Random(std::uint64_t seed, std::string_view purpose, std::uint64_t index = 0);

  std::uint64_t bits();
  double uniform();                      // in [0, 1), 53 bits
  std::uint64_t below(std::uint64_t n);  // in [0, n), without bias; n > 0
  double normal();                       // standard normal (Box and Muller 1958)

  template <class T>
  void shuffle(std::span<T> items) {  // Fisher and Yates 1938
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }
  std::vector<Index> permutation(Index n);  // of 0 .. n-1

 private:
  std::uint32_t key_[2];
  std::uint32_t stream_[2];
  std::uint64_t counter_ = 0;
  std::uint64_t spare_ = 0;
  bool has_spare_ = false;
};

// random_state where it is given, else what the context says.
std::uint64_t seed_of(const std::optional<std::int64_t>& random_state, std::uint64_t context_seed);

// A seed for a part: a step of a pipeline, a fold.
std::uint64_t derive_seed(std::uint64_t seed, std::string_view purpose, std::uint64_t index);

}  // namespace lathe
