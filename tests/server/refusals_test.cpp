#include "lathe/server/refusals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lathe::server {

namespace {

using namespace std::chrono_literals;

TEST(Refusals, TellTheFirstOfAKindAndThenCount) {
  Refusals refusals;
  const Refusals::Time start{};
  EXPECT_EQ(refusals.add("R017", "too many cells", start), "R017: too many cells");
  EXPECT_EQ(refusals.add("R017", "too many cells", start + 1s), std::nullopt);
  EXPECT_EQ(refusals.add("R017", "too many cells", start + 59s), std::nullopt);
  EXPECT_NE(refusals.add("R018", "too many calls", start + 59s), std::nullopt) << "another kind";
  EXPECT_EQ(refusals.add("R017", "too many cells", start + 60s),
            "R017: too many cells; and 2 since this was last said");
  EXPECT_EQ(refusals.add("R017", "too many cells", start + 61s), std::nullopt);
  EXPECT_EQ(refusals.add("R017", "too many cells", start + 200s),
            "R017: too many cells; and 1 since this was last said");
}

}  // namespace

}  // namespace lathe::server
