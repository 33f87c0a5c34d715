#include "benchmarks/serving/histogram.h"

#include <bit>
#include <cmath>

namespace lathe::server {

// Values below 2^bits have a bucket each; above, the leading bit gives the row and the next `bits`
// bits the place in it.
std::size_t Histogram::bucket(std::uint64_t ns) {
  const int shift = static_cast<int>(std::bit_width(ns)) - 1 - bits;
  if (shift < 0) return static_cast<std::size_t>(ns);
  return (static_cast<std::size_t>(shift + 1) << bits) + ((ns >> shift) - (1U << bits));
}

std::uint64_t Histogram::lower_edge(std::size_t bucket) {
  const std::size_t row = bucket >> bits;
  const std::uint64_t place = bucket & ((1U << bits) - 1);
  return row == 0 ? place : ((1U << bits) + place) << (row - 1);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
}

std::chrono::nanoseconds Histogram::quantile(double q) const {
  if (count_ == 0) return {};
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_))));
  std::size_t i = 0;
  for (std::uint64_t seen = counts_[0]; seen < rank; seen += counts_[i]) ++i;
  const std::uint64_t low = lower_edge(i);
  return std::chrono::nanoseconds((low + lower_edge(i + 1)) / 2);
}

}  // namespace lathe::server
