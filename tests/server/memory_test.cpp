#include "lathe/server/memory.h"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"

namespace lathe::server {

namespace {

std::string refusal(HeldMemory& held, std::size_t bytes) {
  try {
    held.set(bytes);
  } catch (const Overloaded& error) {
    return error.code() + ": " + error.what() + "; " + error.help();
  }
  return "";
}

TEST(Memory, IsGivenBack) {
  Memory memory(100'000);
  {
    HeldMemory one(memory), other(memory);
    one.set(60'000);
    other.add(10'000);
    other.add(10'000);
    EXPECT_EQ(memory.held(), 80'000U);
    other.shrink_to(30'000);
    EXPECT_EQ(other.bytes(), 20'000U);
    other.shrink_to(5'000);
    EXPECT_EQ(memory.held(), 65'000U);
    const HeldMemory moved = std::move(one);
    EXPECT_EQ(memory.held(), 65'000U);
  }
  EXPECT_EQ(memory.held(), 0U);
}

TEST(Memory, SmallSharesAreNotCounted) {
  Memory memory(100'000);
  HeldMemory held(memory);
  held.set(HeldMemory::small);
  EXPECT_EQ(memory.held(), 0U);
  held.add(1);
  EXPECT_EQ(memory.held(), HeldMemory::small + 1) << "all of it";
  held.set(1);
  EXPECT_EQ(memory.held(), 0U);
}

TEST(Memory, ARefusalTellsARequestThatIsTooLargeFromOneThatComesAtABadTime) {
  Memory memory(100'000);
  HeldMemory one(memory), other(memory);
  EXPECT_EQ(refusal(one, 100'000), "");
  EXPECT_EQ(refusal(one, 100'001),
            "R017: a request that takes 100001 bytes while it is answered is larger than the limit "
            "of 100000; send fewer rows at a time, or raise "
            "--max-memory-mib");
  EXPECT_EQ(one.bytes(), 100'000U);
  EXPECT_EQ(refusal(other, 5'000),
            "R020: requests hold 100000 of the 100000 bytes that they may, and this one "
            "takes 5000 more; try again later, or raise --max-memory-mib");
  EXPECT_EQ(memory.held(), 100'000U);
  one.set(95'000);
  EXPECT_EQ(refusal(other, 5'000), "");
}

}  // namespace

}  // namespace lathe::server
