#include "lathe/ml/contract.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lathe {
namespace {

constexpr int quantile_steps = 10;

double interpolate(double a, double b, double t) {
  const double step = b - a;
  if (!std::isfinite(step)) return a * (1.0 - t) + b * t;
  return t < 0.5 ? a + step * t : b - step * (1.0 - t);  // numpy's: exact at both ends
}

std::vector<double> quantiles(std::span<const double> sorted) {
  std::vector<double> at;
  at.reserve(quantile_steps + 1);
  for (int i = 0; i <= quantile_steps; ++i) {
    const double place =
        static_cast<double>(i) / quantile_steps * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    at.push_back(interpolate(sorted[below], sorted[above], place - static_cast<double>(below)));
  }
  return at;
}

}  // namespace

ColumnStatistics numeric_statistics(std::span<const double> cells) {
  std::vector<double> present;
  present.reserve(cells.size());
  std::copy_if(cells.begin(), cells.end(), std::back_inserter(present),
               [](double cell) { return !std::isnan(cell); });

  ColumnStatistics statistics;
  statistics.count = static_cast<std::int64_t>(present.size());
  statistics.missing = static_cast<std::int64_t>(cells.size()) - statistics.count;
  if (present.empty()) return statistics;

  std::sort(present.begin(), present.end());
  statistics.min = present.front();
  statistics.max = present.back();
  statistics.quantiles = quantiles(present);

  // Scaled by a power of two, which rounds nothing, so that neither sum overflows or underflows.
  const double largest = std::max(std::abs(present.front()), std::abs(present.back()));
  const int exponent = largest > 0.0 ? std::ilogb(largest) : 0;
  const auto n = static_cast<double>(present.size());
  double sum = 0.0;
  for (double& x : present) sum += (x = std::scalbn(x, -exponent));
  const double mean = std::clamp(sum / n, present.front(), present.back());
  double squares = 0.0;
  double rest = 0.0;  // of the rounded mean (Chan, Golub, LeVeque 1983)
  for (const double x : present) {
    squares += (x - mean) * (x - mean);
    rest += x - mean;
  }
  statistics.mean = std::scalbn(mean, exponent);
  if (present.size() > 1) {
    const double variance = std::max(0.0, squares - rest * rest / n) / (n - 1.0);
    statistics.sd =
        std::min(std::scalbn(std::sqrt(variance), exponent), std::numeric_limits<double>::max());
  }
  return statistics;
}

ColumnStatistics category_statistics(std::span<const double> codes, Index levels) {
  ColumnStatistics statistics;
  statistics.category_counts.resize(static_cast<std::size_t>(levels));
  for (const double code : codes) {
    if (std::isnan(code)) {
      ++statistics.missing;
    } else {
      ++statistics.category_counts[static_cast<std::size_t>(code)];
      ++statistics.count;
    }
  }
  return statistics;
}

std::string_view lathe_version() { return LATHE_VERSION; }

}  // namespace lathe
