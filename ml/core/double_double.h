// Numbers held as the unevaluated sum of two doubles, about 106 bits: for sums and residuals in
// which everything of working precision cancels (Dekker 1971; Knuth, TAOCP 2, 4.2.2; Ogita, Rump
// and Oishi 2005). Needs -ffp-contract=off, which would otherwise undo the error terms. Products
// must not overflow, nor fall below about 1e-290, where their error is no longer a double.
#pragma once

#include <cmath>

namespace lathe {

struct DoubleDouble {
  double hi = 0.0;
  double lo = 0.0;  // at most half a unit in the last place of hi

  constexpr DoubleDouble() = default;
  constexpr DoubleDouble(double value) : hi(value) {}
  constexpr DoubleDouble(double high, double low) : hi(high), lo(low) {}

  constexpr double value() const { return hi + lo; }
};

// a + b exactly.
inline DoubleDouble two_sum(double a, double b) {
  const double sum = a + b;
  const double part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

// a + b exactly, where |a| >= |b| or a is 0.
inline DoubleDouble fast_two_sum(double a, double b) {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

// a * b exactly.
inline DoubleDouble two_prod(double a, double b) {
  const double product = a * b;
  return {product, std::fma(a, b, -product)};
}

inline DoubleDouble operator-(DoubleDouble a) { return {-a.hi, -a.lo}; }

inline DoubleDouble operator+(DoubleDouble a, DoubleDouble b) {
  DoubleDouble high = two_sum(a.hi, b.hi);
  const DoubleDouble low = two_sum(a.lo, b.lo);
  high = fast_two_sum(high.hi, high.lo + low.hi);
  return fast_two_sum(high.hi, high.lo + low.lo);
}

inline DoubleDouble operator-(DoubleDouble a, DoubleDouble b) { return a + -b; }

inline DoubleDouble operator*(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble product = two_prod(a.hi, b.hi);
  return fast_two_sum(product.hi, product.lo + (a.hi * b.lo + a.lo * b.hi));
}

inline DoubleDouble operator/(DoubleDouble a, DoubleDouble b) {
  const double first = a.hi / b.hi;
  const DoubleDouble rest = a - b * first;
  const double second = rest.hi / b.hi;
  const double third = (rest - b * second).hi / b.hi;
  return fast_two_sum(first, second) + third;
}

// A running sum of products; cheaper than the operators, its low part is brought in order at the
// end only.
class DoubleDoubleSum {
 public:
  void add(double a) {
    const DoubleDouble sum = two_sum(hi_, a);
    hi_ = sum.hi;
    lo_ += sum.lo;
  }
  void add_product(double a, DoubleDouble b) {
    const DoubleDouble product = two_prod(a, b.hi);
    const DoubleDouble sum = two_sum(hi_, product.hi);
    hi_ = sum.hi;
    lo_ += sum.lo + (product.lo + a * b.lo);
  }
  DoubleDouble total() const { return two_sum(hi_, lo_); }

 private:
  double hi_ = 0.0;
  double lo_ = 0.0;
};

// A running sum of three doubles, about 159 bits, for what cancels beyond the digits of two (Ogita,
// Rump and Oishi 2005, DotK).
class TripleSum {
 public:
  void add(double a) {
    const DoubleDouble sum = two_sum(hi_, a);
    hi_ = sum.hi;
    add_low(sum.lo);
  }
  void add_product(double a, double b) {
    const DoubleDouble product = two_prod(a, b);
    add(product.hi);
    add_low(product.lo);
  }
  DoubleDouble total() const {
    const DoubleDouble low = two_sum(mid_, lo_);
    return DoubleDouble(hi_) + low;
  }

 private:
  void add_low(double a) {
    const DoubleDouble sum = two_sum(mid_, a);
    mid_ = sum.hi;
    lo_ += sum.lo;
  }

  double hi_ = 0.0;
  double mid_ = 0.0;
  double lo_ = 0.0;
};

}  // namespace lathe
