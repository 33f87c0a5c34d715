#include "lathe/server/version_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"

namespace lathe::server {

namespace {

TEST(VersionPolicy, ReadsBackWhatItWrites) {
  for (const char* text : {"latest(1)", "latest(12)", "all", "specific(3)", "specific(1,3)"}) {
    EXPECT_EQ(VersionPolicy::parse(text).text(), text);
  }
  EXPECT_EQ(VersionPolicy::parse("latest"), VersionPolicy());
  EXPECT_EQ(VersionPolicy::parse(" specific( 3, 1 , 3 ) ").text(), "specific(1,3)");
}

TEST(VersionPolicy, TakesWhatItSays) {
  const VersionPolicy two = VersionPolicy::latest(2);
  EXPECT_TRUE(two.takes(1, 1));
  EXPECT_FALSE(two.takes(1, 2));
  const VersionPolicy some = VersionPolicy::specific({1, 3});
  EXPECT_TRUE(some.takes(3, 100));
  EXPECT_FALSE(some.takes(2, 0));
  EXPECT_TRUE(VersionPolicy::all().takes(1, 100));
}

TEST(VersionPolicy, RefusesWhatIsNoneAndSaysWhatIs) {
  for (const char* text : {"", "newest", "latest(0)", "latest()", "latest(1,2)", "latest(-1)",
                           "latest(1", "all(1)", "specific()", "specific(1,)", "specific(a)",
                           "specific(01)", "specific", "latest(99999999999999999999)"}) {
    try {
      VersionPolicy::parse(text);
      FAIL() << text;
    } catch (const InvalidArgument& error) {
      EXPECT_EQ(error.code(), "U012");
      EXPECT_THAT(error.what(), testing::HasSubstr("\"" + std::string(text) + "\"")) << text;
    }
  }
}

}  // namespace

}  // namespace lathe::server
