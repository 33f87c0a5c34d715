// A sum in a fixed order whose error does not grow with the number of terms (Neumaier 1974).
#pragma once

#include <cmath>

namespace lathe {

class AccurateSum {
 public:
  void add(double term) {
    const double total = total_ + term;
    const double larger = std::abs(total_) >= std::abs(term) ? total_ : term;
    const double smaller = std::abs(total_) >= std::abs(term) ? term : total_;
    lost_ += (larger - total) + smaller;
    total_ = total;
  }
  double value() const { return std::isfinite(total_) ? total_ + lost_ : total_; }

 private:
  double total_ = 0.0;
  double lost_ = 0.0;
};

}  // namespace lathe
