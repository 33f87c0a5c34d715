// Whatever can be parsed prints so that it parses to the same: over random values.
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/ml/core/random.h"
#include "lathe/ml/core/value.h"

#include "tests/ml/core/support.h"

namespace lathe {
namespace {

using testing::StartsWith;

// Values and pipes of any shape, as the parser can make them.
class Grower {
 public:
  explicit Grower(std::uint64_t seed) : random_(seed, "value_test") {}

  Pipe pipe(int depth) {
    Pipe result;
    const auto n = 1 + random_.below(3);
    for (std::uint64_t i = 0; i < n; ++i) result.steps.push_back(step(depth));
    return result;
  }

  Value value(int depth) {
    switch (random_.below(depth > 0 ? 9 : 7)) {
      case 0:
        return Value(None{});
      case 1:
        return Value(random_.below(2) == 1);
      case 2:
        return Value(static_cast<std::int64_t>(random_.bits() >> random_.below(64)));
      case 3:
      case 4:
        return Value(number());
      case 5:
        return Value(text());
      case 6:
        return Value(Word{word()});
      case 7:
        return Value(list(depth));
      default: {  // a bare name without steps after it would be a word
        Pipe inner = pipe(depth - 1);
        Step& first = inner.steps[0];
        const bool bare = first.arguments.empty() && first.branches.empty();
        if (bare && inner.steps.size() == 1) inner.steps.push_back(step(0));
        return Value(std::move(inner));
      }
    }
  }

 private:
  Step step(int depth) {
    Step result{word(), {}, {}, 0};
    const auto n = random_.below(3);
    for (std::uint64_t i = 0; i < n; ++i) {
      result.arguments.push_back({word() + std::to_string(i), value(depth), 0});
    }
    if (depth > 0 && random_.below(3) == 0) {
      result.branches.push_back({selector(), pipe(depth - 1)});
    }
    return result;
  }
  Value selector() {
    if (random_.below(2) == 0) return Value(Word{word()});
    return Value(std::vector<Value>{Value(text()), Value(Word{word()})});
  }
  std::vector<Value> list(int depth) {
    std::vector<Value> items;
    const auto n = random_.below(4);
    for (std::uint64_t i = 0; i < n; ++i) items.push_back(value(depth - 1));
    return items;
  }
  double number() {
    double result = 0.0;
    const std::uint64_t bits = random_.bits();  // any double at all, NaN and subnormals too
    static_assert(sizeof bits == sizeof result);
    __builtin_memcpy(&result, &bits, sizeof bits);
    return random_.below(2) == 0 ? result : std::round(random_.normal() * 100.0);
  }
  std::string text() {
    std::string result;
    const auto n = random_.below(8);
    for (std::uint64_t i = 0; i < n; ++i) result += static_cast<char>(random_.below(256));
    return result;
  }
  std::string word() {
    constexpr std::string_view first = "abzAZ_";
    constexpr std::string_view more = "abzAZ_059-+.";
    std::string result = "w";  // so that none is reserved
    result += first[random_.below(first.size())];
    const auto n = random_.below(5);
    for (std::uint64_t i = 0; i < n; ++i) result += more[random_.below(more.size())];
    return result;
  }

  Random random_;
};

TEST(TextForm, RoundTripsWhateverTheValue) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    const Value value = Grower(seed).value(4);
    const std::string text = to_text(value);
    ASSERT_EQ(parse_value(text), value) << text;
    ASSERT_EQ(to_text(parse_value(text)), text);
  }
}

TEST(TextForm, RoundTripsWhateverThePipe) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Pipe pipe = Grower(seed).pipe(4);
    const std::string text = to_text(pipe);
    ASSERT_EQ(parse_pipe(text), pipe) << text;
  }
}

TEST(TextForm, DamagedParsesOrIsRefusedWithACaret) {
  Random random(7, "value_test.damage");
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    std::string text = to_text(Grower(seed).pipe(3));
    const auto at = random.below(text.size());
    switch (random.below(3)) {
      case 0:
        text[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        text.erase(at, 1);
        break;
      default:
        text.resize(at);
    }
    const std::string why = refusal([&] { parse_pipe(text); });
    if (why.empty()) continue;
    ASSERT_THAT(why, StartsWith("P001 "));
    ASSERT_GE(caret(why), 1) << why;
  }
}

}  // namespace
}  // namespace lathe
