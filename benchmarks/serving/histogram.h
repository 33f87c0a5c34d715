// Counts of durations, from which quantiles are read with an error below 1 %: 128 buckets for each
// power of two nanoseconds, whatever the number of values.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lathe::server {

class Histogram {
 public:
  void add(std::chrono::nanoseconds value) {
    const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0));
    ++counts_[bucket(ns)];
    ++count_;
  }
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  // The middle of the bucket that holds the value of rank q * count, 0 <= q <= 1; 0 without values.
  std::chrono::nanoseconds quantile(double q) const;

 private:
  static constexpr int bits = 7;
  static std::size_t bucket(std::uint64_t ns);
  static std::uint64_t lower_edge(std::size_t bucket);

  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(std::size_t{65 - bits} << bits);
  std::uint64_t count_ = 0;
};

}  // namespace lathe::server
