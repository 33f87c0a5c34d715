#include "lathe/ml/core/double_double.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(DoubleDouble, SumsAndProductsAreExact) {
  const DoubleDouble sum = two_sum(1.0, 0x1p-80);
  EXPECT_EQ(sum.hi, 1.0);
  EXPECT_EQ(sum.lo, 0x1p-80);
  const double x = 1.0 + 0x1p-52;
  const DoubleDouble product = two_prod(x, x);  // 1 + 2^-51 + 2^-104
  EXPECT_EQ(product.hi, 1.0 + 0x1p-51);
  EXPECT_EQ(product.lo, 0x1p-104);
}

TEST(DoubleDouble, CancellationKeepsWhatIsLeft) {
  const DoubleDouble a = DoubleDouble(0x1p60) + 1.0 + 0x1p-40;
  EXPECT_EQ((a - 0x1p60 - 1.0).value(), 0x1p-40);
}

TEST(DoubleDouble, AThirdTimesThreeIsOne) {
  const DoubleDouble third = DoubleDouble(1.0) / 3.0;
  EXPECT_NEAR((third * 3.0 - 1.0).value(), 0.0, 0x1p-103);
  EXPECT_NE(third.lo, 0.0);
}

TEST(DoubleDouble, RunningSumsDoNotLoseSmallTerms) {
  DoubleDoubleSum sum;
  sum.add(1e100);
  sum.add_product(3.0, DoubleDouble(0.5, 0x1p-60));
  sum.add(-1e100);
  EXPECT_EQ(sum.total().value(), 1.5);
}

TEST(DoubleDouble, SumsOfThreeKeepWhatCancelsBeyondTwo) {
  TripleSum sum;
  sum.add_product(0x1p60 + 0x1p8, 0x1p50 + 0x1p-2);  // 2^110 + 2^59 + 64, in two doubles
  sum.add(0x1p-45);                                  // 155 bits below
  sum.add_product(-0x1p60, 0x1p50);
  sum.add(-0x1p59);
  EXPECT_EQ(sum.total().hi, 64.0 + 0x1p-45);
  EXPECT_EQ(sum.total().lo, 0.0);
}

}  // namespace
}  // namespace lathe
