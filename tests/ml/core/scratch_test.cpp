#include "lathe/ml/core/scratch.h"

#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(Scratch, HasTheShapeAskedFor) {
  Scratch scratch(3, 4);
  EXPECT_EQ(scratch.matrix().rows(), 3);
  EXPECT_EQ(scratch.matrix().cols(), 4);
  EXPECT_EQ(Scratch(0, 4).matrix().size(), 0);
}

TEST(Scratch, GivesTheSameMemoryAgain) {
  const double* first = nullptr;
  {
    Scratch scratch(10, 10);
    first = scratch.matrix().data();
  }
  Scratch smaller(5, 5);
  EXPECT_EQ(smaller.matrix().data(), first);
}

TEST(Scratch, NestedOnesDoNotOverlap) {
  Scratch outer(20, 1);
  outer.matrix().setConstant(1.0);
  {
    Scratch inner(20, 1);
    inner.matrix().setConstant(2.0);
    Scratch inmost(20, 1);
    inmost.matrix().setConstant(3.0);
    EXPECT_EQ(inner.matrix().sum(), 40.0);
  }
  EXPECT_EQ(outer.matrix().sum(), 20.0);
}

TEST(Scratch, GrowsWhenMoreIsAskedFor) {
  { const Scratch small(2, 2); }
  Scratch large(1000, 100);
  large.matrix().setConstant(1.0);
  EXPECT_EQ(large.matrix().sum(), 1e5);
}

TEST(Scratch, DeepNestingIsAllGivenBack) {
  std::vector<std::unique_ptr<Scratch>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(std::make_unique<Scratch>(4, 4));
    all.back()->matrix().setConstant(i);
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)]->matrix()(3, 3), i);
}

TEST(Scratch, IsEachThreadsOwn) {
  Scratch here(50, 1);
  here.matrix().setConstant(1.0);
  std::jthread([] {
    Scratch there(50, 1);
    there.matrix().setConstant(2.0);
  }).join();
  EXPECT_EQ(here.matrix().sum(), 50.0);
}

TEST(Scratch, IsGivenBackByAnException) {
  const double* first = nullptr;
  try {
    Scratch scratch(8, 8);
    first = scratch.matrix().data();
    throw 1;
  } catch (int) {
  }
  Scratch again(8, 8);
  EXPECT_EQ(again.matrix().data(), first);
}

}  // namespace
}  // namespace lathe
