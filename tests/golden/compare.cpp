#include "tests/golden/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe::golden {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::string brief(const Json& json) {
  const std::string text = json.dump();
  return text.size() > 40 ? text.substr(0, 37) + "..." : text;
}

// The largest finite number of the array, in size.
double scale_of(const Json& expected) {
  if (!expected.is_array()) {
    const auto number = number_in(expected);
    return number && std::isfinite(*number) ? std::abs(*number) : 0.0;
  }
  double scale = 0.0;
  for (const Json& item : expected) scale = std::max(scale, scale_of(item));
  return scale;
}

class Comparison {
 public:
  explicit Comparison(double allowance) : allowance_(allowance) {}

  void run(const Json& expected, const Json& got, const std::string& place) {
    if (expected.is_array() || got.is_array()) {
      lists(expected, got, place);
      return;
    }
    const auto wanted = number_in(expected);
    const auto number = number_in(got);
    if (wanted && number) {
      const bool whole = expected.is_number_integer() && got.is_number_integer();
      if (!close(*wanted, *number, whole ? 0.0 : allowance_)) {
        const double allowed = whole ? 0.0 : allowance_;
        const double off = std::abs(*wanted - *number);
        note(allowed > 0.0 && std::isfinite(off) ? off / allowed : infinity, place, expected, got);
      }
    } else if (expected != got) {
      note(infinity, place, expected, got);
    }
  }

  std::optional<Difference> worst() const { return worst_; }

 private:
  static bool close(double wanted, double number, double allowance) {
    if (std::isnan(wanted) || std::isnan(number)) return std::isnan(wanted) && std::isnan(number);
    return wanted == number || std::abs(wanted - number) <= allowance;
  }

  void lists(const Json& expected, const Json& got, const std::string& place) {
    if (!expected.is_array() || !got.is_array() || expected.size() != got.size()) {
      note(infinity, place + " (of another shape)", expected, got);
      return;
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      run(expected[i], got[i], place + "[" + std::to_string(i) + "]");
    }
  }

  void note(double excess, const std::string& place, const Json& expected, const Json& got) {
    if (worst_ && worst_->excess >= excess) return;
    std::string text = place.empty() ? "" : place + " ";
    text += "is " + brief(got) + ", not " + brief(expected);
    if (std::isfinite(excess)) text += " (" + brief(excess) + " times what is allowed)";
    worst_ = Difference{excess, std::move(text)};
  }

  double allowance_;
  std::optional<Difference> worst_;
};

}  // namespace

std::optional<Difference> compare(const Json& expected, const Json& got,
                                  const Tolerance& tolerance) {
  Comparison comparison(tolerance.atol + tolerance.rtol * scale_of(expected));
  comparison.run(expected, got, "");
  return comparison.worst();
}

}  // namespace lathe::golden
