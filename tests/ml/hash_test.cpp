#include "lathe/ml/hash.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace lathe {
namespace {

// `xxhsum -H2` and `-H3` of the same bytes.
TEST(Hash, IsXxh3) {
  Hash hash;
  EXPECT_EQ(hash.sum64(), 0x2d06800538d394c2U);
  EXPECT_EQ(hash.hex128(), "99aa06d3014798d86001c324468d497f");
  hash.add("abc");
  EXPECT_EQ(hash.sum64(), 0x78af5f94892f3950U);
  EXPECT_EQ(hash.hex128(), "06b05ab6733a618578af5f94892f3950");
}

TEST(Hash, DoesNotDependOnHowTheBytesCome) {
  const std::string bytes(5000, 'x');
  Hash whole;
  whole.add(bytes);
  Hash parts;
  for (std::size_t i = 0; i < bytes.size(); i += 77)
    parts.add(std::string_view(bytes).substr(i, 77));
  EXPECT_EQ(whole.sum64(), parts.sum64());
  EXPECT_EQ(whole.hex128(), parts.hex128());
}

TEST(Hash, TextsDifferWhereTheirBordersDo) {
  Hash a;
  a.add_text("ab");
  a.add_text("c");
  Hash b;
  b.add_text("a");
  b.add_text("bc");
  EXPECT_NE(a.hex128(), b.hex128());
}

TEST(Hash, TakesEveryNaNForTheSame) {
  std::vector<double> numbers(1500, std::nan(""));
  Hash a;
  a.add_numbers(numbers);
  numbers[1200] = -std::nan("7");
  Hash b;
  b.add_numbers(numbers);
  EXPECT_EQ(a.hex128(), b.hex128());
  numbers[1200] = 0.0;
  Hash c;
  c.add_numbers(numbers);
  EXPECT_NE(a.hex128(), c.hex128());
}

}  // namespace
}  // namespace lathe
