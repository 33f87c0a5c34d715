#include "lathe/ml/core/random.h"

#include <cmath>
#include <numbers>
#include <numeric>

#include <Random123/philox.h>

namespace lathe {
namespace {

// FNV-1a, only to turn a purpose into numbers.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 14695981039346656037ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return h;
}

// SplitMix64's finisher: spreads every bit of its input.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

}  // namespace

Random::Random(std::uint64_t seed, std::string_view purpose, std::uint64_t index)
    : key_{low(seed), high(seed)}, stream_{} {
  const std::uint64_t stream = mix(hash(purpose) ^ mix(index));
  stream_[0] = low(stream);
  stream_[1] = high(stream);
}

std::uint64_t Random::bits() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const r123::Philox4x32::ctr_type counter = {
      {low(counter_), high(counter_), stream_[0], stream_[1]}};
  const r123::Philox4x32::key_type key = {{key_[0], key_[1]}};
  const auto out = r123::Philox4x32()(counter, key);
  ++counter_;
  spare_ = (static_cast<std::uint64_t>(out[3]) << 32) | out[2];
  has_spare_ = true;
  return (static_cast<std::uint64_t>(out[1]) << 32) | out[0];
}

double Random::uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

std::uint64_t Random::below(std::uint64_t n) {
  // Multiply and take the high half; reject the few values that would make it uneven (Lemire 2019).
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(bits()) * n;
  if (static_cast<std::uint64_t>(product) < n) {
    const std::uint64_t threshold = (0 - n) % n;
    while (static_cast<std::uint64_t>(product) < threshold) {
      product = static_cast<Wide>(bits()) * n;
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::vector<Index> Random::permutation(Index n) {
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  shuffle(std::span<Index>(order));
  return order;
}

std::uint64_t seed_of(const std::optional<std::int64_t>& random_state, std::uint64_t context_seed) {
  return random_state ? static_cast<std::uint64_t>(*random_state) : context_seed;
}

std::uint64_t derive_seed(std::uint64_t seed, std::string_view purpose, std::uint64_t index) {
  return mix(seed ^ mix(hash(purpose) ^ mix(index)));
}

}  // namespace lathe
