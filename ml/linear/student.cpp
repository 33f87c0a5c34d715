#include "lathe/ml/linear/student.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace lathe {
namespace {

// The continued fraction, by Lentz's method as Thompson and Barnett (1986) modified it.
double beta_fraction(double a, double b, double x) {
  constexpr double tiny = 1e-300;
  constexpr int max_terms = 100000;
  const auto away_from_zero = [](double v) { return std::abs(v) < tiny ? tiny : v; };
  double c = 1.0;
  double d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
  double fraction = d;
  for (int m = 1; m < max_terms; ++m) {
    const double k = m;
    const double even = k * (b - k) * x / ((a + 2.0 * k - 1.0) * (a + 2.0 * k));
    d = 1.0 / away_from_zero(1.0 + even * d);
    c = away_from_zero(1.0 + even / c);
    fraction *= d * c;
    const double odd = -(a + k) * (a + b + k) * x / ((a + 2.0 * k) * (a + 2.0 * k + 1.0));
    d = 1.0 / away_from_zero(1.0 + odd * d);
    c = away_from_zero(1.0 + odd / c);
    fraction *= d * c;
    if (std::abs(d * c - 1.0) < 1e-16) break;
  }
  return fraction;
}

// log(value), where complement = 1 - value is known better near 1.
double log_of(double value, double complement) {
  return value > 0.5 ? std::log1p(-complement) : std::log(value);
}

// log of the beta function. For a large argument the difference of two logarithms of the gamma
// function is taken by Stirling's series, since each is so much larger than what is left.
double log_beta(double a, double b) {
  if (a < b) std::swap(a, b);
  int sign = 0;
  if (a < 50.0) return lgamma_r(a, &sign) + lgamma_r(b, &sign) - lgamma_r(a + b, &sign);
  const auto series = [](double z) {
    const double w = 1.0 / (z * z);
    return (1.0 / 12.0 - w * (1.0 / 360.0 - w / 1260.0)) / z;
  };
  return lgamma_r(b, &sign) - (a - 0.5) * std::log1p(b / a) - b * (std::log(a + b) - 1.0) +
         (series(a) - series(a + b));
}

}  // namespace

double incomplete_beta(double a, double b, double x, double y) {
  if (!(x > 0.0)) return 0.0;
  if (!(y > 0.0)) return 1.0;
  const double front = std::exp(a * log_of(x, y) + b * log_of(y, x) - log_beta(a, b));
  if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_fraction(a, b, x) / a;
  return 1.0 - front * beta_fraction(b, a, y) / b;
}

double student_two_sided(double t, double dof) {
  if (std::isnan(t) || !(dof > 0.0)) return std::numeric_limits<double>::quiet_NaN();
  const double squared = t * t;
  if (std::isinf(squared)) return 0.0;
  return incomplete_beta(0.5 * dof, 0.5, dof / (dof + squared), squared / (dof + squared));
}

double student_quantile(double p, double dof) {
  if (!(p > 0.0 && p < 1.0) || !(dof > 0.0)) return std::numeric_limits<double>::quiet_NaN();
  const double tail = 2.0 * std::min(p, 1.0 - p);
  if (tail >= 1.0) return 0.0;
  double low = 0.0;
  double high = 1.0;
  while (student_two_sided(high, dof) > tail) high *= 2.0;
  // Bisection to neighbouring doubles: at most some 1100 steps, for the smallest of tails.
  for (;;) {
    const double middle = low + 0.5 * (high - low);
    if (middle <= low || middle >= high) break;
    (student_two_sided(middle, dof) > tail ? low : high) = middle;
  }
  return p < 0.5 ? -high : high;
}

double fisher_above(double f, double dof1, double dof2) {
  if (std::isnan(f) || !(dof1 > 0.0) || !(dof2 > 0.0)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (f <= 0.0) return 1.0;
  if (std::isinf(f)) return 0.0;
  const double scaled = dof1 * f;
  return incomplete_beta(0.5 * dof2, 0.5 * dof1, dof2 / (dof2 + scaled), scaled / (dof2 + scaled));
}

}  // namespace lathe
