#include "lathe/ml/core/random.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include <gmock/gmock.h>

namespace lathe {
namespace {

using testing::ElementsAre;

std::vector<std::uint64_t> draw(Random random, int n) {
  std::vector<std::uint64_t> bits;
  for (int i = 0; i < n; ++i) bits.push_back(random.bits());
  return bits;
}

TEST(Random, IsAFunctionOfSeedPurposeAndIndex) {
  const auto first = draw(Random(1, "a", 2), 8);
  EXPECT_EQ(draw(Random(1, "a", 2), 8), first);
  EXPECT_NE(draw(Random(2, "a", 2), 8), first);
  EXPECT_NE(draw(Random(1, "b", 2), 8), first);
  EXPECT_NE(draw(Random(1, "a", 3), 8), first);
  EXPECT_NE(draw(Random(1ULL << 32, "a", 2), 8), draw(Random(0, "a", 2), 8));
}

TEST(Random, StreamsShareNoNumber) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    for (std::uint64_t index = 0; index < 8; ++index) {
      for (const std::uint64_t bits : draw(Random(seed, "x", index), 100)) seen.insert(bits);
    }
  }
  EXPECT_EQ(seen.size(), 6400U);
}

// Users' seeds and golden files rest on these. Computed apart from this code, by a Philox4x32-10
// that passes Random123's known answers.
TEST(Random, GivesTheSameNumbersInEveryVersion) {
  EXPECT_THAT(draw(Random(0, ""), 3), ElementsAre(6709601941597106783ULL, 15500321221803469668ULL,
                                                  12401390295129021035ULL));
  EXPECT_THAT(draw(Random(42, "kmeans.init", 7), 3),
              ElementsAre(9284297687174101486ULL, 10837471517046614908ULL, 5235163991208034739ULL));
  EXPECT_EQ(derive_seed(0, "", 0), 12014417281350144652ULL);
  EXPECT_EQ(derive_seed(42, "fold", 3), 1734599794219182718ULL);
  EXPECT_THAT(Random(1, "permutation").permutation(6), ElementsAre(1, 0, 5, 2, 4, 3));
}

TEST(Random, UniformIsInTheUnitIntervalWithoutItsEnd) {
  Random random(3, "uniform");
  double sum = 0.0;
  double squares = 0.0;
  const int n = 200'000;
  for (int i = 0; i < n; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / n, 0.5, 0.003);  // five standard errors
  EXPECT_NEAR(squares / n, 1.0 / 3.0, 0.0035);
}

TEST(Random, BelowIsEvenForAnyBound) {
  EXPECT_EQ(Random(1, "one").below(1), 0U);
  for (const std::uint64_t n : {2ULL, 3ULL, 7ULL, 10ULL}) {
    Random random(5, "below", n);
    std::vector<int> count(n);
    const int draws = 70'000;
    for (int i = 0; i < draws; ++i) {
      const std::uint64_t k = random.below(n);
      ASSERT_LT(k, n);
      ++count[k];
    }
    const double expected = static_cast<double>(draws) / static_cast<double>(n);
    for (const int c : count) EXPECT_NEAR(c, expected, 5.0 * std::sqrt(expected)) << n;
  }
}

TEST(Random, BelowReachesAllOfAHugeRange) {
  const std::uint64_t n = (1ULL << 63) + 1;  // half of all draws must be thrown away
  Random random(6, "huge");
  int upper = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t k = random.below(n);
    ASSERT_LT(k, n);
    upper += k >= (1ULL << 62) ? 1 : 0;
  }
  EXPECT_NEAR(upper, 5000, 250);
}

TEST(Random, NormalHasMeanZeroVarianceOneAndNoInfinity) {
  Random random(8, "normal");
  double sum = 0.0;
  double squares = 0.0;
  double fourth = 0.0;
  const int n = 200'000;
  for (int i = 0; i < n; ++i) {
    const double z = random.normal();
    ASSERT_TRUE(std::isfinite(z));
    sum += z;
    squares += z * z;
    fourth += z * z * z * z;
  }
  EXPECT_NEAR(sum / n, 0.0, 0.012);
  EXPECT_NEAR(squares / n, 1.0, 0.016);
  EXPECT_NEAR(fourth / n, 3.0, 0.12);
}

TEST(Random, PermutationHoldsEachNumberOnce) {
  for (const Index n : {0, 1, 2, 100}) {
    std::vector<Index> order = Random(9, "permutation").permutation(n);
    std::sort(order.begin(), order.end());
    ASSERT_EQ(static_cast<Index>(order.size()), n);
    for (Index i = 0; i < n; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  }
}

TEST(Random, PermutationsAreEquallyLikely) {
  std::vector<int> count(6);
  for (std::uint64_t i = 0; i < 12'000; ++i) {
    const std::vector<Index> p = Random(10, "three", i).permutation(3);
    ++count[static_cast<std::size_t>(2 * p[0] + (p[1] > p[2] ? 1 : 0))];
  }
  for (const int c : count) EXPECT_NEAR(c, 2000, 220);
}

TEST(SeedOf, PrefersTheRandomState) {
  EXPECT_EQ(seed_of(5, 9), 5U);
  EXPECT_EQ(seed_of(0, 9), 0U);
  EXPECT_EQ(seed_of(std::nullopt, 9), 9U);
}

TEST(DeriveSeed, DiffersByEachOfItsArguments) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (std::uint64_t index = 0; index < 10; ++index) {
      seen.insert(derive_seed(seed, "fold", index));
      seen.insert(derive_seed(seed, "step", index));
    }
  }
  EXPECT_EQ(seen.size(), 200U);
}

}  // namespace
}  // namespace lathe
